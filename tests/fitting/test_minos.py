"""MINOS intervals against closed forms and the twin's profile."""

import numpy as np
import pytest
from scipy.optimize import brentq, lsq_linear
from scipy.special import lambertw

from fitting.errors import DeadlineReached, InvalidProblem
from fitting.minos import Profile
from fitting.problem import Knowledge
from models.formula.formula import Formula
from models.registry import SHAPES
from models.shapes.polynomial import Polynomial
from tests.fitting.problems import LINE, PEAK, Histogram, points, problem, solve, toy
from tests.oracles import reference

CONSTANT = Polynomial(degree=0)
PEAK_DATA = toy(PEAK, np.linspace(-4, 5, 31), (60.0, 0.3, 1.1), 3)
START = {"amp": 60.0, "mu": 0.3, "sigma": 1.1}


def poisson_interval(n):
    """2 (mu - n + n log(n / mu)) = 1 solved by Lambert's W, as distances from n."""
    argument = -np.exp(-1 - 1 / (2 * n))
    return tuple(float((-n * lambertw(argument, branch)).real - n) for branch in (0, -1))


@pytest.mark.parametrize("side", [-1, 1])
def test_from_a_limit_the_cost_has_risen_by_one_on_the_other_side(side):
    """With the slope fitted the cost is (c0 - best)^2 / sigma^2, from 0 or anywhere."""
    x = np.linspace(0, 1, 8)
    y = side * (x - 0.4 + 0.1 * np.cos(9 * x))
    design = np.column_stack([np.ones(8), x]) / 0.2
    best, sigma = (
        (np.linalg.pinv(design) @ y / 0.2)[0],
        np.linalg.inv(design.T @ design)[0, 0] ** 0.5,
    )
    limits = (0.0, None) if side > 0 else (None, 0.0)
    result = solve(LINE, points(x, y, 0.2), c0=Knowledge(limits=limits), minos=["c0"])
    assert result.held.tolist() == [True, False]
    found = result.minos["c0"]
    ends = {1: found.upper, -1: found.lower}
    assert ends[side] == pytest.approx(best + side * np.hypot(best, sigma), rel=1e-8)
    assert ends[-side] is None
    assert not found.valid
    assert "one side only" in found.message


@pytest.mark.parametrize("n", [1, 2, 4, 25, 1000, 10**6])
@pytest.mark.parametrize("bins", [1, 5])
def test_a_poisson_mean_has_its_closed_form(n, bins):
    counts = np.full(bins, n / bins)
    data = Histogram(np.linspace(0, 1, bins + 1), counts)
    found = solve(CONSTANT, data, minos=["c0"]).minos["c0"]
    assert found.valid
    lower, upper = poisson_interval(n)
    error = np.sqrt(n)
    assert found.lower == pytest.approx(lower, abs=1e-9 * error)
    assert found.upper == pytest.approx(upper, abs=1e-9 * error)


@pytest.mark.parametrize("absolute_sigma", [True, False])
def test_a_linear_model_has_its_errors_on_both_sides(absolute_sigma):
    rng = np.random.default_rng(4)
    x = np.linspace(5, 9, 12)  # strongly correlated
    data = points(x, 1 + 2 * x + rng.normal(0, 0.3, 12), 0.2)
    result = solve(LINE, data, minos=["c0", "c1"], absolute_sigma=absolute_sigma)
    for name, error in zip(("c0", "c1"), result.errors, strict=True):
        assert result.minos[name].upper == pytest.approx(error, rel=1e-8)
        assert result.minos[name].lower == pytest.approx(-error, rel=1e-8)


@pytest.mark.parametrize("fixed", [(), ("amp",), ("mu",)])
def test_a_peak_of_few_events_has_the_profile_of_the_twin(fixed):
    cost = reference.Poisson("gaussian", PEAK_DATA.edges, PEAK_DATA.counts)
    best = reference.minimise(cost, START, fixed)
    known = {n: Knowledge(start=v, fixed=n in fixed) for n, v in START.items()}
    free = [n for n in START if n not in fixed]
    result = solve(PEAK, PEAK_DATA, minos=free, **known)
    assert list(result.minos) == free
    for name in free:
        for side, found in ((-1, result.minos[name].lower), (1, result.minos[name].upper)):
            twin = reference.minos(cost, best, name, side, fixed=fixed)
            assert found == pytest.approx(twin, rel=2e-6), (name, side)


@pytest.mark.parametrize(
    ("limits", "open_side"), [((None, 101.0), "upper"), ((95.0, None), "lower")]
)
def test_a_limit_before_the_crossing_leaves_that_side_open(limits, open_side):
    data = Histogram(np.array([0.0, 1.0]), np.array([100.0]))
    known = Knowledge(start=100.0, limits=limits)
    found = solve(CONSTANT, data, minos=["c0"], c0=known).minos["c0"]
    assert not found.valid
    assert found.message
    assert getattr(found, open_side) is None
    other = "lower" if open_side == "upper" else "upper"
    closed = poisson_interval(100)[other == "upper"]
    assert getattr(found, other) == pytest.approx(closed, rel=1e-8)


def test_a_limit_beyond_the_crossing_changes_nothing():
    data = Histogram(np.array([0.0, 1.0]), np.array([100.0]))
    known = Knowledge(limits=(80.0, 120.0))
    found = solve(CONSTANT, data, minos=["c0"], c0=known).minos["c0"]
    assert (found.lower, found.upper) == pytest.approx(poisson_interval(100), rel=1e-9)


