"""Rows of a batch whose minimum is not where that of their mean is."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import ndtr, xlogy

from fitting.batch import descent
from fitting.batch.fit import fit_batch
from fitting.batch.result import STATUSES
from fitting.batch.rows import HistogramRows, PointsRows
from fitting.batch.search import search
from fitting.batch.verdict import judge_rows
from fitting.fit import fit
from fitting.problem import Knowledge
from fitting.status import Status
from models.composition.sum import Sum
from models.formula.formula import Formula
from models.registry import SHAPES
from models.shapes.gaussian import Gaussian
from models.shapes.polynomial import Polynomial
from tests.fitting.problems import KERNELS, PEAK
from tests.fitting.test_batch import assert_as_single, batch
from tests.fitting.test_surrogate import objectives_of

EDGES = np.linspace(0, 20, 41)
PEAK_ON_FLAT = Sum((Gaussian(prefix="s_"), Polynomial(degree=0, prefix="b_")))
NARROW = Knowledge(start=0.7, fixed=True)
WAVE = Formula.read("a*sin(w*x)", SHAPES)
WAVES = np.linspace(0, 20, 25)


def peaks(events, rows, seed=7, spread=6.0):
    """Counts of a flat background and a peak that is elsewhere in each row."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(10 - spread, 10 + spread, rows)
    return np.array(
        [
            rng.poisson(10, 40) + np.histogram(rng.normal(mu, 0.7, events), EDGES)[0]
            for mu in places
        ],
        float,
    )


def waves(rows, seed=5):
    rng = np.random.default_rng(seed)
    clean = [rng.uniform(1, 3) * np.sin(rng.uniform(0.8, 1.6) * WAVES) for _ in range(rows)]
    return np.array(clean) + rng.normal(0, 0.5, (rows, len(WAVES)))


def points(y, y_err, x_err=0.0, x=WAVES):
    full = [np.full((1, len(x)), error) for error in (x_err, y_err)]
    return PointsRows(x[None], y, *full)


def blurred_peaks(rows):
    rng = np.random.default_rng(5)
    y = []
    for mu in rng.uniform(5, 15, 400)[:rows]:
        at = WAVES + rng.normal(0, 1.0, len(WAVES))
        curve = 10 * np.exp(-0.5 * ((at - mu) / 1.5) ** 2) / 1.5 / np.sqrt(2 * np.pi)
        y.append(curve + rng.normal(0, 0.1, len(WAVES)))
    return np.array(y)


def lowest_by_scipy(counts):
    """Of the cost with a peak of width 0.7 on a flat background, from starts all over the range."""

    def cost(params):
        amp, mu, level = params
        expected = amp * np.diff(ndtr((EDGES - mu) / 0.7)) + level * np.diff(EDGES)
        if amp < 0 or (expected <= 0).any():
            return np.inf
        return 2 * np.sum(expected - counts + xlogy(counts, counts / expected))

    options = {"xatol": 1e-7, "fatol": 1e-9, "maxiter": 2000}
    starts = [(20, mu, 20) for mu in np.arange(1.0, 20.0, 1.0)]
    found = [minimize(cost, s, method="Nelder-Mead", options=options) for s in starts]
    return min(f.fun for f in found)


@pytest.mark.parametrize(
    ("events", "known"),
    [
        (20, {"s_sigma": NARROW}),
        pytest.param(20, {}, marks=pytest.mark.slow),
        pytest.param(40, {"s_sigma": NARROW}, marks=pytest.mark.slow),
        (40, {}),
    ],
    ids=["few, fixed width", "few, free width", "fixed width", "free width"],
)
def test_no_row_stays_at_a_higher_minimum_than_its_own_fit_finds(events, known):
    asked = batch(PEAK_ON_FLAT, HistogramRows(EDGES, peaks(events, 40)), **known)
    result = fit_batch(asked, KERNELS)
    for i in range(len(asked)):
        single = fit(asked.problem(i), KERNELS)
        if single.valid:
            assert STATUSES[result.status[i]] is Status.CONVERGED
            assert result.fval[i] < single.cost + 1e-6, i
    assert (~result.alone).mean() > 0.5


def test_the_minimum_of_a_peak_on_a_background_is_the_lowest_that_there_is():
    counts = peaks(30, 12)
    asked = batch(PEAK_ON_FLAT, HistogramRows(EDGES, counts), s_sigma=NARROW)
    result = fit_batch(asked, KERNELS)
    assert not result.alone.any()
    for fval, row in zip(result.fval, counts, strict=True):
        assert fval < lowest_by_scipy(row) + 1e-6


