"""Several starts: the better minimum is found, and both are compared on one scale."""

import time

import numpy as np
import pytest
from scipy.optimize import least_squares

from fitting.data import Points
from fitting.errors import DeadlineReached
from fitting.fit import fit
from fitting.kernels.cache import KernelCache
from fitting.problem import FitProblem, Knowledge
from fitting.search.descent import Descent
from fitting.search.strategy import Strategy
from fitting.status import Status
from models.formula.formula import Formula
from models.registry import SHAPES
from models.shapes.gaussian import Gaussian
from tests.fitting.problems import PEAK, Histogram, at, objective, points, problem, solve
from tests.oracles.nist_nonlinear import problem as nist

X = np.linspace(-5, 5, 40)
TRUTH = (8.0, 0.4, 0.9)


def gaussian(p):
    return p[0] * np.exp(-0.5 * ((X - p[1]) / p[2]) ** 2) / (p[2] * np.sqrt(2 * np.pi))


def fitted(y, start):
    data = Points(X, y, np.zeros(40), np.ones(40))
    knowledge = tuple(Knowledge(start=value) for value in start)
    return fit(FitProblem(Gaussian(), data, knowledge, absolute_sigma=False), KernelCache())


@pytest.mark.parametrize("noise", [0.3, 2.0])
@pytest.mark.parametrize("start", [TRUTH, (1.0, -1.0, 3.0), (1e-3, 4.9, 0.05)])
def test_relative_errors_from_any_start(noise, start):
    """Noise 2 leaves the fit 'poor', so that a second start is tried at another scale."""
    y = gaussian(TRUTH) + noise * np.random.default_rng(2).normal(size=40)
    result = fitted(y, start)
    assert result.status is Status.CONVERGED
    twin = least_squares(lambda p: gaussian(p) - y, result.values, xtol=1e-15, gtol=1e-15)
    # in units of the errors: SciPy stops at its own rounding
    assert np.all(np.abs(result.values - twin.x) < 1e-4 * np.array(result.errors))
    assert result.chi2 == pytest.approx(2 * twin.cost, rel=1e-9)
    unscaled = np.linalg.inv(twin.jac.T @ twin.jac) * 2 * twin.cost / 37
    # Gauss-Newton against the exact Hessian: alike to the curvature of the residuals
    assert np.array(result.errors) == pytest.approx(np.sqrt(np.diag(unscaled)), rel=0.5)


def test_an_attempt_that_ended_far_above_leaves_no_trace(monkeypatch):
    """At its scale a standard deviation leads far out, and parameters seem undetermined."""
    certified = nist("MGH17")
    far = [1.2, 0.0, -0.3, -0.04, -0.004]
    attempts = []

    def more(strategy, start, first):
        attempts.append(strategy.descent.run(np.array(far)))
        yield attempts[0], False

    monkeypatch.setattr(Strategy, "_is_sound", lambda *_: False)
    monkeypatch.setattr(Strategy, "_more", more)
    data = points(certified.x, certified.y)
    model = Formula.read(certified.formula, SHAPES, tuple(certified.names))
    found = solve(model, data, certified.starts[1], absolute_sigma=False)
    assert attempts[0].fval > 100 * certified.squares
    assert found.status is Status.CONVERGED
    assert found.values == pytest.approx(certified.values, rel=1e-8)


@pytest.mark.parametrize("unit", [1e-9, 1e-4, 1e6])
def test_relative_errors_in_any_unit_of_y(unit):
    """The same digits whatever y is measured in, and its parameters no less determined."""
    y = gaussian(TRUTH) + 0.3 * np.random.default_rng(3).normal(size=40)
    plain, scaled = fitted(y, TRUTH), fitted(unit * y, (unit * TRUTH[0], *TRUTH[1:]))
    assert scaled.status is Status.CONVERGED
    factors = np.array([unit, 1, 1])
    errors = np.array(plain.errors)
    assert np.all(np.abs(scaled.values / factors - plain.values) < 1e-8 * errors)
    assert np.array(scaled.errors) / factors == pytest.approx(errors, rel=1e-8)


def test_a_start_that_leads_elsewhere_is_told():
    """Far off its peak a Gaussian sees nothing, and the answer is that of our own start."""
    y = gaussian(TRUTH) + 0.05 * np.random.default_rng(4).normal(size=40)
    knowledge = tuple(Knowledge(start=value) for value in (8.0, -4.9, 0.05))
    data = Points(X, y, np.zeros(40), np.full(40, 0.05))
    result = fit(FitProblem(Gaussian(), data, knowledge), KernelCache())
    assert result.valid
    assert abs(result.values[1] - TRUTH[1]) < 5 * result.errors[1]
    assert [w.code for w in result.warnings] == ["better-minimum-elsewhere"]


