"""When errors in x are said to have inflated the variance, and what they do not determine."""

import numpy as np
import pytest
from scipy.optimize import minimize

from fitting.problem import Knowledge
from fitting.search import errors_in_x
from fitting.search.descent import Descent
from fitting.search.errors_in_x import ErrorsInX
from fitting.status import Status
from models.formula.formula import Formula
from models.registry import SHAPES
from models.shapes.polynomial import Polynomial
from tests.fitting.problems import LINE, Points, objective, points, problem, solve

JUST = np.sqrt(2 * np.e - 1)
X, Y = np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.1, 3.9, 6.2, 7.8])


@pytest.mark.parametrize(("slope", "expected"), [(0.5, False), (0.99, False), (1.01, True)])
def test_a_slope_inflates_that_makes_the_variance_e_times_what_it_was(slope, expected):
    """Without errors in x the slope is 1 and V = 1 + 1^2; it is e times as much at `JUST`."""
    x = np.linspace(-2, 2, 10)
    data = points(x, x, 1.0, 1.0)
    asked = problem(LINE, data)
    search = ErrorsInX(Descent(asked, objective(asked)), data)
    search.first(np.array([0.0, 1.0]))
    steep = search.descent.certify(np.array([0.0, slope * JUST]))
    assert search.is_inflated(steep) is expected


def test_errors_that_were_made_to_grow_are_whole_again(monkeypatch):
    """However far they came, as when a deadline passes."""
    monkeypatch.setattr(errors_in_x, "PARTS", (0.5,))
    data = points(X, Y, 0.2, 0.1)
    asked = problem(LINE, data)
    search = ErrorsInX(Descent(asked, objective(asked)), data)
    search._continued(np.array([0.0, 1.0]))
    found, _ = search.objective.evaluate(np.array([0.0, 2.0]))
    assert found == pytest.approx(line_cost([0.0, 2.0], berkson=False), rel=1e-12)


def line_cost(line, berkson):
    """The effective variance of a line by hand: intercept and slope, or the slope alone."""
    intercept, slope = line if len(line) > 1 else (0.0, line[0])
    variance = 0.2**2 + (0.1 * slope) ** 2
    logarithm = len(X) * np.log(variance / 0.2**2)
    return np.sum((Y - intercept - slope * X) ** 2) / variance + berkson * logarithm


@pytest.mark.parametrize("berkson", [False, True], ids=["classical", "berkson"])
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a*b*x", [2.0]),
        ("a*exp(b)*x", [2.0]),
        ("a*x/b + c", [0.0, 2.0]),
        ("(a + b)*x + c", [0.0, 2.0]),
        ("a*x + b*x", [2.0]),
        ("a*b*x + d*x", [2.0]),
    ],
)
def test_parameters_that_are_one_are_undetermined_where_the_cost_is_lowest(text, line, berkson):
    """That of the line with a slope for both, not the fit without errors in x nearby."""
    ended = minimize(line_cost, line, (berkson,), method="Nelder-Mead", options={"fatol": 1e-12})
    result = solve(Formula.read(text, SHAPES), points(X, Y, 0.2, 0.1, berkson=berkson))
    assert result.status is Status.UNDETERMINED, result.message
    assert "a, b" in result.message
    assert result.cost == pytest.approx(ended.fun, rel=1e-8)
    assert set(result.covariance.parameters) == set(range(len(result.values))), "none was held"
    assert result.effort.nfcn < 2000


@pytest.mark.parametrize("berkson", [False, True], ids=["classical", "berkson"])
def test_columns_that_are_proportional_are_not_told_apart_by_their_errors(berkson):
    """a 3 x + b x: by the least variance the errors in x would choose a and b, and nothing else."""
    x = np.stack([3 * X, X])
    data = Points(x, Y, np.full_like(x, 0.1), np.full(len(X), 0.2), berkson=berkson)
    columns = Formula.read("a*x1 + b*x2 + c", SHAPES, columns=["x1", "x2"])
    result = solve(columns, data)
    assert result.status is Status.UNDETERMINED, result.message
    assert "a, b:" in result.message


@pytest.mark.parametrize("known", [Knowledge(), Knowledge(limits=(0.3, 0.5))])
@pytest.mark.parametrize("absolute_sigma", [True, False])
def test_a_line_through_points_at_one_x_is_undetermined(known, absolute_sigma):
    """Its chi-square falls as 1 / (y_err^2 + (slope x_err)^2), to any limit of the slope."""
    data = points(np.full(5, 2.0), [1.0, 1.2, 0.9, 1.1, 1.05], 0.1, 0.05)
    result = solve(LINE, data, absolute_sigma=absolute_sigma, c1=known)
    assert result.status is Status.UNDETERMINED, result.message
    assert "c0, c1:" in result.message
    assert not result.held.any()
    assert result.values @ [1.0, 2.0] == pytest.approx(1.05), "the mean is determined"


def test_a_polynomial_through_too_few_places_is_undetermined():
    """One that is 0 at all four may be added to it, as steep as one likes."""
    y = np.sin(X).repeat(3) + np.tile([-0.1, 0.02, 0.08], 4)
    result = solve(Polynomial(degree=4), points(X.repeat(3), y, 0.1, 0.05))
    assert result.status is Status.UNDETERMINED, result.message


def test_a_parameter_at_whose_minimum_the_model_stays_the_same_is_determined():
    """b^2 has no slope at 0, where the residuals alone curve the cost: by -4 sum(w r x)."""
    data = points(X, 3 - 0.05 * X, 0.2, 0.1)
    result = solve(Formula.read("a + b^2*x", SHAPES), data, [3.0, 0.1])
    assert result.status is Status.CONVERGED, result.message
    residuals = 3 - 0.05 * X - np.mean(3 - 0.05 * X)
    assert result.values[1] == pytest.approx(0.0, abs=1e-6)
    assert result.errors[1] == pytest.approx(np.sqrt(2 / np.sum(-4 * residuals * X / 0.04)))
