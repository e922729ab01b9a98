"""Minima at limits: exactly there, without a made-up error, the others as if it were fixed."""

import numpy as np
import pytest

from fitting.errors import InvalidProblem
from fitting.problem import Knowledge
from fitting.status import Status
from models.formula.formula import Formula
from models.registry import SHAPES
from models.shapes.polynomial import Polynomial
from tests.fitting.problems import (
    LINE,
    PEAK,
    PEAK_AND_DECAY,
    Histogram,
    expected,
    points,
    problem,
    solve,
    toy,
)
from tests.oracles.reference import Poisson, minimise

DATA = toy(PEAK, np.linspace(-4.03, 5, 31), (800.0, 0.3, 1.1), 3)
#: the same events with edges on 0, 0.5 and 1, where a limit may well be
ON_EDGES = toy(PEAK, np.linspace(-4, 5, 19), (800.0, 0.3, 1.1), 3)
START = {"amp": 800.0, "mu": 0.3, "sigma": 1.1}


def twin_of(data, **held):
    cost = Poisson("gaussian", data.edges, data.counts)
    return minimise(cost, START | held, tuple(held))


def assert_held_at(result, data, limit):
    twin = twin_of(data, mu=limit)
    assert result.valid, result.message
    assert result.values[1] == limit
    assert result.held.tolist() == [False, True, False]
    assert result.errors[1] is None
    assert result.covariance.parameters == (0, 2)
    for i, name in ((0, "amp"), (2, "sigma")):
        error = twin.errors[name]
        assert result.values[i] == pytest.approx(twin.values[name], abs=1e-7 * error)
        assert result.errors[i] == pytest.approx(error, rel=1e-7)
    assert result.cost == pytest.approx(twin.fval, rel=1e-11)


@pytest.mark.parametrize("start", ["none", "inside", "at the limit", "at the other limit"])
@pytest.mark.parametrize(
    ("limits", "limit"),
    [((0.5, None), 0.5), ((0.5, 2.0), 0.5), ((None, 0.125), 0.125), ((-2.0, 0.125), 0.125)],
)
@pytest.mark.parametrize("data", [DATA, ON_EDGES], ids=["between edges", "on an edge"])
def test_a_minimum_at_a_limit(data, limits, limit, start):
    other = limits[1] if limit == limits[0] else limits[0]
    if start == "at the other limit" and other is None:
        pytest.skip("one-sided")
    inside = limit + (0.3 if limit == limits[0] else -0.3)
    starts = {"none": None, "inside": inside, "at the limit": limit, "at the other limit": other}
    result = solve(PEAK, data, mu=Knowledge(start=starts[start], limits=limits))
    assert_held_at(result, data, limit)


@pytest.mark.parametrize("start", [None, 0.0, -1.0, 1.0])
def test_limits_that_do_not_bind_change_nothing(start):
    free = solve(PEAK, DATA)
    result = solve(PEAK, DATA, mu=Knowledge(start=start, limits=(-1.0, 1.0)))
    assert result.valid
    assert not result.held.any()
    np.testing.assert_allclose(result.values, free.values, rtol=0, atol=1e-8 * free.errors[1])
    np.testing.assert_allclose(result.errors, free.errors, rtol=1e-8)


def test_a_slope_at_its_limit_leaves_the_closed_form_of_the_rest():
    x, y = np.arange(6.0), np.array([1.0, 0.4, 0.1, -0.6, -0.9, -1.6])
    for limits in ((0.0, None), (0.0, 5.0)):
        result = solve(LINE, points(x, y, 0.5), c1=Knowledge(limits=limits))
        assert result.values == pytest.approx([y.mean(), 0.0], abs=1e-12)
        assert result.values[1] == 0.0
        assert result.errors == [pytest.approx(0.5 / np.sqrt(6), rel=1e-12), None]


