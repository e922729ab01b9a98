"""Single events far from all that the model expects: the exact minimum where doubles reach it, and
a message that names them."""

import mpmath
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_ndtr

from fitting.batch.fit import fit_batch
from fitting.batch.question import Batch
from fitting.batch.rows import HistogramRows
from fitting.data import Histogram
from fitting.problem import Knowledge
from fitting.status import Status
from models.composition.sum import Sum
from models.shapes.moyal import Moyal
from models.shapes.polynomial import Polynomial
from tests.fitting.problems import KERNELS, PEAK, objective, points, problem, solve

EDGES = np.linspace(-10, 10, 1001)


def with_a_stray(events, place, width=0.1):
    """A narrow peak at 1, and one event more."""
    sample = np.random.default_rng(events).normal(1, width, events)
    return np.histogram(np.append(sample, place), EDGES)[0].astype(float)


def log_probabilities(mu, sigma):
    """Of the bins for a normal distribution, from tails that do not underflow."""
    z = (EDGES - mu) / sigma
    near, far = np.minimum(np.abs(z[:-1]), np.abs(z[1:])), np.maximum(np.abs(z[:-1]), np.abs(z[1:]))
    with np.errstate(divide="ignore"):
        tail = log_ndtr(-near) + np.log1p(-np.exp(log_ndtr(-far) - log_ndtr(-near)))
        across = np.log(np.exp(log_ndtr(z[1:])) - np.exp(log_ndtr(z[:-1])))
    return np.where(z[:-1] * z[1:] > 0, tail, across)


@pytest.mark.parametrize("place", [9, -9])
@pytest.mark.parametrize("width", [0.1, 0.03])
@pytest.mark.parametrize("starts", [None, (1000.0, 1.0, 0.3)])
def test_an_event_thirty_standard_deviations_away_counts_as_it_should(place, width, starts):
    """Its bin expects 1e-200 events, the square of which is no number."""
    counts = with_a_stray(1000, place, width)
    filled = counts > 0

    def likelihood(params):
        return -counts[filled] @ log_probabilities(params[0], np.exp(params[1]))[filled]

    options = {"xatol": 1e-9, "fatol": 1e-10, "maxiter": 4000}
    best = minimize(likelihood, (1.0, np.log(0.3)), method="Nelder-Mead", options=options).x
    found = solve(PEAK, Histogram(EDGES, counts), starts)
    assert found.status is Status.CONVERGED
    np.testing.assert_allclose(found.values, [1001, best[0], np.exp(best[1])], rtol=1e-6)
    # the sample's, but for the width of bins
    sigma, errors = found.values[2], found.covariance.errors
    np.testing.assert_allclose(errors[0], 1001**0.5, rtol=1e-6)
    np.testing.assert_allclose(errors[1], sigma / 1001**0.5, rtol=0.02)
    assert [w.code for w in found.warnings] == ["sparse-bins", "poor-fit"]
    bin_ = f"the bin from {place:g} to {place + 0.02:g}"
    assert f"fewer than 1e-06 events in {bin_}, which holds 1" in found.warnings[1].message


def test_second_derivatives_are_exact_where_a_filled_bin_expects_next_to_nothing():
    edges = np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 29.0, 29.5])
    counts, params = [3, 20, 25, 4, 1, 2], (50.0, 0.1, 0.9)

    def cost(amp, mu, sigma):
        total = mpmath.mpf(0)
        for low, high, n in zip(edges[:-1].tolist(), edges[1:].tolist(), counts, strict=True):
            a, b = ((mpmath.mpf(e) - mu) / (sigma * mpmath.sqrt(2)) for e in (low, high))
            expected = amp * (mpmath.erfc(a) - mpmath.erfc(b)) / 2
            total += 2 * (expected - n + n * mpmath.log(n / expected))
        return total

    asked = objective(problem(PEAK, Histogram(edges, np.array(counts, float))))
    with mpmath.workdps(500):
        for i in range(3):
            for k in range(i, 3):
                orders = tuple((i == j) + (k == j) for j in range(3))
                exact = float(mpmath.diff(cost, params, orders, h=mpmath.mpf(10) ** -60))
                found = asked.hessian(np.array(params))[i, k]
                assert found == pytest.approx(exact, rel=1e-9), orders


def test_rows_of_a_batch_with_strays_are_fitted_together_as_alone():
    counts = np.array([with_a_stray(1000, 9), with_a_stray(1000, -9)])
    names = [p.name for p in PEAK.parameters]
    starts = np.tile([1000.0, 1.0, 0.3], (2, 1))
    together = fit_batch(
        Batch(PEAK, HistogramRows(EDGES, counts), (Knowledge(),) * len(names), starts), KERNELS
    )
    for row, values in zip(counts, together.values, strict=True):
        alone = solve(PEAK, Histogram(EDGES, row), (1000.0, 1.0, 0.3))
        np.testing.assert_allclose(values, alone.values, rtol=1e-9)


@pytest.mark.parametrize("given", [True, False])
def test_what_no_double_reaches_is_said(given):
    """At the most likely width of 10,000 events and one, that one's probability is 1e-850."""
    found = solve(
        PEAK, Histogram(EDGES, with_a_stray(10_000, 9)), (1e4, 1.0, 0.1) if given else None
    )
    assert not found.valid
    assert "in the bin from 9 to 9.02, which holds 1" in found.message
    assert "fit_range" in found.message
    assert [w.code for w in found.warnings] == ["undefined-start"] * given


@pytest.mark.parametrize("starts", [None, (1000.0, 1.0, 0.1)])
def test_a_start_that_excludes_a_stray_event_is_replaced_by_one_that_does_not(starts):
    """The left tail of Moyal's distribution is a double exponential."""
    data = Histogram(EDGES, with_a_stray(1000, -9))
    wide = solve(Moyal(), data, (1000.0, 0.0, 2.0))
    assert wide.status is Status.CONVERGED
    found = solve(Moyal(), data, starts)
    assert found.status is Status.CONVERGED
    np.testing.assert_allclose(found.values, wide.values, rtol=1e-6)


def test_with_a_background_or_in_a_range_without_it_a_stray_does_no_harm():
    counts = with_a_stray(10_000, 9)
    model = Sum((PEAK, Polynomial(degree=0)))
    for found in (
        solve(model, Histogram(EDGES, counts)),
        solve(PEAK, Histogram(EDGES, counts, ranges=((-2, 4),))),
    ):
        assert found.status is Status.CONVERGED
        assert found.values[2] == pytest.approx(0.1, rel=0.05)
        assert not any("1e-06" in w.message for w in found.warnings)


def test_a_model_of_something_else_is_not_said_to_have_strays():
    """It expects all but nothing almost everywhere."""
    counts = np.full(20, 50.0)
    found = solve(PEAK, Histogram(np.linspace(0, 20, 21), counts), sigma=Knowledge(0.3, fixed=True))
    assert "1e-06" not in found.message + "".join(w.message for w in found.warnings)


def test_points_have_no_strays():
    x = np.linspace(0, 1, 5)
    found = solve(Polynomial(degree=1), points(x, [0, 5, 0, 5, 0], 0.1))
    assert [w.code for w in found.warnings] == ["poor-fit"]
