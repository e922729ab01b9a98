"""A batch against the single fit, row by row: the same minimum to the last digits."""

import time

import numpy as np
import pytest
from scipy.stats import norm

from fitting.batch import descent
from fitting.batch.fit import fit_batch
from fitting.batch.question import Batch
from fitting.batch.result import STATUSES, BatchResult
from fitting.batch.rows import HistogramRows, PointsRows
from fitting.batch.stacks import inverses
from fitting.errors import Cancelled, InvalidProblem
from fitting.fit import fit
from fitting.problem import Knowledge
from fitting.status import Status
from models.composition.sum import Sum
from models.shapes.crystal_ball import CrystalBall
from models.shapes.exponential import Exponential
from models.shapes.gaussian import Gaussian
from models.shapes.moyal import Moyal
from models.shapes.polynomial import Polynomial
from models.shapes.sine import Sine
from tests.fitting.problems import KERNELS, LINE, PEAK, PEAK_AND_DECAY, expected

ROWS = 30
SAME_ERROR = 2e-5  # see fitting.batch.descent.SHORT


def batch(model, rows, starts=None, absolute_sigma=True, **known):
    names = [p.name for p in model.parameters]
    assert set(known) <= set(names)
    own = np.full((len(rows), len(names)), np.nan)
    for name, values in (starts or {}).items():
        own[:, names.index(name)] = values
    return Batch(model, rows, tuple(known.get(n, Knowledge()) for n in names), own, absolute_sigma)


def toys(model, edges, params, seed=1, rows=ROWS):
    mu = expected(model, edges, params)
    counts = np.random.default_rng(seed).poisson(mu, (rows, len(mu))).astype(float)
    return HistogramRows(np.asarray(edges, float), counts)


def curves(model, x, params, y_err, seed=1, x_err=0.0, rows=ROWS, **options):
    rng = np.random.default_rng(seed)
    x = np.asarray(x, float)
    y = np.array(model.value(x, *map(float, params)))
    noise = rng.normal(size=(rows, len(x))) * y_err
    blurred = x + rng.normal(size=(rows if x_err else 1, len(x))) * x_err
    full = [np.full((1, len(x)), v) for v in (x_err, y_err)]
    return PointsRows(blurred, y + noise, *full, **options)


def assert_as_single(asked, result, least_together=0.9):
    """Every row has the status, values, errors and covariance of its own single fit."""
    assert result.done.all()
    for i in range(len(asked)):
        single = fit(asked.problem(i), KERNELS)
        assert STATUSES[result.status[i]] is single.status, i
        if not single.valid:
            continue
        errors = np.array([np.nan if e is None else e for e in single.errors])
        size = np.where(np.isnan(errors), 1.0, np.maximum(errors, np.abs(single.values)))
        assert np.all(np.abs(result.values[i] - single.values) <= 1e-9 * size), i
        np.testing.assert_allclose(result.errors[i], errors, rtol=SAME_ERROR)
        assert result.fval[i] == pytest.approx(single.cost, rel=1e-9, abs=1e-9)
        assert result.chi2[i] == pytest.approx(single.chi2, rel=1e-9, abs=1e-9)
        assert result.ndof[i] == single.ndof
        if result.covariance is not None:
            free = list(single.covariance.parameters)
            block = result.covariance[i][np.ix_(free, free)]
            scale = np.outer(*[np.sqrt(np.diag(single.covariance.matrix))] * 2)
            assert np.max(np.abs(block - single.covariance.matrix) / scale) < SAME_ERROR
    assert (~result.alone).mean() >= least_together


TWENTY = np.linspace(-4, 4, 21)
FIFTY = np.linspace(-5, 5, 51)
X = np.linspace(0, 10, 25)