def test_a_limit_that_stops_a_peak_on_its_way_out_is_not_the_end():
    """Towards a peak beyond the limit, in data that nothing describes badly, as errors are large.

    In closed form: at each place the best height, on a grid.
    """
    shapes = np.exp(-0.5 * ((X - np.linspace(-5, 5, 10001)[:, None]) / 0.5) ** 2)
    y = 2.7 * shapes[7500] + 3 * np.exp(-0.5 * ((X + 5.6) / 0.5) ** 2)
    heights = (shapes @ y) / np.sum(shapes**2, axis=1)
    costs = np.sum((y - heights[:, None] * shapes) ** 2, axis=1)
    known = {
        "amp": Knowledge(start=1.0),
        "mu": Knowledge(start=-4.8, limits=(-5.0, 5.0)),
        "sigma": Knowledge(0.5, fixed=True),
    }
    result = solve(PEAK, points(X, y), **known)
    assert costs[0] < 40, "the minimum at the limit is itself suspicious"
    assert result.valid
    assert not result.held.any()
    assert result.cost == pytest.approx(costs.min(), abs=1e-4)


@pytest.mark.parametrize(("y_err", "is_certain"), [(0.05, False), (5.0, True)])
def test_what_is_certain_is_better_unless_the_other_is_lower_by_a_standard_deviation(
    y_err, is_certain
):
    """Of two peaks the lower one, and a place beside the higher."""
    places, shape = np.array([-2.0, 2.0]), (5.0, 0.5)
    y = gaussian((4, places[0], 0.5)) + gaussian((5, places[1], 0.5))
    known = {n: Knowledge(v, fixed=True) for n, v in zip(("amp", "sigma"), shape, strict=True)}
    asked = problem(PEAK, points(X, y, y_err), **known)
    descent = Descent(asked, objective(asked))
    certain, other = descent.run(np.array([5.0, -2.05, 0.5])), at(asked, (5.0, 1.9, 0.5))
    assert descent.is_certain(certain)
    assert not descent.is_certain(other)
    assert (certain.cost - other.cost > 1) is not is_certain
    for pair in ((certain, other), (other, certain)):
        assert descent.better(*pair) is (certain if is_certain else other)


@pytest.mark.parametrize("seed", [0, 17])
def test_a_step_out_of_the_model_is_taken_back(seed):
    """The chi-square falls towards b = x[0], beyond which the power has no value.

    In closed form: at each b the best a, on a grid up to x[0].
    """
    x, y_err = np.linspace(0.02, 1, 40), 0.5
    y = 5 * x**1.5 + np.random.default_rng(seed).normal(0, y_err, 40)
    data = Points(x, y, np.zeros(40), np.full(40, y_err))
    model = Formula.read("a*(x-b)^1.5", SHAPES)
    result = fit(FitProblem(model, data, (Knowledge(),) * 2), KernelCache())
    shapes = (x - np.linspace(-0.2, 0.02, 2201)[:, None]) ** 1.5
    best = (shapes @ y) / np.sum(shapes**2, axis=1)
    lowest = np.sum(((y - best[:, None] * shapes) / y_err) ** 2, axis=1).min()
    assert result.status is not Status.UNDEFINED_COST
    assert result.cost == pytest.approx(lowest, abs=1e-3)


def test_a_deadline_during_further_tries_leaves_what_was_found():
    """The model is wrong, so more is tried; when time is up, the minimum so far is the answer."""
    rng = np.random.default_rng(5)
    y = np.sign(np.sin(3 * X)) + 0.01 * rng.normal(size=40)
    problem = FitProblem(
        Gaussian(), Points(X, y, np.zeros(40), np.full(40, 0.01)), (Knowledge(),) * 3
    )
    kernels = KernelCache()
    whole = fit(problem, kernels)  # compiles
    assert whole.valid
    objective_calls = iter(range(10**9))

    def slow():
        time.sleep(0.001 if next(objective_calls) > 60 else 0.0)

    short = fit(problem, kernels, deadline=time.monotonic() + 0.3, stop=slow)
    assert short.valid, short.message
    assert "deadline" in [w.code for w in short.warnings]
    assert short.cost >= whole.cost * (1 - 1e-9)


