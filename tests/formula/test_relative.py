"""Parameters relative to an amplitude are solved for with it."""

import jax.numpy as jnp
import numpy as np
import pytest

from fitting.data import Histogram
from fitting.problem import Knowledge
from models.formula.formula import Formula
from models.registry import SHAPES
from tests.fitting.problems import points, solve

WAVE = Formula.read("n*(1+a*cos(w*x+p))", SHAPES)
ABSOLUTE = Formula.read("n+b*cos(w*x+p)", SHAPES)
EDGES = np.linspace(0, 10, 41)


@pytest.mark.parametrize(
    ("text", "linear", "relative"),
    [
        ("n*(1+a*cos(w*x+p))", "n", "a"),
        ("(1+a*cos(w*x+p))*n", "n", "a"),
        ("n*(1+a*cos(x)+b*sin(x))+c", "n c", "a b"),
        ("n*gaussian(x,m,s)+k*n*gaussian(x,m+d,s)", "n", "k"),
        ("n*exp(-x/t)*(1+a*x/t)", "n", "a"),
        ("n*a*x", "n", ""),
        ("polynomial(x,a,b)*c", "a b", ""),
        ("c*(a+b*x)", "c", "a"),
        ("n*(1+a*cos(a*x))", "n", ""),
        ("n*(1+a*x)+a", "n", ""),
        ("n*x/(1+a*n)", "", ""),
        ("n*x^2+a*n*m*x+m", "n", "a"),
    ],
)
def test_what_is_relative(text, linear, relative):
    formula = Formula.read(text, SHAPES)
    names = [p.name for p in formula.parameters]
    assert {p.name for p in formula.parameters if p.linear} >= set(linear.split())
    assert {names[a] for a in formula.relative} == set(relative.split())
    check_by_numbers(formula)


def check_by_numbers(formula):
    """Affine in n and in a*n: second differences vanish."""
    rng = np.random.default_rng(1)
    x = jnp.linspace(1, 2, 5)
    for a, n in formula.relative.items():
        params = rng.uniform(1, 2, len(formula.names))

        def at(scale, product, a=a, n=n, params=params):
            own = params.copy()
            own[n], own[a] = scale, product / scale
            return formula.value(x, *own)

        for one, other in [((1, 0), (0, 1)), ((1, 1), (2, -1))]:
            start = np.array([2.0, 3.0])
            ends = [
                at(*(start + k * np.array(one) + j * np.array(other)))
                for k, j in [(0, 0), (1, 0), (0, 1), (1, 1)]
            ]
            np.testing.assert_allclose(ends[3] - ends[2], ends[1] - ends[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_a_relative_wave_is_found_as_an_absolute_one(seed):
    rng = np.random.default_rng(seed)
    n, a, w, p = (rng.uniform(*ends) for ends in [(100, 300), (0.2, 0.8), (1, 5), (0, 6)])
    below = n * (EDGES + a / w * np.sin(w * EDGES + p))
    data = Histogram(EDGES, rng.poisson(np.diff(below)).astype(float))
    found, from_truth = solve(WAVE, data), solve(WAVE, data, (n, a, w, p))
    assert found.valid
    assert found.cost <= from_truth.cost + 1e-6
    assert found.cost == pytest.approx(solve(ABSOLUTE, data).cost, rel=1e-9)


def test_limits_of_what_is_relative_hold_from_the_start():
    x = np.linspace(0, 10, 40)
    y = 100 * (1 + 0.5 * np.cos(2 * x)) + np.random.default_rng(0).normal(0, 5, 40)
    found = solve(WAVE, points(x, y, 5.0), a=Knowledge(limits=(0.0, 1.0)))
    assert found.valid
    assert found.values[1] == pytest.approx(0.5, abs=0.05)
    assert 0 <= found.starts[1] <= 1
