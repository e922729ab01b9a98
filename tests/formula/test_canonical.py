"""Spellings of one formula are one tree, and its value is NumPy's."""

import pickle
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from models.formula.canonical import canonical, negative
from models.formula.errors import FormulaError
from models.formula.evaluate import evaluate
from models.formula.formula import Formula
from models.formula.parse import parse
from models.formula.tree import Sum
from models.registry import SHAPES
from tests.formula.trees import (
    NAMES,
    Bounded,
    computes_numbers,
    expressions,
    names_in,
    spelled,
    value,
)

NUMPY = {
    **{n: getattr(np, n) for n in ("exp", "log", "sqrt", "sin", "cos", "tanh", "abs", "cosh")},
    "log1p": np.log1p,
    "cbrt": np.cbrt,
    "atan": np.arctan,
    "erf": scipy.special.erf,
}
X = np.concatenate([np.linspace(-3, 3, 30), np.linspace(0.11, 40, 40)])
VALUES = {"a": 1.37, "b": -0.61, "c": 2.25, "d": 0.083}


def tree_of(text, parameters=None):
    return canonical(parse(text, SHAPES, parameters).tree)


SAME = [
    ("a*exp(-x/tau)", "N*exp(-(x/T))"),
    ("a*exp(-x/tau)", "a * exp(-1/tau * x)"),
    ("a*exp(-0.5*((x-mu)/s)^2)", "A*exp(-(x - m)**2/(2*w^2))"),
    ("a*exp(-0.5*((x-mu)/s)^2)", "A*exp(-(x - m)*(x - m)/2/w/w)"),
    ("a*exp(-0.5*((x-mu)/s)^2)", "A*exp(-1/2*(-m + x)^2/w^2)"),
    ("a + b*x", "a + x*b"),
    ("a + b*x + c*x^2", "a + (b*x + c*x*x)"),
    ("a + b*x + c*x^2", "a + c0*x + x^2*c1"),
    ("a - b", "-(-a + b)"),
    ("a*b*x", "a*(b*x)"),
    ("a/b/x", "a/(b*x)"),
    ("a/(b/x)", "a*x/b"),
    ("a*x^-2", "a/x^2"),
    ("a*sqrt(x)", "a*x^0.5"),
    ("a*x", "1*a*x/1 + 0"),
    ("a*abs(b - x)", "a*abs(x*(-1) + b)"),
    ("hypot(a, x)", "hypot(x, a)"),
    ("min(a, x, b)", "min(x, a, b)"),
    ("n*gaussian(x, mu, s)", "a*gaussian(x, b, c)"),
    ("a + 2*pi", "a + 6.283185307179586"),
    ("(x + a) + 1 + 2", "x + a + 3"),
]