HISTOGRAMS = {
    "gaussian": batch(PEAK, toys(PEAK, FIFTY, (1000, 0.2, 1.1))),
    "few events": batch(PEAK, toys(PEAK, TWENTY, (40, 0.2, 1.1))),
    "exponential": batch(Exponential(), toys(Exponential(), np.linspace(0, 5, 41), (800, 1.2))),
    "crystal ball": batch(
        CrystalBall(),
        toys(CrystalBall(), np.linspace(-8, 4, 61), (20000, 0.5, 0.8, 1.2, 3.0)),
    ),
    "moyal": batch(Moyal(), toys(Moyal(), np.linspace(-3, 12, 61), (2000, 0.5, 0.8))),
    "peak on decay": batch(
        PEAK_AND_DECAY,
        toys(PEAK_AND_DECAY, np.linspace(0, 10, 51), (900, 4.0, 0.4, 3000, 4.0)),
    ),
    "fixed and constrained": batch(
        PEAK,
        toys(PEAK, FIFTY, (500, 0.2, 1.1)),
        mu=Knowledge(start=0.2, fixed=True),
        sigma=Knowledge(constraint=(1.1, 0.02)),
    ),
    "range": batch(
        PEAK,
        HistogramRows(FIFTY, toys(PEAK, FIFTY, (1000, 0.2, 1.1)).counts, ((-3.0, 0.0), (1.0, 4.0))),
    ),
    "straight line": batch(LINE, toys(LINE, np.linspace(0, 10, 31), (50, 3))),
}
POINTS = {
    "line": batch(LINE, curves(LINE, X, (1, 2), 0.3)),
    "cubic, far from 0": batch(
        Polynomial(degree=3), curves(Polynomial(degree=3), X + 100, (1, 2, 0.1, 0.001), 3.0)
    ),
    "peak": batch(PEAK, curves(PEAK, X, (20, 5, 1.2), 0.3)),
    "sine": batch(Sine(), curves(Sine(), X, Sine().example.values, 0.05)),
    "relative errors": batch(PEAK, curves(PEAK, X, (20, 5, 1.2), 0.3), absolute_sigma=False),
    "errors in x": batch(PEAK, curves(PEAK, X, (20, 5, 1.2), 0.3, x_err=0.1)),
    "berkson": batch(PEAK, curves(PEAK, X, (20, 5, 1.2), 0.3, x_err=0.1, berkson=True)),
    "range": batch(LINE, curves(LINE, X, (1, 2), 0.3, x_err=0.1, ranges=((2.0, 8.0),))),
    "range of a common x": batch(
        PEAK, curves(PEAK, np.linspace(0, 10, 50), (20, 5, 1.2), 0.3, ranges=((3.0, 7.0),))
    ),
}


@pytest.mark.parametrize("name", HISTOGRAMS)
def test_each_histogram_is_fitted_as_if_it_were_alone(name):
    few = 0.0 if name in ("few events", "crystal ball") else 0.8
    asked = HISTOGRAMS[name]
    assert_as_single(asked, fit_batch(asked, KERNELS, covariance=True), few)


@pytest.mark.parametrize("name", POINTS)
def test_each_curve_is_fitted_as_if_it_were_alone(name):
    asked = POINTS[name]
    few = 0.0 if name == "sine" else 0.8
    assert_as_single(asked, fit_batch(asked, KERNELS, covariance=True), few)


def test_rows_that_cannot_be_fitted_spoil_no_other():
    counts = toys(PEAK, FIFTY, (1000, 0.2, 1.1)).counts
    counts[3] = 0
    counts[7] = 0
    counts[7, 20] = 50  # a single filled bin
    counts[11] = 0
    counts[11, [4, 44]] = 1, 1
    counts[17] = np.random.default_rng(3).poisson(20, 50)  # flat: no peak
    counts[23] = 1e7 * counts[23]
    asked = batch(PEAK, HistogramRows(FIFTY, counts))
    result = fit_batch(asked, KERNELS)
    assert STATUSES[result.status[3]] is Status.EMPTY_DATA
    assert_as_single(asked, result, 0.8)


def test_rows_unlike_each_other():
    rng = np.random.default_rng(5)
    places, sizes = rng.uniform(-3, 3, ROWS), rng.integers(100, 5000, ROWS)
    counts = [
        np.histogram(rng.normal(m, 0.5, n), FIFTY)[0] for m, n in zip(places, sizes, strict=True)
    ]
    asked = batch(PEAK, HistogramRows(FIFTY, np.array(counts, float)))
    assert_as_single(asked, fit_batch(asked, KERNELS))


def test_rows_started_badly():
    rng = np.random.default_rng(6)
    starts = {
        "amp": rng.uniform(100, 5000, ROWS),
        "mu": rng.uniform(-3, 3, ROWS),
        "sigma": rng.uniform(0.3, 4, ROWS),
    }
    asked = batch(PEAK, toys(PEAK, FIFTY, (1000, 0.2, 1.1)), starts)
    assert_as_single(asked, fit_batch(asked, KERNELS), 0.5)


def test_a_limit_that_rows_run_into():
    asked = batch(PEAK, toys(PEAK, FIFTY, (1000, 0.2, 1.1)), mu=Knowledge(limits=(0.2, 2.0)))
    result = fit_batch(asked, KERNELS, covariance=True)
    assert result.held[:, 1].any()
    assert not result.held[:, 1].all()
    assert_as_single(asked, result, 0.2)


