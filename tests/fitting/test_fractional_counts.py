"""Counts that are no whole numbers are fitted as they are, and told of."""

import numpy as np
import pytest

from fitting.batch.fit import fit_batch
from fitting.batch.question import Batch
from fitting.batch.result import BatchResult
from fitting.batch.rows import HistogramRows, PointsRows
from fitting.data import Histogram
from fitting.problem import Knowledge
from fitting.status import Status
from tests.fitting.problems import KERNELS, LINE, PEAK, points, solve

EDGES = np.linspace(-4, 4, 33)
COUNTS = np.histogram(np.random.default_rng(7).normal(0.5, 1, 4000), EDGES)[0].astype(float)


def codes(found):
    return [w.code for w in found.warnings]


@pytest.mark.parametrize("scale", [1 / COUNTS.sum(), 0.5, 1.5])
def test_scaled_counts_have_the_errors_of_as_many_events_and_are_told_of(scale):
    whole = solve(PEAK, Histogram(EDGES, COUNTS))
    scaled = solve(PEAK, Histogram(EDGES, COUNTS * scale))
    assert scaled.status is Status.CONVERGED
    np.testing.assert_allclose(scaled.values[1:], whole.values[1:], rtol=1e-6)
    wider = np.array(whole.covariance.errors[1:]) / scale**0.5
    np.testing.assert_allclose(scaled.covariance.errors[1:], wider, rtol=1e-5)
    assert "fractional-counts" not in codes(whole)
    told = next(w.message for w in scaled.warnings if w.code == "fractional-counts")
    assert f"{scale * COUNTS.sum():.6g} altogether" in told


def test_only_what_is_fitted_is_looked_at():
    counts = COUNTS.copy()
    counts[0] = 0.5
    assert "fractional-counts" in codes(solve(PEAK, Histogram(EDGES, counts)))
    assert codes(solve(PEAK, Histogram(EDGES, counts, ranges=((-3, 4),)))) == []


def test_rows_of_a_batch_are_told_of_too():
    counts = np.array([COUNTS, COUNTS / 2, COUNTS * 0, np.roll(COUNTS, 3) / 4])
    rows = HistogramRows(EDGES, counts)
    batch = Batch(PEAK, rows, (Knowledge(),) * 3, np.full((4, 3), np.nan))
    found, whole = fit_batch(batch, KERNELS), BatchResult.empty(batch, covariance=False)
    assert found.warned["fractional-counts"] == [1, 3]
    whole.put(np.array([2, 0, 3, 1]), found)  # as parts of a batch are
    assert whole.warned["fractional-counts"] == [0, 1]


def test_points_may_be_any_numbers():
    x = np.linspace(0, 1, 6)
    assert codes(solve(LINE, points(x, 1.1 + x, 0.1))) == []
    rows = PointsRows(x[None], np.array([1.1 + x]), np.zeros((1, 6)), np.full((1, 6), 0.1))
    found = fit_batch(Batch(LINE, rows, (Knowledge(),) * 2, np.full((1, 2), np.nan)), KERNELS)
    assert found.warned == {}
