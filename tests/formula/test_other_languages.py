"""What is said of functions that other languages have: to follow it changes no value."""

import math
import re

import mpmath
import numpy as np
import pytest
import scipy.special

from models.formula.elsewhere import ELSEWHERE, EXPRESSIONS, NOTHING_LIKE, instead_of
from models.formula.errors import FormulaError
from models.formula.formula import Formula
from models.formula.functions import FUNCTIONS
from models.registry import SHAPES

X = np.array([0.4, 1.3, 2.7])
#: Notations of others: what is said of them, what it makes of them, and its values where
#: parameters are 1.5 and 0.7 in order.
NOTATIONS = {
    "[0]*x+[1]": ("p0 for [0]", "p0*x+p1", 1.5 * X + 0.7),
    "p[0]*x+p[1]": ("p0 for p[0]", "p0*x+p1", 1.5 * X + 0.7),
    "a*sin^2(x)+b": ("sin(...)^2", "a*sin(x)^2+b", 1.5 * np.sin(X) ** 2 + 0.7),
    "a*cos**2 x+b": ("cos(...)^2", "a*cos(x)^2+b", 1.5 * np.cos(X) ** 2 + 0.7),
    "a*exp x+b": ("exp(...)", "a*exp(x)+b", 1.5 * np.exp(X) + 0.7),
    "a*ln x+b": ("log(...)", "a*log(x)+b", 1.5 * np.log(X) + 0.7),
    "a*LN^2(x)+b": ("log(...)^2", "a*log(x)^2+b", 1.5 * np.log(X) ** 2 + 0.7),
    "x<2 ? a : b": ("where(x < a, ..., ...)", "where(x < 2, a, b)", np.where(X < 2, 1.5, 0.7)),
    "where(x!=2, a, b)": ("by <, <=, >, >=", "where(x < 2, a, b)", np.where(X < 2, 1.5, 0.7)),
    "a(x-1)+b": ("a*(...)", "a*(x-1)+b", 1.5 * (X - 1) + 0.7),
    "a*x(x-1)+b": ("x*(...)", "a*x*(x-1)+b", 1.5 * X * (X - 1) + 0.7),
    r"a\cdot x+b": ("write * for a product", "a*x+b", 1.5 * X + 0.7),
    r"a\,x+b": ("write * for a product", "a*x+b", 1.5 * X + 0.7),
    r"\alpha*x+b": ("write alpha, without", "alpha*x+b", 1.5 * X + 0.7),
    r"\frac{a}{x}+b": ("write (a)/(b)", "(a)/(x)+b", 1.5 / X + 0.7),
    r"\left(a+b\right)*x": ("take left and right out", "(a+b)*x", 2.2 * X),
    r"where(x \leq 2, a, b)": ("write <=", "where(x <= 2, a, b)", np.where(X <= 2, 1.5, 0.7)),
    "a_{1}*x+b": ("as in a0 or a_x", "a_1*x+b", 1.5 * X + 0.7),
}

SCIPY = ("erfcx", "exp10", "exp2", "expit", "factorial", "logit")
NUMPY = ("deg2rad", "degrees", "rad2deg", "radians", "reciprocal", "square")
MPMATH = ("acot", "acoth", "acsc", "acsch", "asec", "asech", "cot", "coth", "csc", "csch", "sec")
TWINS = {
    **{name: getattr(scipy.special, name) for name in SCIPY},
    **{name: getattr(np, name) for name in NUMPY},
    **{name: getattr(mpmath, name) for name in (*MPMATH, "sech", "sinc")},
    "acosd": lambda x: math.degrees(math.acos(x)),
    "arccot": mpmath.acot,
    "asind": lambda x: math.degrees(math.asin(x)),
    "atand": lambda x: math.degrees(math.atan(x)),
    "cosd": scipy.special.cosdg,
    "cosec": mpmath.csc,
    "ctg": mpmath.cot,
    "cube": lambda x: x * x * x,
    "sigmoid": scipy.special.expit,
    "sind": scipy.special.sindg,
    "sqr": np.square,
    "tand": scipy.special.tandg,
    "tgamma": scipy.special.gamma,
}
BEYOND_ONE = ("acoth", "acsc", "asec")
ARGUMENTS = {
    "erfcx": np.array([0.3, 2.0]),
    **{name: np.array([-2.5, 1.3]) for name in BEYOND_ONE},
    **{name: np.array([-0.6, 0.3]) for name in ("acosd", "asind")},
    **{name: np.array([0.2, 0.7]) for name in ("asech", "logit", "factorial", "tgamma")},
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_what_is_written_out_has_the_same_values(name):
    x = ARGUMENTS.get(name, np.array([-0.7, 0.4, 1.3]))
    formula = Formula.read(f"a*({EXPRESSIONS[name].partition(',')[0]})", SHAPES)
    wanted = [float(TWINS[name](u)) for u in x]
    np.testing.assert_allclose(formula.value(x, 1.0), wanted, rtol=1e-13)


def test_nothing_but_the_same_is_suggested_for_what_numpy_and_scipy_have():
    modules = (np, scipy.special, math)
    names = {n for m in modules for n in dir(m) if callable(getattr(m, n)) and n[0] != "_"}
    names -= {*FUNCTIONS, *SHAPES, "isin", "long"}  # which are of sets and integers
    told = {name: re.fullmatch(r"did you mean (\w+)\?", instead_of(name, SHAPES)) for name in names}
    meant = {name: said[1] for name, said in told.items() if said and said[1] in FUNCTIONS}
    for name, ours in meant.items():
        theirs = next(getattr(m, name) for m in modules if hasattr(m, name))
        assert float(theirs(0.3)) == pytest.approx(FUNCTIONS[ours].fold(0.3), rel=1e-14), name


def test_names_are_told_in_lower_case():
    assert all(name == name.lower() for name in {*ELSEWHERE, *EXPRESSIONS, *NOTHING_LIKE})


@pytest.mark.parametrize("text", NOTATIONS)
def test_what_is_said_of_other_notations_leads_to_the_same_formula(text):
    said, formula, wanted = NOTATIONS[text]
    with pytest.raises(FormulaError) as refusal:
        Formula.read(text, SHAPES)
    assert said in refusal.value.message
    np.testing.assert_allclose(Formula.read(formula, SHAPES).value(X, 1.5, 0.7), wanted, rtol=1e-14)