def test_a_peak_that_is_not_there_ends_at_zero_events():
    truth = np.array([0.0, 4.0, 0.5, 4000.0, 3.0])
    edges = np.linspace(0, 12, 61)
    counts = np.round(expected(PEAK_AND_DECAY, edges, truth))
    counts[19:22] -= 12  # a dip where the peak would be
    known = {
        "s_mu": Knowledge(start=4.0, fixed=True),
        "s_sigma": Knowledge(start=0.3, fixed=True),
    }
    result = solve(PEAK_AND_DECAY, Histogram(edges, counts), **known)
    assert result.valid, result.message
    assert result.values[0] == 0.0
    assert result.held.tolist() == [True, False, False, False, False]
    assert result.covariance.parameters == (3, 4)
    spec = Poisson({"name": "exponential"}, edges, counts)
    twin = minimise(spec, {"amp": 4000.0, "tau": 3.0})
    np.testing.assert_allclose(result.values[3:], list(twin.values.values()), rtol=1e-9)
    np.testing.assert_allclose(result.errors[3:], list(twin.errors.values()), rtol=1e-8)


def test_everything_at_limits_is_said():
    limits = {"c0": Knowledge(limits=(5.0, 9.0)), "c1": Knowledge(limits=(2.0, 3.0))}
    x = np.linspace(0, 1, 5)
    result = solve(LINE, points(x, 1 + 0 * x, 0.1), **limits)
    assert result.status is Status.AT_LIMIT_ONLY
    assert result.values.tolist() == [5.0, 2.0]
    assert result.errors == [None, None]
    assert "c0, c1" in result.message


def test_a_solution_within_narrow_limits_is_not_at_them():
    result = solve(
        LINE,
        points(np.arange(4.0), [1.0, 3.0, 5.0, 7.1], 0.1),
        c0=Knowledge(limits=(0.97, 0.9701)),
    )
    assert result.values[0] == pytest.approx(0.97, abs=1.001e-4)
    assert 0.97 <= result.values[0] <= 0.9701


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (Knowledge(start=3.0, limits=(0.0, 2.0)), "outside the limits"),
        (Knowledge(limits=(2.0, 2.0)), "not below"),
        (Knowledge(limits=(3.0, 2.0)), "not below"),
        (Knowledge(fixed=True), "needs a start"),
        (Knowledge(constraint=(1.0, 0.0)), "must be positive"),
    ],
)
def test_what_cannot_be_meant_is_refused(known, words):
    with pytest.raises(InvalidProblem, match=words) as refused:
        problem(Polynomial(degree=1), points([0, 1, 2], [0, 1, 2]), c1=known)
    assert refused.value.path[:2] == ("parameters", "c1")


def test_natural_limits_hold_for_counts_alone():
    """A peak may be a dip for points; a number of events cannot be negative."""
    x = np.linspace(-3, 3, 25)
    dip = points(x, -2 * np.exp(-(x**2) / 2), 0.1)
    assert solve(PEAK, dip).values[0] == pytest.approx(-2 * np.sqrt(2 * np.pi), rel=1e-9)
    with pytest.raises(InvalidProblem, match="natural limits"):
        problem(PEAK, DATA, amp=Knowledge(start=-1.0))


def test_what_would_be_tried_beyond_limits_is_spread_between_them():
    bounds = problem(PEAK, DATA, mu=Knowledge(limits=(0.0, 10.0))).bounds
    rows = np.array([[1.0, m, 1.0] for m in (-3.0, 4.0, 30.0, 40.0, 30.0, 99.0)])
    spread = bounds.spread(rows)
    assert spread[:, 1].tolist() == [1.25, 4.0, 3.75, 6.25, 3.75, 8.75]
    np.testing.assert_array_equal(spread[:, [0, 2]], rows[:, [0, 2]])


def test_one_value_beyond_a_limit_is_at_it():
    bounds = problem(PEAK, DATA, mu=Knowledge(limits=(0.0, 10.0))).bounds
    rows = np.array([[1.0, m, 1.0] for m in (-3.0, 4.0)])
    assert bounds.spread(rows)[:, 1].tolist() == [0.0, 4.0]


def test_a_phase_is_sought_between_its_limits():
    """All that was tried lay at the lower one, and none of these fits ended well."""
    x, good = np.linspace(1, 12, 40), 0
    model = Formula.read("1 - s*sin(k/x)^2", SHAPES)
    for seed in range(12):
        rng = np.random.default_rng(seed)
        truth = 1 - rng.uniform(0.5, 1) * np.sin(rng.uniform(20, 60) / x) ** 2
        noise = rng.normal(0, 0.05, 40)
        found = solve(model, points(x, truth + noise, 0.05), k=Knowledge(limits=(15.0, 65.0)))
        good += bool(found.valid and found.cost <= np.sum((noise / 0.05) ** 2))
    assert good >= 11
