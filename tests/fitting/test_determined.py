"""Errors that are long against their parameter: right where the data say so, none where they do
not."""

import numpy as np
import pytest

from fitting.batch.fit import fit_batch
from fitting.batch.objective import RowsObjective
from fitting.batch.question import Batch
from fitting.batch.result import STATUSES
from fitting.batch.rows import HistogramRows, PointsRows
from fitting.data import Histogram
from fitting.fit import fit
from fitting.problem import Knowledge
from fitting.search.determined import LONG
from fitting.status import Status
from models.composition.sum import Sum
from models.formula.formula import Formula
from models.registry import SHAPES
from models.shapes.gaussian import Gaussian
from models.shapes.polynomial import Polynomial
from tests.fitting.problems import KERNELS, points, solve

SEEDS = 10
X = np.linspace(0, 10, 31)
FAR = np.linspace(290, 300, 11)
EDGES = np.linspace(100, 110, 21)


def formula(text):
    return Formula.read(text, SHAPES)


def batch(model, rows, **known):
    names = [p.name for p in model.parameters]
    starts = np.full((len(rows), len(names)), np.nan)
    return Batch(model, rows, tuple(known.get(n, Knowledge()) for n in names), starts)


def curves(x, y, y_err, x_err=0.0):
    return PointsRows(x[None], y, *(np.full((1, len(x)), error) for error in (x_err, y_err)))


def uniform(low, high, *shape):
    """Numbers (seeds, shape), those of a seed the same in each test."""
    rngs = [np.random.default_rng(seed) for seed in range(SEEDS)]
    return np.array([rng.uniform(low, high, shape) for rng in rngs])


LINES = uniform(-2, 2, 2) @ np.array([np.ones_like(X), X])
LEVELS = uniform(1, 100, 1)
PEAK_ON_LINE = Sum((Gaussian(), Polynomial(degree=1)))
NOTHING_THERE = {
    "library": batch(PEAK_ON_LINE, curves(X, LINES, 0.15), sigma=Knowledge(start=1.0, fixed=True)),
    "constrained": batch(
        formula("a*gaussian(x, m, s) + b + k*x"),
        curves(X, LINES, 0.15),
        s=Knowledge(constraint=(1.0, 0.2)),
    ),
    "decay": batch(formula("a*exp(-x/t) + c"), curves(X, LEVELS + 0 * X, 0.15)),
    "errors in x": batch(formula("a*exp(-x/t) + c"), curves(X, LEVELS + 0 * X, 0.15, 0.1)),
    "sine": batch(
        formula("a*sin(w*x + p) + c"),
        curves(X, LEVELS + 0 * X, 0.15),
        w=Knowledge(start=2.0, fixed=True),
    ),
    "dead channel": batch(Gaussian(), curves(X, 0 * LINES, 0.15)),
    "histogram": batch(
        formula("n*gaussian(x, m, s) + c"),
        HistogramRows(X, np.round(LEVELS) + 0 * X[1:]),
        s=Knowledge(start=1.0, fixed=True),
    ),
}


@pytest.mark.parametrize("name", NOTHING_THERE)
def test_where_a_term_is_zero_its_other_parameters_are_undetermined(name):
    """The data are the background, exactly: where a peak of height 0 is, nobody can know."""
    asked = NOTHING_THERE[name]
    together = fit_batch(asked, KERNELS)
    for i in range(SEEDS):
        single = fit(asked.problem(i), KERNELS)
        assert single.status is Status.UNDETERMINED, (i, single.values, single.errors)
        assert STATUSES[together.status[i]] is single.status, i
        assert "all but the same" in single.message


@pytest.mark.parametrize("width", [0.03, 0.04, 0.045])
def test_a_peak_within_a_bin_has_neither_place_nor_width(width):
    """Where its tails end within the bin, moving it is as good: only beyond does the cost rise."""
    counts = np.full(40, 10.0)
    counts[9] = 22.0
    counts[::3] += 3.0
    peak_on_flat = Sum((Gaussian(prefix="s_"), Polynomial(degree=0, prefix="b_")))
    data = Histogram(np.linspace(0, 20, 41), counts)
    found = solve(peak_on_flat, data, [12.0, 4.75, width, 20.0])
    assert found.status is Status.UNDETERMINED
    assert all(name in found.message for name in ("s_mu", "s_sigma"))


def test_empty_histograms_have_nothing_to_determine():
    asked = batch(formula("n*gaussian(x, m, s) + c"), HistogramRows(X, np.zeros((2, len(X) - 1))))
    together = fit_batch(asked, KERNELS)
    assert {STATUSES[status] for status in together.status} == {Status.EMPTY_DATA}
    assert fit(asked.problem(0), KERNELS).status is Status.EMPTY_DATA


