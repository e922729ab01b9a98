"""Linear parameters, limits, units and candidate starts, as a formula tells them."""

import itertools
import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.features import Features
from models.formula.dimensions import units
from models.formula.errors import FormulaError
from models.formula.formula import Formula
from models.formula.roles import roles
from models.formula.starts import MOST
from models.registry import SHAPES

FEW = Features(
    locations=(4.0,),
    widths=(1.5,),
    decay_lengths=(2.0,),
    periods=tuple(40 / k for k in range(1, 120)),
    low=0.0,
    high=10.0,
)

LINEAR = {
    "a*exp(-x/tau) + c": {"a", "c"},
    "a + b*x + c*x^2": {"a", "b", "c"},
    "a*b*x": {"a"},
    "a*(b + c*x)": {"a"},
    "a/b*x": {"a"},
    "a/(b + x)": {"a"},
    "(a + b)/x - c": {"a", "b", "c"},
    "n*(f*gaussian(x, m, s) + (1 - f)*exponential(x, t))": {"n"},
    "where(x < c, a, a + b*(x - c))": {"a", "b"},
    "where(x < c, a, a*b)": {"a"},
    "sin(a*x)": set(),
    "abs(a)*x": set(),
    "max(a, b)*x": set(),
    "a^2*x + b^1": {"b"},
    "sqrt(a)*x": set(),
    "polynomial(x, a, b)*c": {"a", "b"},
    "polynomial(a*x, b, c)": {"b", "c"},
    "a*b + a*c*x": {"a"},
    "-(a - x*b)/3": {"a", "b"},
}


def read(text, parameters=None):
    return Formula.read(text, SHAPES, parameters)


@pytest.mark.parametrize("text", LINEAR)
def test_linear_parameters(text):
    formula = read(text)
    found = {p.name for p in formula.declare() if p.linear}
    assert found == LINEAR[text]
    x, rng = jnp.linspace(0.5, 3, 7), np.random.default_rng(1)
    params = jnp.asarray(rng.uniform(0.5, 2, len(formula.names)))
    places = [formula.names.index(name) for name in found]
    second = jax.jit(jax.hessian(lambda p: formula.value(x, *p)))(params)
    for i, j in itertools.product(places, places):
        np.testing.assert_allclose(second[:, i, j], 0, atol=1e-12)


def test_parameters_of_a_shape_keep_their_limits():
    formula = read("n*gaussian(x, mu, sigma) + k*gaussian(x, mu2, 2*w) - c*exponential(x, t)/2")
    found = {p.name: p for p in formula.declare()}
    assert found["sigma"].lower == found["t"].lower == 0
    assert found["w"].lower is found["mu"].lower is None
    assert [n for n, p in found.items() if p.events] == ["n", "k"]
    assert all(found[n].linear for n in "nkc")


def test_ends_of_a_range_stay_ends():
    formula = read("chebyshev(x, a, b, c, from_, to)")
    assert [p.end for p in formula.declare()] == [None, None, None, "low", "high"]
    assert list(formula.starts(FEW)) == [()]


def test_prefix_and_new_names_belong_to_the_client():
    formula = Formula(read("a*x + b").tree, ("a", "b"), prefix="s_", rename=(("b", "z"),))
    assert [p.name for p in formula.parameters] == ["s_a", "z"]
    assert formula == read("c*x + d")
    assert formula.is_custom


UNITS = {
    "a*exp(-x/tau) + c": {"a": (0, 1), "tau": (1, 0), "c": (0, 1)},
    "a*exp(-k*x)": {"a": (0, 1), "k": (-1, 0)},
    "a + b*x + c*x^2": {"a": (0, 1), "b": (-1, 1), "c": (-2, 1)},
    "a*exp(-(x - m)^2/(2*s^2))": {"a": (0, 1), "m": (1, 0), "s": (1, 0)},
    "a*exp(-v*x^2)": {"a": (0, 1), "v": (-2, 0)},
    "a/((x - m)^2 + g)": {"a": (2, 1), "m": (1, 0), "g": (2, 0)},
    "(a + b*x)/(1 + c*x + d*x^2)": {"a": (0, 1), "b": (-1, 1), "c": (-1, 0), "d": (-2, 0)},
    "sqrt(a^2 + (b*x)^2)": {"a": (0, 1), "b": (-1, 1)},
    "a*(x/k)^n": {"a": (0, 1), "k": (1, 0), "n": (0, 0)},
    "n*gaussian(x, m, s)": {"n": (1, 1)},
    "a*log(x/b)": {"a": (0, 1), "b": (1, 0)},
    "where(x < c, a, b*x)": {"c": (1, 0), "a": (0, 1), "b": (-1, 1)},
    "hypot(a, b*sqrt(x))": {"a": (0, 1), "b": (Fraction(-1, 2), 1)},
    "log(x) + a": {"a": (0, 0)},  # x has no logarithm, but people take it
    "a*cbrt(x)": {"a": (Fraction(-1, 3), 1)},
}


@pytest.mark.parametrize("text", UNITS)
def test_units(text):
    formula = read(text)
    found = units(formula.tree)
    for name, (x, y) in UNITS[text].items():
        unit = found[formula.names.index(name)]
        assert (dict(unit.predictors).get(0, 0), unit.y) == (x, y), name