DIFFERENT = [
    ("a*x", "a/x"),
    ("a - b*x", "a + b*x"),
    ("a*x + b", "b + a*x"),  # the order of the parameters is another
    ("x - a + b", "x + a - b"),
    ("n*gaussian(x, mu, s)", "n*lorentzian(x, mu, s)"),
    ("where(x < a, b, c)", "where(x <= a, b, c)"),
    ("a*exp(x)", "a*expm1(x)"),
    ("a/b", "a/b*(c/c)"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_same(one, other):
    assert tree_of(one) == tree_of(other)
    assert hash(tree_of(one)) == hash(tree_of(other))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different(one, other):
    assert tree_of(one) != tree_of(other)


def test_order_of_appearance_counts_and_names_do_not():
    assert tree_of("where(x > a, b, c)", ["a", "b", "c"]) == tree_of(
        "where(p < x, q, r)", ["p", "q", "r"]
    )
    assert tree_of("a*exp(-x/t)", ["t", "a"]) != tree_of("a*exp(-x/t)", ["a", "t"])


@pytest.mark.parametrize("text", ["x - a + d", "(x - a) + d", "d + (x - a)", "a*0 + (x - a) + d"])
def test_exact_differences_are_taken_first(text):
    """(x + d) - a would lose d."""
    tree = tree_of(text, ["a", "d"])
    found = evaluate(tree, jnp.array([1e9 + 0.25]), (jnp.array(1e9), jnp.array(1e-12)))
    assert float(found[0]) == 0.25 + 1e-12


def test_a_long_sum_of_parameters_nested_until_python_gave_up():
    """Each pair of its terms was a node, so that 290 of them could not even be hashed."""
    formula = Formula.read("+".join(["a", "b"] * 145), SHAPES)
    assert len(formula.tree.children) == 290
    assert pickle.loads(pickle.dumps(formula)) == formula
    assert float(formula.value(jnp.zeros(1), 1.0, 2.0)[0]) == 435


@pytest.mark.parametrize(
    "text",
    [
        "x - (a*exp(x)*1.7e308*1e10 + x)",
        "-(a*x + a^-0.5*5e-324*1001)",
        "-(a*x - a^-0.5*1e200*1e201)",
    ],
)
def test_minus_a_product_of_extreme_numbers_was_written_in_two_ways(text):
    """One that is not multiplied out had its sign apart, or on its first number."""
    tree = tree_of(text)
    assert canonical(tree) == tree
    assert negative(negative(tree)) == tree


def test_quotients_do_not_overflow_on_one_side():
    """Multiplied out first, the divisors would be infinite, and the quotient 0."""
    tree = tree_of("n*exp(b*x)/exp(c*x)/exp(d*x)")
    params = [jnp.array(v) for v in (2.0, 600.0, 500.0, 400.0)]
    found = evaluate(tree, jnp.ones(1), params)
    np.testing.assert_allclose(found, 2 * np.exp(-300.0), rtol=1e-13)


def cancels(tree):
    """Whether a sum holds a term and its opposite: then it has no sign of its own."""
    return isinstance(tree, Sum) and any(negative(t) in tree.terms for t in tree.terms)


def draws(data):
    return lambda n: data.draw(st.integers(0, n - 1))


@settings(max_examples=250, deadline=None)
@given(expressions, st.data())
def test_random_spellings_are_one_tree_with_the_value_of_numpy(expression, data):
    names = sorted(names_in(expression))
    assume(names)
    texts = [spelled(expression, draws(data)) for _ in range(2)]
    try:
        trees = [tree_of(text, names) for text in texts]
    except FormulaError:  # constants without value, which REFUSED tells of
        return
    assert canonical(trees[0]) == trees[0] or any(map(cancels, trees[0].walk()))
    scope = {"x": Bounded.of(X), **{n: Bounded.of(VALUES[n]) for n in NAMES}}
    with np.errstate(all="ignore"):
        twin = value(expression, scope, NUMPY)
    params = [jnp.asarray(VALUES[n]) for n in names]
    for tree in (*trees, parse(texts[0], SHAPES, names).tree):
        found = np.asarray(evaluate(tree, jnp.asarray(X), params))
        assert found.shape == X.shape
        assert found.dtype == np.float64
        clear = np.isfinite(twin.value) & np.isfinite(twin.error) & (np.abs(twin.value) < 1e150)
        clear &= twin.error < 1e-6 * np.abs(twin.value)
        off = np.abs(found - twin.value)[np.broadcast_to(clear, X.shape)]
        bound = twin.error + 1e-12 * np.abs(twin.value) + 1e-200
        assert (off <= np.broadcast_to(bound, X.shape)[np.broadcast_to(clear, X.shape)]).all()


@settings(max_examples=250, deadline=None)
@given(expressions, st.data())
def test_random_spellings_are_equal(expression, data):
    names = sorted(names_in(expression))
    # numbers that stand together are computed first, so that x*(0.1*0.7) is not x*0.1*0.7
    assume(names and not computes_numbers(expression))
    texts = [spelled(expression, draws(data)) for _ in range(2)]
    try:
        one, other = (tree_of(text, names) for text in texts)
    except FormulaError:
        return
    assume(not any(map(cancels, one.walk())))
    assert one == other, texts


def test_a_formula_survives_the_way_to_another_process():
    """Hashes of text differ between processes, so a hash must not travel."""
    formula = Formula.read("a*exp(-x/tau) + n*gaussian(x, mu, s)", SHAPES)
    assert len({formula, Formula.read("A*exp(-x/T) + N*gaussian(x, m, w)", SHAPES)}) == 1
    code = (
        "import pickle, sys, models\n"
        "from models.formula.formula import Formula\n"
        "from models.registry import SHAPES\n"
        "sent = pickle.load(sys.stdin.buffer)\n"
        "here = Formula.read('a*exp(-x/tau) + n*gaussian(x, mu, s)', SHAPES)\n"
        "assert sent == here and hash(sent) == hash(here) and sent in {here}\n"
        "print(here.tree.key)"
    )
    sent = pickle.dumps(formula)
    done = subprocess.run(
        [sys.executable, "-c", code], input=sent, capture_output=True, check=True, timeout=120
    )
    assert done.stdout.decode().strip() == formula.tree.key


def test_divisors_in_a_row_are_not_multiplied_before_they_are_known_to_be_exact():
    """3 * 0.1 is rounded, so a / 3 / 0.1 once differed from -(a / 3) / -0.1."""
    one, other = (tree_of(text, ["a"]) for text in ("a/3.0/0.1", "-(a/3.0)/(-0.1)"))
    assert one == other
