"""What must hold whatever the data: scaling, shifting, permuting, padding, stopping."""

from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitting.errors import Cancelled
from fitting.fit import fit
from fitting.status import Status
from tests.fitting.problems import (
    KERNELS,
    LINE,
    PEAK,
    PEAK_AND_DECAY,
    Histogram,
    points,
    problem,
    solve,
    toy,
)

FEW = settings(derandomize=True, deadline=None, max_examples=20)
SEEDS = st.integers(0, 10**6)
EDGES = np.linspace(-4, 4, 33)
TRUTH = (700.0, 0.25, 1.0)


def line_points(seed, number=15, **options):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-3, 3, number)
    y = 1 + 2 * x + rng.normal(0, 1, number)
    return points(x, y, rng.uniform(0.5, 1.5, number), rng.uniform(0, 0.5, number), **options)


def assert_same(one, other, tolerance=1e-7):
    assert one.valid
    assert other.valid
    errors = np.array(one.errors)
    assert np.max(np.abs(one.values - other.values) / errors) < tolerance
    np.testing.assert_allclose(other.errors, errors, rtol=tolerance)


@FEW
@given(SEEDS, st.floats(0.5, 1e6))
def test_scaling_counts_scales_errors_by_the_root(seed, factor):
    data = toy(PEAK, EDGES, TRUTH, seed)
    one, many = solve(PEAK, data), solve(PEAK, Histogram(EDGES, data.counts * factor))
    assert many.valid
    units = np.array([factor, 1.0, 1.0])
    errors = np.array(one.errors)
    assert np.max(np.abs(many.values / units - one.values) / errors) < 1e-7
    np.testing.assert_allclose(np.array(many.errors) / units, errors / factor**0.5, rtol=1e-7)
    assert many.cost == pytest.approx(factor * one.cost, rel=1e-9)


@FEW
@given(SEEDS, st.integers(-1000, 1000), st.integers(-30, 30))
def test_shifting_and_stretching_x_moves_mu_and_sigma_only(seed, shift, power):
    data, unit = toy(PEAK, EDGES, TRUTH, seed), 2.0**power
    moved = solve(PEAK, Histogram((EDGES + shift) * unit, data.counts))
    one = solve(PEAK, data)
    assert moved.valid
    units = np.array([1.0, unit, unit])
    back = moved.values / units - [0, shift, 0]
    assert np.max(np.abs(back - one.values) / one.errors) < 1e-7
    np.testing.assert_allclose(np.array(moved.errors) / units, one.errors, rtol=1e-7)
    assert moved.cost == pytest.approx(one.cost, rel=1e-10)


@FEW
@given(SEEDS, st.floats(1e-6, 1e6))
def test_units_of_y_scale_a_linear_model(seed, unit):
    data = line_points(seed)
    scaled = solve(LINE, points(data.x, data.y * unit, data.y_err * unit, data.x_err))
    one = solve(LINE, data)
    assert scaled.valid
    assert np.max(np.abs(scaled.values / unit - one.values) / one.errors) < 1e-7
    np.testing.assert_allclose(np.array(scaled.errors) / unit, one.errors, rtol=1e-7)
    assert scaled.chi2 == pytest.approx(one.chi2, rel=1e-9)


@FEW
@given(SEEDS, st.booleans(), st.randoms(use_true_random=False))
def test_permuting_points_changes_nothing(seed, berkson, random):
    data = line_points(seed, berkson=berkson)
    order = list(range(15))
    random.shuffle(order)
    fields = (a[order] for a in (data.x, data.y, data.y_err, data.x_err))
    other, one = solve(LINE, points(*fields, berkson=berkson)), solve(LINE, data)
    assert_same(one, other)
    assert other.cost == pytest.approx(one.cost, rel=1e-12, abs=1e-12)


@FEW
@given(SEEDS)
def test_reflecting_x_reflects_mu(seed):
    data = toy(PEAK, EDGES, TRUTH, seed)
    one, mirrored = solve(PEAK, data), solve(PEAK, Histogram(EDGES, data.counts[::-1].copy()))
    mirrored.values[1] *= -1
    assert_same(one, mirrored)


