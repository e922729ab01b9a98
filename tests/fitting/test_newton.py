"""Newton's polish: to the last digits, never upwards, and honest about what is no minimum."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import pytest

from fitting.bounds import Bounds
from fitting.data import Histogram
from fitting.problem import Knowledge
from fitting.search.newton import polish
from fitting.search.spectrum import Spectrum
from fitting.status import Status
from models.composition.sum import Sum
from models.model import Model
from models.parameter import Parameter
from models.shapes.gaussian import Gaussian
from models.shapes.polynomial import Polynomial
from tests.fitting.problems import (
    LINE,
    PEAK,
    assert_near,
    at,
    objective,
    points,
    problem,
    solve,
    toy,
)
from tests.oracles.reference import Poisson, minimise

RNG = np.random.default_rng(31)
X = np.sort(RNG.uniform(-3, 5, 20))
SY = RNG.uniform(0.3, 1.5, 20)
Y = 2 - 0.7 * X + RNG.normal(0, SY)
A = np.stack([np.ones(20), X], axis=1) / SY[:, None]
BEST = np.linalg.lstsq(A, Y / SY, rcond=None)[0]
ERRORS = np.sqrt(np.diag(np.linalg.inv(A.T @ A)))
LINE_DATA = points(X, Y, SY)
PEAK_DATA = toy(PEAK, np.linspace(-4, 5, 31), (800.0, 0.3, 1.1), 3)
TWIN = minimise(
    Poisson("gaussian", PEAK_DATA.edges, PEAK_DATA.counts), {"amp": 800, "mu": 0.3, "sigma": 1.1}
)


@dataclass(frozen=True)
class Square(Model):
    """a^2 x: a saddle of its chi-square at a = 0."""

    def declare(self):
        return (Parameter("a"),)

    def value(self, x, *params):
        return params[0] ** 2 * x

    def starts(self, data):
        return ((1.0,),)


@dataclass(frozen=True)
class Ledge(Model):
    """a x, and for a < 0 at x = 0 one more, which no derivative knows."""

    def declare(self):
        return (Parameter("a"),)

    def value(self, x, *params):
        return params[0] * x + jnp.where((params[0] < 0) & (x == 0), 1.0, 0.0)

    def starts(self, data):
        return ((1.0,),)


@pytest.mark.parametrize("start", [(0.0, 0.0), (1e6, -1e6), (-3.0, 1e-9)])
def test_a_quadratic_cost_is_solved_to_rounding(start):
    asked = problem(LINE, LINE_DATA)
    minimum = polish(objective(asked), np.array(start), asked.bounds)
    assert minimum.positive_definite
    assert_near(minimum.values, BEST, ERRORS, 1e-12)
    assert minimum.cost == pytest.approx(float(np.sum((A @ BEST - Y / SY) ** 2)), rel=1e-13)


@pytest.mark.parametrize("away", [(1.0, 0.0), (-0.01, 3.0), (10.0, 10.0)])
def test_edm_is_the_way_down(away):
    asked = problem(LINE, LINE_DATA)
    here, best = at(asked, BEST + np.array(away) * ERRORS), at(asked, BEST)
    assert here.edm == pytest.approx(here.cost - best.cost, rel=1e-9)
    assert best.edm < 1e-20


@pytest.mark.parametrize("seed", range(25))
def test_polish_never_raises_the_cost(seed):
    rng = np.random.default_rng(seed)
    start = np.array([10 ** rng.uniform(0, 5), rng.uniform(-4, 5), 10 ** rng.uniform(-0.2, 1.5)])
    asked = problem(PEAK, PEAK_DATA)
    cost = objective(asked).evaluate(start)[0]
    minimum = polish(objective(asked), start, asked.bounds)
    assert np.isfinite(cost)
    assert minimum.cost <= cost * (1 + 1e-12)
    if minimum.positive_definite and minimum.edm < 1e-9:
        assert minimum.cost >= TWIN.fval - 1e-9


def test_a_smaller_gradient_on_a_higher_step_of_the_cost_is_no_way_down():
    """The full step leads to where the gradient is zero, and the cost higher by one."""
    asked = problem(Ledge(), points([0.0, 1.0], [0.0, -1e-5]))
    minimum = polish(objective(asked), np.array([1e-4]), asked.bounds)
    assert minimum.cost < (1e-4 + 1e-5) ** 2
    assert 0 <= minimum.values[0] < 1e-4


@pytest.mark.parametrize("start", [(800.0, 0.3, 1.1), (500.0, 1.0, 1.6), (3000.0, -0.5, 0.8)])
def test_the_minimum_is_that_of_the_twin(start):
    result = solve(PEAK, PEAK_DATA, start)
    assert result.valid
    errors = np.array(list(TWIN.errors.values()))
    assert_near(result.values, np.array(list(TWIN.values.values())), errors)
    np.testing.assert_allclose(result.errors, errors, rtol=1e-8)
    assert result.cost == pytest.approx(TWIN.fval, rel=1e-12)


@pytest.mark.parametrize("fixed", [("amp",), ("mu",), ("amp", "mu"), ("amp", "sigma")])
def test_a_fixed_parameter_before_free_ones_is_as_if_removed(fixed):
    """iminuit's hessian= gave the error of another parameter here, silently."""
    start = {"amp": 790.0, "mu": 0.35, "sigma": 1.15}
    twin = minimise(Poisson("gaussian", PEAK_DATA.edges, PEAK_DATA.counts), start, fixed)
    known = {n: Knowledge(start=v, fixed=n in fixed) for n, v in start.items()}
    result = solve(PEAK, PEAK_DATA, **known)
    assert result.valid
    for i, name in enumerate(start):
        error = twin.errors[name]
        if name in fixed:
            assert result.values[i] == start[name]
            assert result.errors[i] is None
        else:
            assert result.errors[i] == pytest.approx(error, rel=1e-8)
            assert result.values[i] == pytest.approx(twin.values[name], abs=1e-8 * error)
    assert result.covariance.parameters == tuple(
        i for i, name in enumerate(start) if name not in fixed
    )