def test_peaks_among_points_are_where_they_are_in_each_row():
    """Of x and errors of their own, too: nothing is common then but the model."""
    rng = np.random.default_rng(3)
    x = WAVES + rng.uniform(-0.2, 0.2, (20, len(WAVES)))
    mu = rng.uniform(3, 17, (20, 1))
    y = 2.5 * np.exp(-0.5 * (x - mu) ** 2) + rng.normal(0, 0.5, x.shape)
    rows = PointsRows(x, y, np.zeros_like(x), np.full(x.shape, 0.5))
    asked = batch(PEAK, rows)
    result = fit_batch(asked, KERNELS)
    for i in range(len(asked)):
        single = fit(asked.problem(i), KERNELS)
        assert single.valid, i
        assert result.fval[i] < single.cost + 1e-6, i


@pytest.mark.parametrize("y_err", [2.0, 0.5])
def test_a_start_for_all_rows_is_that_of_each(y_err):
    """It was that of their mean only, and rows ended at another of the wave's minima."""
    known = {"a": Knowledge(start=2.0), "w": Knowledge(start=1.2)}
    asked = batch(WAVE, points(waves(24), y_err), **known)
    assert_as_single(asked, fit_batch(asked, KERNELS), 0.0)


@pytest.mark.parametrize("starts", [None, {"s_mu": [12.0] * 20}], ids=["common", "own"])
def test_what_is_not_given_is_estimated_with_what_is(starts):
    known = {} if starts else {"s_mu": Knowledge(start=12.0)}
    rows = HistogramRows(EDGES, peaks(20, 20))
    asked = batch(PEAK_ON_FLAT, rows, starts, s_sigma=NARROW, **known)
    assert_as_single(asked, fit_batch(asked, KERNELS), 0.0)


@pytest.mark.slow
def test_with_errors_in_x_the_way_to_a_minimum_is_that_of_a_single_fit():
    asked = batch(PEAK, points(blurred_peaks(150)[75:], 0.1, 1.0))
    assert_as_single(asked, fit_batch(asked, KERNELS), 0.1)


def test_without_a_minimum_to_compare_with_errors_in_x_may_be_inflated():
    asked = batch(PEAK, points(blurred_peaks(20), 0.4, 0.1))
    rows, pooled, origin = objectives_of(asked)
    found, exact = search(asked, rows, pooled, origin, float("inf"))
    sound = np.flatnonzero(judge_rows(asked, rows, pooled, found, exact).sound)
    assert len(sound)
    exact.settled[sound[0]] = False
    assert not judge_rows(asked, rows, pooled, found, exact).sound[sound[0]]


def test_rows_that_begin_at_a_limit_which_holds_them_do_not_settle_there():
    """A single fit has to say that the parameter is held, and has no error."""
    known = {"mu": Knowledge(limits=(12.0, None)), "sigma": Knowledge(0.7, fixed=True)}
    counts = np.round(500 * np.diff(ndtr((EDGES - 11.5) / 0.7)))
    asked = batch(PEAK, HistogramRows(EDGES, np.array([counts] * 4)), **known)
    rows, *_ = objectives_of(asked)
    found = descent.Descent(rows, asked.bounds).run(np.array([[500.0, 12.0, 0.7]] * 4))
    assert not found.settled.any()
    assert not found.unfinished.any()


def test_rows_that_two_turns_leave_unfinished_are_fitted_by_themselves(monkeypatch):
    """And from where the client said, not from where the turns have led."""
    monkeypatch.setattr(descent, "FIRST", 0)
    known = {"a": Knowledge(start=2.0), "w": Knowledge(start=1.2)}
    asked = batch(WAVE, points(waves(24), 2.0), **known)
    result = fit_batch(asked, KERNELS, until=0.0)
    assert np.isfinite(result.resume).any()
    for _ in range(2):
        left = np.flatnonzero(~result.done & ~result.alone)
        if len(left):
            part = asked.some(left, result.resume)
            result.put(left, fit_batch(part, KERNELS, until=0.0))
    assert (result.done | result.alone).all()
    left = np.flatnonzero(~result.done)
    result.put(left, fit_batch(asked.some(left, result.resume), KERNELS, alone=result.alone[left]))
    assert_as_single(asked, result, 0.0)


def test_a_minimum_that_is_known_is_not_forgotten_when_time_is_up():
    rng = np.random.default_rng(3)
    two = [np.r_[rng.normal(8, 1, 3000), rng.normal(12, 0.5, 400)] for _ in range(40)]
    counts = np.array([np.histogram(x, EDGES)[0] for x in two], float)
    asked = batch(PEAK, HistogramRows(EDGES, counts))  # which describes them badly
    result = fit_batch(asked, KERNELS, until=0.0)
    known = result.values.copy()
    left = np.flatnonzero(~result.done)
    assert np.isfinite(known[left]).all()
    result.put(left, fit_batch(asked.some(left), KERNELS, deadline=0.0, alone=result.alone[left]))
    np.testing.assert_array_equal(result.values, known)
    assert np.isfinite(result.errors).all()