def test_fixed_at_another_value_in_each_row():
    values = np.linspace(-0.5, 0.5, ROWS)
    asked = batch(
        PEAK, toys(PEAK, FIFTY, (1000, 0.0, 1.1)), {"mu": values}, mu=Knowledge(fixed=True)
    )
    result = fit_batch(asked, KERNELS)
    assert (result.values[:, 1] == values).all()
    assert_as_single(asked, result, 0.0)


def test_ends_of_each_row_s_own_x():
    model = Exponential(normalised="range")
    rows = curves(model, X[1:], (30, 3.0, 0.0, 10.0), 0.1)
    asked = batch(model, PointsRows(np.repeat(rows.x, ROWS, 0), rows.y, rows.x_err, rows.y_err))
    assert_as_single(asked, fit_batch(asked, KERNELS), 0.5)


def test_a_slice_at_a_time_leads_to_the_same(monkeypatch):
    monkeypatch.setattr(descent, "FIRST", 0)
    asked = HISTOGRAMS["peak on decay"]
    whole = fit_batch(asked, KERNELS)
    result, left, alone = fit_batch(asked, KERNELS, until=0.0), np.arange(ROWS), None
    assert not result.done.all()
    for _ in range(100):
        left = np.flatnonzero(~result.done)
        if not len(left):
            break
        alone = result.alone[left]
        part = asked.some(left, result.resume)
        result.put(left, fit_batch(part, KERNELS, until=time.monotonic() + 0.01, alone=alone))
    assert result.done.all()
    np.testing.assert_allclose(result.values, whole.values, rtol=1e-9)


def test_a_deadline_leaves_rows_without_status():
    result = fit_batch(HISTOGRAMS["gaussian"], KERNELS, deadline=0.0)
    assert not result.done.any()


def test_it_stops_when_told_to():
    def stop():
        raise Cancelled

    with pytest.raises(Cancelled):
        fit_batch(HISTOGRAMS["gaussian"], KERNELS, stop=stop)


def test_nothing_is_compiled_twice():
    asked = HISTOGRAMS["gaussian"]
    fit_batch(asked, KERNELS)
    assert fit_batch(asked, KERNELS).usage.compiled == 0


def test_wrong_entries_are_told_by_row_and_column():
    counts = toys(PEAK, FIFTY, (1000, 0.2, 1.1)).counts
    counts[17, 3] = -1
    with pytest.raises(InvalidProblem) as refused:
        HistogramRows(FIFTY, counts)
    assert refused.value.path == ("counts", 17, 3)
    with pytest.raises(InvalidProblem) as refused:
        batch(PEAK, toys(PEAK, FIFTY, (1000, 0.2, 1.1)), {"sigma": [1.0] * 4 + [-1.0] * 26})
    assert refused.value.path == ("starts", "sigma", 4)


def test_inverses_of_a_stack_are_numpy_s():
    rng = np.random.default_rng(1)
    half = rng.normal(size=(50, 6, 6))
    stack = half @ half.swapaxes(1, 2)
    scale = np.sqrt(np.einsum("rii->ri", stack))
    unit = stack / scale[:, None] / scale[:, :, None]
    unit[7] = np.nan
    unit[9] = np.diag([1.0] * 5 + [-1.0])
    found, definite = inverses(unit.transpose(1, 2, 0))
    assert list(np.flatnonzero(~definite)) == [7, 9]
    for i in np.flatnonzero(definite):
        np.testing.assert_allclose(found[:, :, i] @ unit[i], np.eye(6), atol=1e-8)


def test_a_sum_of_many_terms():
    model = Sum(tuple(Gaussian(prefix=f"p{i}_") for i in range(4)))
    params = [v for i in range(4) for v in (2000, -6 + 4 * i, 0.7)]
    # terms that are alike, told apart by where they start
    known = {f"p{i}_mu": Knowledge(start=-6 + 4 * i) for i in range(4)}
    asked = batch(model, toys(model, np.linspace(-9, 9, 91), params, rows=8), **known)
    assert_as_single(asked, fit_batch(asked, KERNELS))


def test_rows_that_a_limit_stops_are_given_up_in_a_turn_without_time():
    """Their minimum is at the limit, which steps only come near: each turn began anew."""
    rows = toys(PEAK, np.linspace(-4, 4, 33), (1000, 0.3, 1.0), rows=20)
    asked = batch(PEAK, rows, mu=Knowledge(start=1.0, limits=(0.8, None)))
    result = fit_batch(asked, KERNELS, until=0.0)
    assert result.alone.all()