def test_of_a_peak_that_a_limit_stops_the_free_side_is_that_of_the_profile():
    known = Knowledge(start=1.2, limits=(1.0, None))
    cost = reference.Poisson("gaussian", PEAK_DATA.edges, PEAK_DATA.counts)

    def profile(mu):
        return reference.minimise(cost, START | {"mu": mu}, ("mu",)).fval

    crossing = brentq(lambda mu: profile(mu) - profile(1.0) - 1, 1.0, 2.0, xtol=1e-10)
    result = solve(PEAK, PEAK_DATA, minos=["mu", "sigma"], mu=known)
    assert result.held.tolist() == [False, True, False]
    assert result.minos["mu"].lower is None
    assert result.minos["mu"].upper == pytest.approx(crossing - 1.0, rel=1e-7)
    assert "one side only" in result.minos["mu"].message
    assert result.minos["sigma"].valid


def test_between_two_limits_that_are_too_near_there_is_no_side():
    x = np.linspace(0, 1, 8)
    limits = {"c0": Knowledge(limits=(0.0, 1e-3))}
    found = solve(LINE, points(x, x - 0.4, 0.2), minos=["c0"], **limits).minos["c0"]
    assert (found.lower, found.upper) == (None, None)
    assert "does not rise by one before a limit" in found.message


def test_a_fixed_parameter_cannot_be_asked_for():
    with pytest.raises(InvalidProblem, match="fixed"):
        problem(PEAK, PEAK_DATA, minos=["mu"], mu=Knowledge(start=0.0, fixed=True))


def test_what_a_limit_holds_at_the_minimum_moves_on_the_profile():
    """At the minimum a = 0.95 and b = 0 at its limit; below a = 0.9 the best b is 0.9 - a."""
    known = {"c0": Knowledge(), "c1": Knowledge(limits=(0.0, None))}
    found = solve(LINE, points([0, 1], [1, 0.9]), minos=["c0"], **known)
    assert found.held.tolist() == [p.name == "c1" for p in LINE.parameters]
    assert found.minos["c0"].lower == pytest.approx(1 - np.sqrt(1.005) - 0.95, rel=1e-5)
    assert found.minos["c0"].upper == pytest.approx(np.sqrt(0.5), rel=1e-7)


def test_limits_that_stop_others_on_the_profile_or_let_them_go():
    """The profile of a bounded linear model, by SciPy's BVLS."""
    x, error = np.arange(0.5, 4.1, 0.5), 0.5
    y = np.array([0.61, 0.79, 3.75, 4.98, 6.04, 6.49, 8.14, 9.65])
    powers = x[:, None] ** np.arange(3) / error
    known = {name: Knowledge(limits=(0.0, None)) for name in ("c0", "c1", "c2")}
    result = solve(Polynomial(degree=2), points(x, y, error), minos=["c1", "c2"], **known)

    def profile(index, value):
        others = np.delete(np.arange(3), index)
        rest = y / error - powers[:, index] * value
        return 2 * lsq_linear(powers[:, others], rest, (0, np.inf), "bvls", tol=1e-15).cost

    for index, name in ((1, "c1"), (2, "c2")):
        best, found = float(result.values[index]), result.minos[name]
        for side, distance in ((-1, found.lower), (1, found.upper)):
            far = best + side * min(3 * result.errors[index], best)
            twin = brentq(lambda v, i=index: profile(i, v) - result.cost - 1, best, far)
            assert distance == pytest.approx(twin - best, rel=1e-6), (name, side)


def test_the_next_crossing_is_found_and_no_farther_one():
    """From one standard deviation, where the cost is flat, a full step would pass two crossings.

    One point, so that the cost is the square of the prediction.
    """

    def wave(p):
        return 0.9 * np.sin(2 * p) - 0.3 * p - 0.05 * p**2

    model = Formula.read("x*(0.9*sin(2*p) - 0.3*p - 0.05*p^2)", SHAPES)
    found = solve(model, points([1.0], [0.0]), [0.0], minos=["p"])
    assert found.values.tolist() == [0.0]
    crossing = brentq(lambda p: wave(p) + 1, 1.5, 2.0)
    assert np.abs(wave(np.linspace(0, 0.999 * crossing, 1000))).max() < 1
    assert found.minos["p"].upper == pytest.approx(crossing, rel=1e-8)


@pytest.mark.parametrize("y", [[0, 2, 4, 6], [2, 4, 6, 8], [0, 0, 0, 0]], ids=str)
def test_exact_data_with_relative_errors_have_no_interval_but_words(y):
    data = points([1, 2, 3, 4], np.array(y, float))
    found = solve(LINE, data, minos=["c0"], absolute_sigma=False).minos["c0"]
    assert not found.valid
    assert found.message


def test_a_deadline_that_passes_during_minos_loses_no_fit(monkeypatch):
    """Of sparse bins more is asked at the end than the minimum."""
    counts = np.random.default_rng(1).poisson(0.6, 100).astype(float)

    def late(profile):
        profile.objective.deadline = 0.0
        raise DeadlineReached

    monkeypatch.setattr(Profile, "interval", late)
    result = solve(CONSTANT, Histogram(np.linspace(-4, 4, 101), counts), minos=["c0"])
    assert "deadline" in result.minos["c0"].message
    assert result.cost is not None