def test_long_data_are_searched_at_a_coarse_grain():
    """Two thousand points, a start that sees nothing of the peak: the answer is that of the truth,
    and the many tries were made on fewer points."""
    x = np.linspace(-5, 5, 2000)
    peak = 8 * np.exp(-0.5 * ((x - 2.5) / 0.4) ** 2) / (0.4 * np.sqrt(2 * np.pi))
    data = Points(
        x, peak + 0.3 * np.random.default_rng(6).normal(size=2000), 0 * x, np.full(2000, 0.3)
    )
    kernels = KernelCache()

    def run(start):
        knowledge = tuple(Knowledge(start=value) for value in start)
        return fit(FitProblem(Gaussian(), data, knowledge), kernels)

    lost, near = run((8.0, -4.0, 0.05)), run((8.0, 2.5, 0.4))
    assert near.valid
    assert lost.valid
    assert lost.cost == pytest.approx(near.cost, rel=1e-10)
    assert lost.effort.nfcn < 200


@pytest.mark.parametrize(("evaluations", "with_x_err"), [(10, False), (18, True)])
def test_at_the_deadline_of_a_fit_with_errors_in_x_the_best_values_are_told(
    evaluations, with_x_err
):
    """Those of a fit without them, too, but not its cost."""
    x = np.linspace(0, 4, 30)
    y = 3 * np.exp(-x) + 0.01 * (-1.0) ** np.arange(30)
    data = Points(x, y, np.full(30, 0.3), np.full(30, 0.002))
    decay = Formula.read("a*exp(-x/b)", SHAPES)
    asked = FitProblem(decay, data, (Knowledge(1.0), Knowledge(4.0)))
    count = 0

    def stop():
        nonlocal count
        count += 1
        if count > evaluations:
            raise DeadlineReached

    result = fit(asked, KernelCache(), stop=stop)
    assert result.status is Status.DEADLINE
    assert not np.allclose(result.values, result.starts, rtol=1e-3)
    assert (result.cost is not None) is with_x_err


@pytest.mark.parametrize("counts", [[0, 0, 7, 0, 0], [0, 7, 7, 0]], ids=str)
def test_data_that_are_described_exactly_are_not_searched_for_more(counts):
    """A peak as narrow as one likes: seventeen thousand evaluations did not say more."""
    data = Histogram(np.arange(len(counts) + 1.0), np.array(counts, float))
    result = solve(PEAK, data)
    assert result.status is Status.UNDETERMINED
    assert result.effort.nfcn + result.effort.nhess < 500


SLOPES = Formula.read("n*(1 + a*x + b*x^2)", SHAPES)


@pytest.mark.parametrize("seed", [0, 2, 4])
def test_products_are_solved_for_where_a_descent_stands_before_a_scale_of_zero(seed):
    """n is 138, -66 and -91, from a start at 30: on the way, where it is 0, a is infinite."""
    x = np.linspace(40, 50, 21)
    y = -20 + 2.5 * x + np.random.default_rng(seed).normal(0, 2, 21)
    result = solve(SLOPES, points(x, y, 2.0), [30.0, -0.5, 0.01])
    c, b, a = np.polyfit(x, y, 2)
    assert result.status is Status.CONVERGED
    assert result.values == pytest.approx([a, b / a, c / a], rel=1e-5)
    assert not result.warnings
    assert result.effort.nfcn < 400


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, True),
        ({"b": Knowledge(0.0, fixed=True)}, True),
        ({"n": Knowledge(constraint=(100.0, 5.0))}, True),
        ({"a": Knowledge(constraint=(0.1, 0.05))}, False),
        ({"a": Knowledge(limits=(0.0, None))}, False),
        ({"n": Knowledge(limits=(0.0, None))}, False),
    ],
    ids=lambda case: "-".join(case) if isinstance(case, dict) else None,
)
def test_a_cost_is_convex_in_products_of_which_nothing_is_known(known, expected):
    asked = problem(SLOPES, points(np.linspace(0, 1, 9), np.ones(9)), **known)
    assert asked.is_linear_in_products is expected


def test_a_width_is_in_no_product():
    text = "n*(1 + a*x)*exp(-x/t)"
    asked = problem(Formula.read(text, SHAPES), points(np.linspace(0, 1, 9), np.ones(9)))
    assert not asked.is_linear_in_products