def test_a_minimum_hardly_beyond_a_limit_is_at_it_and_its_parameter_without_error():
    """By a millionth of a standard deviation: steps that the limit cuts short become as short."""
    rows = curves(LINE, X, (1, 2), 0.3, rows=1)
    design = np.stack([np.ones_like(X), X], axis=1) / 0.3
    best = np.linalg.lstsq(design, rows.y[0] / 0.3, rcond=None)[0]
    errors = np.sqrt(np.diag(np.linalg.inv(design.T @ design)))
    limit = float(best[1] + 1e-6 * errors[1])
    starts = {"c0": [best[0]] * 8, "c1": [limit + 0.01 * errors[1]] * 8}
    rows = PointsRows(rows.x, np.repeat(rows.y, 8, axis=0), rows.x_err, rows.y_err)
    asked = batch(LINE, rows, starts, c1=Knowledge(limits=(limit, None)))
    result = fit_batch(asked, KERNELS)
    assert (result.values[:, 1] == limit).all()
    assert np.isnan(result.errors[:, 1]).all()
    assert_as_single(asked, result, 0.0)


@pytest.mark.parametrize("is_known", [True, False])
def test_where_a_row_that_had_no_time_has_come_is_told_unless_its_minimum_is_known(is_known):
    asked = HISTOGRAMS["gaussian"]
    whole, part = (
        BatchResult.empty(a, covariance=False) for a in (asked, asked.some(np.arange(2)))
    )
    if is_known:
        whole.values[:], whole.edm[:] = 1.0, 1e-12
    part.status[:] = STATUSES.index(Status.DEADLINE)
    part.values[:] = 2.0
    whole.put(np.array([3, 5]), part)
    assert (whole.values[[3, 5]] == (1.0 if is_known else 2.0)).all()
    assert whole.done.sum() == 2


def test_a_shape_whose_own_parameters_are_one_has_rows_far_from_the_others():
    model = Sum((Gaussian(rename=(("mu", "s"), ("sigma", "s"))),))
    rng = np.random.default_rng(1)
    edges = np.linspace(0, 20, 41)
    places = [8.0] * 4 + [3.0, 15.0]
    counts = [np.histogram(rng.normal(mu, 1.5, 1000), edges)[0] for mu in places]
    asked = batch(model, HistogramRows(edges, np.array(counts, float)))
    assert_as_single(asked, fit_batch(asked, KERNELS), 0.0)


def test_the_mean_of_values_at_a_limit_is_not_beyond_it():
    """Three times 0.1 are a little more than 0.3."""
    x, y = np.arange(5.0)[None], np.array([[0.1, 1.1, 2.0, 3.2, 4.1]] * 3)
    known = Knowledge(limits=(0.0, 0.1), fixed=True)
    rows = PointsRows(x, y, np.zeros((1, 5)), np.full((1, 5), 0.1))
    asked = batch(LINE, rows, {"c0": [0.1] * 3}, c0=known)
    assert_as_single(asked, fit_batch(asked, KERNELS))


@pytest.mark.parametrize("fixed", [True, False], ids=["fixed", "given"])
def test_a_model_whose_linear_parameters_are_all_known(fixed):
    x, places = np.linspace(-3, 5, 30), np.array([0.2, 0.9, 1.5, 2.0, 2.4])
    noise = np.random.default_rng(2).normal(0, 0.05, (5, 30))
    y = 5 * norm.pdf(x, places[:, None], 0.8) + noise
    rows = PointsRows(x[None], y, np.zeros((1, 30)), np.full((1, 30), 0.05))
    result = fit_batch(batch(PEAK, rows, amp=Knowledge(5.0, fixed=fixed)), KERNELS)
    assert (result.status == STATUSES.index(Status.CONVERGED)).all()
    np.testing.assert_allclose(result.values[:, 1], places, atol=0.05)


@pytest.mark.filterwarnings("error")
def test_rows_without_residuals_are_no_trouble():
    """Lines through all their points, one of them 0; such costs have no scale."""
    x = np.arange(10.0)
    y = np.array([[1.0, 2.0], [1.0, 3.0], [0.0, 0.0]]) @ np.array([np.ones_like(x), x])
    rows = PointsRows(x[None], y, np.zeros((1, 10)), np.ones((1, 10)))
    knowledge = (Knowledge(), Knowledge())
    asked = Batch(LINE, rows, knowledge, np.full((3, 2), np.nan), absolute_sigma=False)
    found = fit_batch(asked, KERNELS)
    assert [STATUSES[i] for i in found.status] == [Status.CONVERGED] * 3
    np.testing.assert_allclose(found.values, [[1, 2], [1, 3], [0, 0]], atol=1e-13)
    np.testing.assert_allclose(found.errors, 0, atol=1e-13)
