"""A sum within a product is searched for by its terms' own candidates."""

from math import prod

import numpy as np
import pytest
from iminuit import Minuit
from iminuit.cost import LeastSquares
from scipy import stats

from fitting.problem import Knowledge
from models.composition.composite import MOST_STARTS, spread
from models.composition.product import Product
from models.composition.sum import Sum
from models.features import Features
from models.shapes.error_function_step import ErrorFunctionStep
from models.shapes.exponential import Exponential
from tests.fitting.problems import PEAK_AND_DECAY, expected, points, solve, toy

EDGES = np.linspace(0, 12, 61)
CENTERS = (EDGES[1:] + EDGES[:-1]) / 2
STEP = ErrorFunctionStep(prefix="t_")
EFFICIENCY = {"t_height": 1.0, "t_offset": 0.0}
KNOWN = {name: Knowledge(value, fixed=True) for name, value in EFFICIENCY.items()}
ORDERS = {
    "sum first": Product((PEAK_AND_DECAY, STEP)),
    "step first": Product((STEP, PEAK_AND_DECAY)),
    "nested": Sum((Product((Sum((PEAK_AND_DECAY,)), STEP)),)),
}


def drawn(rng, model):
    """A peak on a decay, of which a threshold hides the beginning."""
    values = EFFICIENCY | {
        "s_amp": rng.uniform(500, 1500),
        "s_mu": rng.uniform(5, 9),
        "s_sigma": rng.uniform(0.3, 0.8),
        "b_amp": rng.uniform(3000, 8000),
        "b_tau": rng.uniform(3, 9),
        "t_mu": rng.uniform(1, 3),
        "t_sigma": rng.uniform(0.3, 0.8),
    }
    return [values[p.name] for p in model.parameters]


def content(model, values):
    """Of the narrow bins, over their width: nearly the values at their centers."""
    return expected(model, EDGES, values) / np.diff(EDGES)


@pytest.mark.parametrize("model", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("kind", ["histogram", "points"])
def test_from_nothing_is_as_good_as_from_the_truth(model, kind):
    """Such a fit ended in an error: a sum that was no part of the model had no candidates."""
    rng = np.random.default_rng(7)
    for seed in range(3):
        truth = drawn(rng, model)
        if kind == "histogram":
            data = toy(model, EDGES, truth, seed)
        else:
            data = points(CENTERS, rng.normal(content(model, truth), 20.0), 20.0)
        found = solve(model, data, **KNOWN)
        best = solve(model, data, truth, **KNOWN)
        assert found.valid
        assert found.cost <= best.cost + 1e-6


def test_the_minimum_is_minuit_s():
    def model(x, s_amp, s_mu, s_sigma, b_amp, b_tau, t_mu, t_sigma):
        terms = s_amp * stats.norm.pdf(x, s_mu, s_sigma) + b_amp * stats.expon.pdf(x, scale=b_tau)
        return terms * stats.norm.cdf(x, t_mu, t_sigma)

    truth = {"s_amp": 900, "s_mu": 6.5, "s_sigma": 0.6, "b_amp": 5000, "b_tau": 4}
    truth |= {"t_mu": 2, "t_sigma": 0.5}
    y = np.random.default_rng(11).normal(model(CENTERS, *truth.values()), 20.0)
    twin = Minuit(LeastSquares(CENTERS, y, 20.0, model), **truth)
    twin.tol = 1e-6
    twin.migrad()
    found = solve(ORDERS["sum first"], points(CENTERS, y, 20.0), **KNOWN)
    assert twin.valid
    assert found.cost == pytest.approx(twin.fval, rel=1e-9)
    names = [p.name for p in ORDERS["sum first"].parameters if p.name not in KNOWN]
    own = [found.values[i] for i in found.covariance.parameters]
    errors = np.array([twin.errors[name] for name in names])
    np.testing.assert_allclose(own, [twin.values[name] for name in names], atol=1e-4 * errors.min())
    np.testing.assert_allclose(found.covariance.errors, errors, rtol=1e-2)


def test_two_sums_multiplied_have_candidates():
    data = Features((3.0, 4.0), (2.0,), (5.0,), (1.0,), 0.0, 10.0)
    other = Sum((Exponential(prefix="c_"), Exponential(prefix="d_")))
    model = Product((PEAK_AND_DECAY, other))
    assert [model.parameters[i].name for i in model.searched] == [
        *("s_mu", "s_sigma", "b_tau", "c_amp", "c_tau", "d_amp", "d_tau")
    ]
    assert list(model.starts(data)) == [(mu, 2.0, 5.0, 1.0, 5.0, 1.0, 5.0) for mu in (3.0, 4.0)]


@pytest.mark.parametrize("sizes", [(3, 2), (24, 6), (6, 6, 6), (72, 6, 72, 72)])
def test_combinations_are_from_everywhere(sizes):
    """The first sixty of many had but one or two places of the first term."""
    choices = [list(range(size)) for size in sizes]
    found = list(spread(choices, MOST_STARTS))
    assert found[0] == (0,) * len(sizes)
    assert len(set(found)) > 0.7 * min(prod(sizes), MOST_STARTS)
    for seen, options in zip(zip(*found, strict=True), choices, strict=True):
        gaps = np.diff(sorted({-1, *seen, len(options)}))
        assert gaps.max() <= max(1, 0.2 * len(options))
