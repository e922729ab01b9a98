"""Formulas in several predictors: what is equal, what they give, and what fits need of them."""

import pickle
from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pytest

from models.features import Features
from models.formula.dimensions import units
from models.formula.errors import FormulaError
from models.formula.formula import Formula
from models.formula.roles import Role, roles
from models.registry import SHAPES

NELSON = "b1 - b2*x1*exp(-b3*x2)"
PEAK = "a*exp(-0.5*((u - mu)/su)^2 - 0.5*((v - mv)/sv)^2) + c"


def read(text, *columns, parameters=None):
    return Formula.read(text, SHAPES, parameters, columns=columns or None)


def features(scale, others=()):
    return Features(
        locations=(4.0 * scale,),
        widths=(1.5 * scale,),
        decay_lengths=(2.0 * scale,),
        periods=(10.0 * scale, 5.0 * scale),
        low=0.0,
        high=10.0 * scale,
        others=others,
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (read("a*x + b"), read("a*t + b", "t")),
        (read(NELSON, "x1", "x2"), read(NELSON, "x2", "x1")),
        (read(NELSON, "x1", "x2"), read("p - q*u*exp(-(r*v))", "u", "v")),
        (read("a*u*v", "u", "v"), read("a*(v*u)", "u", "v")),
    ],
    ids=["one-column", "order-of-columns", "names", "spelling"],
)
def test_equal_formulas(one, other):
    assert one == other
    assert hash(one) == hash(other)
    assert pickle.loads(pickle.dumps(one)) == other


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (read("a*u + b*v", "u", "v"), read("a*x + b*x")),
        (read("a*u/v", "u", "v"), read("a/u*v", "u", "v")),
        (read("a*u", "u", "v"), read("a*u + a*v", "u", "v")),
    ],
)
def test_different_formulas(one, other):
    assert one != other


def test_value():
    x = np.random.default_rng(1).uniform(0.5, 2, (2, 7))
    found = read(NELSON, "x1", "x2").value(jnp.asarray(x), 2.0, 0.3, 0.7)
    np.testing.assert_allclose(found, 2 - 0.3 * x[0] * np.exp(-0.7 * x[1]), rtol=1e-14)
    shape = read("n*gaussian(v, m + u, s)", "u", "v").value(jnp.asarray(x), 2.0, 0.3, 0.7)
    z = (x[0] - 0.3 - x[1]) / 0.7  # v comes first in the formula
    np.testing.assert_allclose(shape, 2 / 0.7 * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi))
    branches = read("where(u < v, a*u, b*sqrt(u - v))", "u", "v")
    root = 0.5 * np.sqrt(np.maximum(x[0] - x[1], 0))
    expected = np.where(x[0] < x[1], 3 * x[0], root)
    np.testing.assert_allclose(branches.value(jnp.asarray(x), 3.0, 0.5), expected)


def test_each_parameter_belongs_to_the_predictor_that_it_meets():
    formula = read(PEAK + " + where(v < k, 1, 0) + p^v + cos(w*u/3)", "u", "v")
    found = {formula.names[i]: role for i, role in roles(formula.tree).items()}
    assert found["mu"] == Role("location")
    assert found["mv"] == Role("location", column=1)
    assert found["k"] == Role("location", column=1)
    assert found["p"] == Role("base", column=1)
    assert found["w"] == Role("period", pytest.approx(1 / 3), 1, 0)


@pytest.mark.parametrize("text", ["a*exp(-k*u*v)", "a*exp(-k*u/v)", "a*sin(u + v - k)"])
def test_what_stretches_no_single_predictor_has_no_role(text):
    formula = read(text, "u", "v")
    assert roles(formula.tree).get(1, Role("phase")).kind == "phase"


def test_units_of_several_predictors():
    formula = read("a + b*u + c*v/u + d*exp(-k*u*sqrt(v))", "u", "v")
    found = {formula.names[i]: unit for i, unit in units(formula.tree).items()}
    assert found["a"].predictors == ()
    assert found["b"].predictors == ((0, Fraction(-1)),)
    assert found["c"].predictors == ((0, Fraction(1)), (1, Fraction(-1)))
    assert found["k"].predictors == ((0, Fraction(-1)), (1, Fraction(-1, 2)))
    assert {name: unit.y for name, unit in found.items()} == {**dict.fromkeys("abcd", 1), "k": 0}


@pytest.mark.parametrize("text", [PEAK, "n*gaussian(u, mu, su)*gaussian(v, mv, sv)"])
def test_candidates_follow_the_units_of_each_predictor(text):
    formula = read(text, "u", "v")
    searched = [p.name for p in formula.declare() if not p.linear]
    rows = list(formula.starts(features(1.0, [features(1.0)])))
    scaled = list(formula.starts(features(1.0, [features(1024.0)])))
    assert len(rows) == len(scaled) > 0
    factors = [1024.0 if name in ("mv", "sv") else 1.0 for name in searched]
    np.testing.assert_allclose(np.array(scaled), np.array(rows) * factors, rtol=1e-12)
    assert dict(zip(searched, scaled[0], strict=True))["mv"] == 4096.0


def test_ends_of_a_range_are_those_of_its_own_predictor():
    formula = read("a*u + chebyshev(v, b, c, d, from_, to)", "u", "v")
    ends = {p.name: (p.end, p.column) for p in formula.declare() if p.end}
    assert ends == {"from_": ("low", 1), "to": ("high", 1)}
    for text in ("chebyshev(u + v, b, c, d, from_, to)", "a*uniform(u, l, r)*uniform(v, l, r)"):
        nowhere = read(text, "u", "v")
        assert not any(p.end for p in nowhere.declare())


def test_terms_keep_all_predictors():
    formula = read("a*exp(-u/k) + b*exp(-v/l)", "u", "v")
    x = jnp.asarray([[1.0, 2.0], [3.0, 5.0]])
    total = sum(
        part.value(x, *(np.array([2.0, 0.5, 3.0, 1.5])[list(places)]))
        for part, places in formula.parts
    )
    assert len(formula.parts) == 2
    np.testing.assert_allclose(total, formula.value(x, 2.0, 0.5, 3.0, 1.5), rtol=1e-14)


def test_x_is_no_parameter_by_mistake_where_columns_have_other_names():
    for text in ("a*x + t", "a*x + b"):
        with pytest.raises(FormulaError, match="x is none of the columns here") as refusal:
            read(text, "t")
        assert refusal.value.column == 3
    assert read("a*t + b", "t").names == ("a", "b")
    assert read("a*x + t", "t", parameters=["a", "x"]).names == ("a", "x")
    assert read("a*x + t", "t", "x").names == ("a",)