def from_line(values, covariance):
    """r and a of r (1 + a x), and their errors, from those of c0 + c1 x."""
    c0, c1 = values
    slope = np.array([[1, 0], [-c1 / c0**2, 1 / c0]])
    return np.array([c0, c1 / c0]), np.sqrt(np.diag(slope @ covariance @ slope.T))


def test_a_slope_near_zero_in_a_bent_valley_has_its_error():
    y = "100.545 99.495 99.817 100.541 101.935 99.73 99.756 101.002 99.114 99.708 100.883"
    y = np.array(y.split(), float)
    values, covariance = np.polyfit(FAR, y, 1, w=np.ones(11), cov="unscaled")
    values, errors = from_line(values[::-1], covariance[::-1, ::-1])
    assert errors == pytest.approx([28.129, 9.11e-4], rel=1e-3)
    result = solve(formula("r*(1 + a*x)"), points(FAR, y, 1.0))
    assert result.status is Status.CONVERGED, result.message
    assert result.values == pytest.approx(values, rel=1e-6)
    assert result.errors == pytest.approx(errors, rel=1e-6)


def test_rows_in_bent_valleys_have_their_errors():
    y = 100 + np.random.default_rng(3).normal(0, 0.1, (50, 11))
    together = fit_batch(batch(formula("r*(1 + a*x)"), curves(FAR, y, 0.1)), KERNELS)
    assert together.alone.mean() < 0.2
    for i, row in enumerate(y):
        values, covariance = np.polyfit(FAR, row, 1, w=np.full(11, 10.0), cov="unscaled")
        values, errors = from_line(values[::-1], covariance[::-1, ::-1])
        assert STATUSES[together.status[i]] is Status.CONVERGED, i
        np.testing.assert_allclose(together.values[i], values, atol=1e-6 * errors.min())
        np.testing.assert_allclose(together.errors[i], errors, rtol=1e-4)


def test_a_slope_is_determined_as_far_as_the_level_is_not_zero():
    """For a to infinity it is n a x, a line through 0: the cost rises there by the square of how
    many standard deviations n is from 0."""
    counts = np.random.default_rng(4).poisson(50, (40, 20)).astype(float)
    rows = HistogramRows(EDGES, counts)
    line = fit_batch(batch(Polynomial(degree=1), rows), KERNELS, covariance=True)
    found = fit_batch(batch(formula("n*(1 + a*x)"), rows), KERNELS)
    significance = line.values[:, 0] / line.errors[:, 0]
    clear, vague = significance > 0.4, np.abs(significance) < 0.2
    assert clear.sum() > 20
    assert vague.sum() > 1
    for i in np.flatnonzero(clear):
        values, errors = from_line(line.values[i], line.covariance[i])
        assert STATUSES[found.status[i]] is Status.CONVERGED, i
        assert found.fval[i] == pytest.approx(line.fval[i], rel=1e-9)
        np.testing.assert_allclose(found.values[i], values, rtol=1e-5)
        np.testing.assert_allclose(found.errors[i], errors, rtol=1e-4)
    for i in np.flatnonzero(vague):
        assert STATUSES[found.status[i]] in (Status.UNDETERMINED, Status.RUNAWAY), i


def test_a_place_at_zero_takes_no_more_evaluations_than_one_elsewhere(monkeypatch):
    """Where 0 is, says nothing of how well a place is known."""
    events = np.random.default_rng(5).normal(0.0, 1.0, (SEEDS, 400))
    events -= 0.9 * events.mean(axis=1, keepdims=True)
    edges, asked = np.linspace(-4, 4, 33), list[int]()
    costs = RowsObjective.costs

    def counted(rows, places, points):
        asked.append(len(places))
        return costs(rows, places, points)

    monkeypatch.setattr(RowsObjective, "costs", counted)
    efforts = []
    for shift in (0.0, 64.0):
        asked.clear()
        rows = np.array([np.histogram(row, edges)[0] for row in events])
        together = batch(Gaussian(), HistogramRows(edges + shift, rows))
        found = fit_batch(together, KERNELS)
        values, sigmas = found.values[:, 1], found.errors[:, 1]
        assert shift or (LONG * np.abs(values) < sigmas).any()  # which had been looked at
        single = [fit(together.problem(i), KERNELS).effort.nfcn for i in range(SEEDS)]
        efforts.append((sum(asked), single))
    assert efforts[0] == efforts[1]