ROLES = {
    "a*exp(-x/t)": {"t": ("rate", -1.0, -1)},
    "a*exp(-2*k*x)": {"k": ("rate", -2.0, 1)},
    "a*sin(2*pi*x/T + p)": {"T": ("period", 2 * math.pi, -1), "p": ("phase", 1.0, 1)},
    "a*cos(w*(x - m))": {"w": ("period", 1.0, 1), "m": ("location", 1.0, 1)},
    "a/(1 + exp(-(x - m)/s))": {"m": ("location", 1.0, 1), "s": ("rate", -1.0, -1)},
    "v*x/(k + x)": {"k": ("offset", 1.0, 1)},
    "a*tanh((x - m)/w)": {"w": ("width", 1.0, -1)},
    "a*x^p": {"p": ("exponent", 1.0, 1)},
    "a*b^x": {"b": ("base", 1.0, 1)},
    "where(x < c, a, b)": {"c": ("location", 1.0, 1)},
}
#: x times or over p with a number that is no length: 0, or too small or large for a double
WITHOUT_SIZE = [
    "erf((a - x)/(0/x))",
    "a*exp(1e-300*1e-300*k*x)",
    "a*exp(-1e300*1e300*k*x)",
    "a*sin(w*x/1e300/1e300)",
    "a*sin(x/w/1e-300/1e-300)",
]


@pytest.mark.parametrize("text", ROLES)
def test_roles(text):
    formula = read(text)
    found = roles(formula.tree)
    for name, role in ROLES[text].items():
        known = found[formula.names.index(name)]
        assert (known.kind, known.coefficient, known.power) == pytest.approx(role)


@pytest.mark.parametrize("text", [*LINEAR, *UNITS, *ROLES, *WITHOUT_SIZE])
def test_candidates_are_finite_few_complete_and_always_the_same(text):
    formula = read(text)
    found = list(formula.starts(FEW))
    assert 1 <= len(found) <= MOST
    searched = [p for p in formula.declare() if not p.linear and p.end is None]
    assert all(len(row) == len(searched) for row in found)
    assert np.isfinite(np.array(found, dtype=float)).all()
    assert found == list(formula.starts(FEW))
    tiny = Features(**{**vars(FEW), "low": 5.0, "high": 5.0, "widths": (1e-12,)})
    assert np.isfinite(np.array(list(formula.starts(tiny)), dtype=float)).all()


def test_candidates_scale_with_x():
    """In other units of x the candidates are the same lengths and places."""
    text = "a*exp(-(x - m)^2/(2*s^2)) + b*exp(-k*x)"
    scale = 1e-6
    small = Features(
        **{
            name: tuple(scale * v for v in value) if isinstance(value, tuple) else scale * value
            for name, value in vars(FEW).items()
        }
    )
    powers = np.array([1, 1, -1])
    for one, other in zip(read(text).starts(FEW), read(text).starts(small), strict=True):
        np.testing.assert_allclose(other, one * scale**powers, rtol=1e-12)


atoms = st.sampled_from(["x", "a", "b", "c", "d", "1", "2", "0.5", "pi", "0", "1e-300", "1e300"])


def grown(inner):
    calls = ["exp", "sin", "sqrt", "abs", "log", "lgamma", "erf"]
    return st.one_of(
        st.tuples(inner, st.sampled_from("+-*/^"), inner).map("({0[0]}){0[1]}({0[2]})".format),
        st.tuples(st.sampled_from(calls), inner).map("{0[0]}({0[1]})".format),
        inner.map("-({})".format),
        st.tuples(*[inner] * 4).map("where({0[0]} < {0[1]}, {0[2]}, {0[3]})".format),
        st.tuples(*[inner] * 3).map("gaussian({0[0]}, {0[1]}, {0[2]})".format),
        st.tuples(*[inner] * 3).map("linear({0[0]}, {0[1]}, {0[2]})".format),
        st.tuples(*[inner] * 3).map("max({0[0]}, {0[1]}, {0[2]})".format),
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.recursive(atoms, grown, max_leaves=25))
def test_whatever_can_be_parsed_can_be_used(text):
    try:
        formula = read(text)
    except FormulaError:
        return
    rows = np.array(list(formula.starts(FEW)), dtype=float)
    assert np.isfinite(rows).all()
    assert {i for _, places in formula.parts for i in places} == set(range(len(formula.names)))
    for part, _ in formula.parts:
        assert all(p.linear == q.linear for p, q in same_parameters(formula, part))
        next(iter(part.starts(FEW)))
    params = jnp.ones(len(formula.names))
    slopes = jax.eval_shape(jax.jacfwd(lambda p: formula.value(jnp.ones(5), *p)), params)
    assert slopes.shape == (5, len(formula.names))
    integrals = jax.eval_shape(lambda p: formula.integral(jnp.arange(6.0), *p), params)
    assert integrals.shape == (5,)
    assert integrals.dtype == np.float64


def same_parameters(formula, part):
    known = {p.name: p for p in part.declare()}
    return [(p, known[p.name]) for p in formula.declare() if p.name in known]


def test_terms_without_common_parameters_are_searched_for_in_turn():
    text = "n*gaussian(x, m, s) + a*exp(-x/t) + b*x + c + d*exp(-2*x/t)"
    parts = read(text).parts
    names = [[read(text).names[i] for i in places] for _, places in parts]
    assert sorted(map(sorted, names)) == [["a", "d", "t"], ["b", "c"], ["m", "n", "s"]]
    x = jnp.linspace(0.5, 3, 7)
    params = [1.0, 2.0, 0.5, 3.0, 1.5, 0.3, 0.2, 0.7]
    total = sum(part.value(x, *(params[i] for i in places)) for part, places in parts)
    np.testing.assert_allclose(total, read(text).value(x, *params), rtol=1e-14)
    assert len(read("a*exp(-x/t) + b + c*x").parts) == 1