def test_a_line_through_a_fixed_offset_has_its_closed_form():
    result = solve(LINE, LINE_DATA, c0=Knowledge(start=1.5, fixed=True))
    weight = np.sum(X**2 / SY**2)
    slope = np.sum(X * (Y - 1.5) / SY**2) / weight
    assert result.values[1] == pytest.approx(slope, abs=1e-12 * weight**-0.5)
    assert result.errors == [None, pytest.approx(weight**-0.5, rel=1e-13)]
    assert result.ndof == 19


@pytest.mark.parametrize("degree", [0, 1])
def test_two_terms_that_cannot_be_told_apart_are_said(degree):
    parts = (Polynomial(degree=degree, prefix="a_"), Polynomial(degree=degree, prefix="b_"))
    result = solve(Sum(parts), LINE_DATA)
    assert result.status is Status.UNDETERMINED
    assert not result.valid
    assert result.covariance.matrix is None
    assert result.errors == [None] * (2 * degree + 2)
    assert "a_c" in result.message
    assert "b_c" in result.message


def test_a_saddle_is_no_minimum():
    """The gradient is zero at a = 0, so Minuit has nowhere to go and calls it valid."""
    data = points([1.0, 2.0, 3.0], [4.0, 8.1, 11.9], 0.1)
    result = solve(Square(), data, [0.0])
    best = np.sqrt(np.sum(np.array([4.0, 16.2, 35.7])) / 14)
    if result.valid:
        assert abs(result.values[0]) == pytest.approx(best, rel=1e-10)
    else:
        assert result.status in (Status.NOT_POSITIVE_DEFINITE, Status.NOT_CONVERGED)
    assert solve(Square(), data, [0.1]).values[0] == pytest.approx(best, rel=1e-10)


def test_too_few_data_and_no_data_are_said():
    two = points([0.0, 1.0], [1.0, 2.0])
    assert solve(Polynomial(degree=2), two).status is Status.UNDER_DETERMINED
    bins = Histogram(np.arange(5.0), np.array([1.0, 4.0, 3.0, 1.0]), ranges=((0.5, 2.5),))
    cut = solve(Gaussian(), bins)
    assert cut.status is Status.UNDER_DETERMINED
    assert "Only bins wholly inside the fit range are data: 1 of 4." in cut.message
    whole = solve(Gaussian(), Histogram(np.arange(3.0), np.array([1.0, 4.0])))
    assert "fit range" not in whole.message
    empty = toy(PEAK, np.linspace(-4, 4, 10), (0.0, 0.0, 1.0), 1)
    assert solve(Gaussian(), empty).status is Status.EMPTY_DATA


def test_spectrum_inverts_across_scales():
    scales = np.array([1e-120, 1.0, 1e90])
    correlation = np.array([[1, 0.9, -0.2], [0.9, 1, 0.1], [-0.2, 0.1, 1]])
    found = Spectrum.of(correlation * np.outer(scales, scales))
    assert found.positive_definite
    expected = np.linalg.inv(correlation) / np.outer(scales, scales)
    np.testing.assert_allclose(found.inverse, expected, rtol=1e-12)
    indefinite = Spectrum.of(np.array([[1.0, 2.0], [2.0, 1.0]]))
    assert not indefinite.positive_definite
    gradient = np.array([0.3, -1.0])
    assert indefinite.descent(gradient) @ gradient < 0


def test_bounds_hold_only_what_pushes_outwards():
    bounds = Bounds(np.array([0.0, 0.0, -np.inf]), np.array([1.0, 1.0, 5.0]), np.zeros(3, bool))
    at_corner = np.array([0.0, 1.0, 5.0])
    assert bounds.held(at_corner, np.array([1.0, 1.0, -1.0])).tolist() == [True, False, True]
    assert bounds.held(at_corner, np.array([-1.0, -1.0, 1.0])).tolist() == [False, True, False]
    assert bounds.clip(np.array([-1.0, 2.0, 9.0])).tolist() == [0.0, 1.0, 5.0]
