"""Formulas are fitted without starting values, and as well as the library's shapes are."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import xlogy

from fitting.data import Histogram
from fitting.fit import fit
from fitting.status import Status
from models.composition.sum import Sum
from models.formula.formula import Formula
from models.registry import SHAPES
from models.shapes.exponential import Exponential
from models.shapes.gaussian import Gaussian
from tests.fitting.problems import KERNELS, points, problem, solve, toy

#: formula, true parameters in order of appearance, range of x, error of y
QUICK = [
    ("a*exp(-x/tau) + c", (50, 3.0, 5), (0, 10), 0.5),
    ("a*exp(-0.5*((x - mu)/s)^2) + b + c*x", (20, 102.0, 0.5, 5, 0.1), (90, 120), 0.5),
    ("a*exp(-x/t1) + b*exp(-x/t2)", (50, 0.7, 20, 5.0), (0, 10), 0.1),
    ("a*sin(2*pi*x/T + phi) + c", (5, 1.3, 0.7, 2), (0, 20), 0.3),
    ("v*x/(k + x)", (10, 0.5), (0.02, 1.2), 0.1),
    ("a/(1 + exp(-(x - m)/s))", (10, 55, 2.0), (20, 100), 0.1),
    ("a + b*tanh((x - m)/w)", (3, 2, 1e-6, 2e-7), (0, 2e-6), 0.05),
    ("b1*(x^2 + x*b2)/(x^2 + x*b3 + b4)", (0.19, 0.19, 0.12, 0.136), (0.06, 4), 0.001),
]
MORE = [
    (
        "a*exp(-0.5*((x - mu)/s)^2) + a2*exp(-0.5*((x - mu2)/s2)^2) + b",
        (20, 3, 0.5, 10, 7, 0.8, 1),
        (0, 10),
        0.3,
    ),
    (
        "b1*exp(-b2*x) + b3*exp(-(x - b4)^2/b5^2) + b6*exp(-(x - b7)^2/b8^2)",
        (98, 0.01, 100, 67, 23, 71, 178, 18),
        (1, 250),
        2.0,
    ),
    ("a*sin(w*x + phi) + c", (5, 4.3, 2.7, 2), (0, 20), 0.3),
    ("a*exp(-x/d)*cos(w*x)", (10, 5, 3.0), (0, 20), 0.2),
    ("a/(1 + exp(-k*(x - m))) + b", (10, 1.5, 5, 1.0), (0, 10), 0.1),
    ("a*x^p", (3, 1.7), (1, 100), 1.0),
    ("b1*(1 - exp(-b2*x))", (240, 5e-4), (70, 760), 0.1),
    ("where(x < c, a, a + b*(x - c))", (4, 3, 2.0), (0, 10), 0.1),
    ("exp(a + b*x)", (3, -0.4), (0, 8), 0.1),
    ("a*b^x", (20, 0.8), (0, 10), 0.1),
    ("a/((x - m)^2 + g^2)", (5, 3, 0.4), (0, 10), 0.3),
    ("a*log(x/b)", (3, 0.5), (1, 20), 0.05),
    ("sqrt(a^2 + (b*x)^2)", (3, 0.5), (0, 20), 0.05),
    ("a*x^2*exp(-b*x)", (3, 0.5), (0, 20), 0.05),
    ("d + (a - d)/(1 + (x/c)^b)", (1, 2, 4, 10), (0.1, 40), 0.05),
    ("A*erf((x - m)/(sqrt(2)*s)) + B", (3, 5, 1.0, 2), (0, 10), 0.05),
    ("a*abs(x - m) + b", (2, 3, 1.0), (0, 10), 0.1),
    ("a*exp(-(x/l)^k)", (10, 3, 1.4), (0, 10), 0.1),
    ("b1*cos(b2*x) + b3*sin(b2*x) + b4", (3, 2.2, 1, 10), (0, 30), 0.3),
]


def read(text, parameters=None):
    return Formula.read(text, SHAPES, parameters)


def from_nothing(case):
    """No starting values; the minimum must be as good as that from the truth."""
    text, params, (low, high), error = case
    formula = read(text)
    x = np.linspace(low, high, 80)
    rng = np.random.default_rng(1)
    y = np.asarray(formula.value(jnp.asarray(x), *map(float, params)))
    data = points(x, y + error * rng.normal(size=80), error)
    found = solve(formula, data)
    assert found.valid
    assert found.cost < solve(formula, data, params).cost + 1e-6


@pytest.mark.parametrize("case", QUICK, ids=lambda case: case[0])
def test_no_starting_values_are_needed(case):
    from_nothing(case)


@pytest.mark.slow
@pytest.mark.parametrize("case", MORE, ids=lambda case: case[0])
def test_no_starting_values_are_needed_by_many_more(case):
    from_nothing(case)


def test_a_histogram_is_fitted_as_by_the_library():
    library = Sum((Gaussian(prefix="s_"), Exponential(prefix="b_")))
    formula = read("n*gaussian(x, mu, sigma) + m*exponential(x, tau)")
    data = toy(library, np.linspace(0, 10, 61), (300, 4.0, 0.5, 3000, 3.0), seed=3)
    one, other = fit(problem(library, data), KERNELS), fit(problem(formula, data), KERNELS)
    assert one.valid
    assert other.valid
    np.testing.assert_allclose(other.values, one.values, rtol=1e-8)
    np.testing.assert_allclose(other.covariance.matrix, one.covariance.matrix, rtol=1e-6)


def test_two_spellings_share_a_kernel():
    data = points(np.linspace(0, 5, 30), np.exp(-np.linspace(0, 5, 30)), 0.1)
    one = problem(read("a*exp(-x/tau) + c"), data)
    other = problem(read("c2 + A*exp(-(x/T))", ["A", "T", "c2"]), data)
    assert one.kernel_key == other.kernel_key
    assert [p.name for p in other.parameters] == ["A", "T", "c2"]


def test_unlike_peaks_find_their_own_places():
    """A Gaussian explains a Lorentzian's data nearly as well as its own; peaks were swapped."""
    model = read("a*gaussian(x, m, s) + b*lorentzian(x, n, g) + c + d*x")
    x = np.linspace(0, 10, 60)
    for seed in (3, 34, 35, 44, 53):
        rng = np.random.default_rng(seed)
        truth = (
            *(rng.uniform(20, 60), rng.uniform(1.5, 4), rng.uniform(0.2, 0.5)),
            *(rng.uniform(20, 60), rng.uniform(6, 8.5), rng.uniform(0.2, 0.5)),
            *(rng.uniform(1, 5), rng.uniform(-0.3, 0.3)),
        )
        y = np.asarray(model.value(jnp.asarray(x), *truth))
        error = 0.02 * np.ptp(y)
        data = points(x, y + error * rng.normal(size=60), error)
        own, best = solve(model, data), solve(model, data, truth)
        assert best.valid
        assert own.valid
        assert own.cost == pytest.approx(best.cost, rel=1e-9)


def test_a_sharp_edge_in_a_histogram_is_fitted():
    """The best step, whose place in its bin is a share of that bin's counts, is no better."""
    counts = np.array(
        [
            *(45, 36, 42, 42, 52, 48, 50, 34, 40, 46, 42, 47, 65, 42, 37, 39, 40, 44, 44, 11),
            *(5, 3, 0, 4, 2, 4, 4, 3, 2, 5),
        ],
        dtype=float,
    )
    high, low, between = counts[:19].mean(), counts[20:].mean(), counts[19]
    assert low < between < high
    expected = np.array([high] * 19 + [between] + [low] * 10)
    best = 2 * np.sum(expected - counts + xlogy(counts, counts / expected))
    found = solve(
        read("n / (1 + exp((x - x0) / w)) + b"), Histogram(np.linspace(0, 10, 31), counts)
    )
    assert found.cost < best + 1e-6
    assert found.status in (Status.CONVERGED, Status.UNDETERMINED)