@FEW
@given(SEEDS, st.sampled_from([64, 128]))
def test_padding_changes_nothing(seed, length):
    histogram, marks = toy(PEAK, EDGES, TRUTH, seed), line_points(seed)
    one, line = solve(PEAK, histogram), solve(LINE, marks)
    with mock.patch("fitting.data.bucket_length", return_value=length):
        assert_same(one, solve(PEAK, histogram))
        assert_same(line, solve(LINE, marks))


@FEW
@given(SEEDS, st.integers(0, 8), st.integers(22, 32))
def test_a_fit_range_is_the_part_of_the_data(seed, first, last):
    data = toy(PEAK, EDGES, TRUTH, seed)
    ranged = Histogram(EDGES, data.counts, ranges=((EDGES[first], EDGES[last]),))
    part = Histogram(EDGES[first : last + 1], data.counts[first:last])
    one, other = solve(PEAK, part), solve(PEAK, ranged)
    assert_same(one, other)
    assert one.ndof == other.ndof == last - first - 3


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.3), (0.3, 0.7), (0.6, 0.9)])
def test_a_range_takes_bins_whose_edges_differ_by_rounding(low, high):
    """3 * 0.1 is not 0.3."""
    edges = 0.1 * np.arange(11)
    data = Histogram(edges, np.ones(10), ranges=((low, high),))
    assert data.size == round((high - low) / 0.1)
    assert Histogram(edges, np.ones(10), ranges=((low + 1e-6, high),)).size == data.size - 1


@FEW
@given(SEEDS)
def test_a_bin_split_in_two_ranges_is_fitted_in_both(seed):
    """Two ranges that meet are one."""
    data, middle = toy(PEAK, EDGES, TRUTH, seed), float(EDGES[13])
    split = Histogram(EDGES, data.counts, ranges=((-4.0, middle), (middle, 4.0)))
    assert_same(solve(PEAK, data), solve(PEAK, split))


@pytest.mark.parametrize(
    "data", [line_points(1), toy(PEAK_AND_DECAY, EDGES + 4, (300, 4, 0.5, 900, 3), 1)]
)
def test_a_deadline_in_the_past_is_said(data):
    asked = problem(LINE, data)
    result = fit(asked, KERNELS, deadline=0.0)
    assert result.status is Status.DEADLINE
    assert not result.valid
    assert result.errors == [None, None]
    assert "deadline" in result.message.lower()


def test_a_deadline_after_the_search_costs_nothing():
    """Of a Berkson cost the chi-square is an evaluation of its own, the last."""
    asked = problem(LINE, line_points(1, berkson=True))

    def fitted_until(deadline):
        clock = iter(range(10**6))
        with mock.patch("fitting.objective.time", SimpleNamespace(monotonic=lambda: next(clock))):
            return fit(asked, KERNELS, deadline=deadline), next(clock)

    whole, evaluations = fitted_until(np.inf)
    assert whole.chi2 != whole.cost
    result, _ = fitted_until(evaluations - 1.5)
    assert result.status is Status.CONVERGED
    assert (result.values == whole.values).all()
    assert result.chi2 == whole.chi2


@pytest.mark.parametrize("evaluations", [1, 2, 5, 8])
def test_a_deadline_on_the_way_gives_the_best_so_far(evaluations):
    asked = problem(PEAK, toy(PEAK, EDGES, TRUTH, 1), [200.0, 2.0, 2.0])
    clock = iter(range(10**6))
    with mock.patch("fitting.objective.time", SimpleNamespace(monotonic=lambda: next(clock))):
        result = fit(asked, KERNELS, deadline=evaluations - 0.5)
    assert result.status is Status.DEADLINE
    assert np.isfinite(result.values).all()
    start = fit(problem(PEAK, asked.data, [200.0, 2.0, 2.0]), KERNELS)
    assert result.cost >= start.cost
    assert next(clock) >= evaluations


@FEW
@given(st.integers(0, 14))
def test_a_cancelled_fit_is_left_at_once(evaluations):
    calls = []

    def stop():
        calls.append(None)
        if len(calls) > evaluations:
            raise Cancelled

    asked = problem(PEAK, toy(PEAK, EDGES, TRUTH, 1), [200.0, 2.0, 2.0], minos=["mu"])
    with pytest.raises(Cancelled):
        fit(asked, KERNELS, stop=stop)
    assert len(calls) == evaluations + 1
    assert solve(PEAK, asked.data).valid
