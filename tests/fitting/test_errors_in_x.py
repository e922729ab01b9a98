"""When errors in x are said to have inflated the variance, and where degenerate fits end."""

import numpy as np
import pytest
from scipy.optimize import minimize

from fitting.result import Status
from fitting.search.descent import Descent
from fitting.search.errors_in_x import ErrorsInX
from models.formula.formula import Formula
from models.registry import SHAPES
from tests.fitting.problems import LINE, objective, points, problem, solve

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


def line_cost(line):
    """The effective variance of a line by hand: intercept and slope, or the slope alone."""
    intercept, slope = line if len(line) > 1 else (0.0, line[0])
    return np.sum((Y - intercept - slope * X) ** 2) / (0.2**2 + (0.1 * slope) ** 2)


@pytest.mark.parametrize(
    ("text", "line"),
    [("a*b*x", [2.0]), ("a*x/b + c", [0.0, 2.0]), ("(a + b)*x + c", [0.0, 2.0])],
)
def test_parameters_that_are_one_are_undetermined_where_the_cost_is_lowest(text, line):
    """That of the line with a slope for both, not the fit without errors in x nearby."""
    lowest = minimize(line_cost, line, method="Nelder-Mead", options={"fatol": 1e-12}).fun
    result = solve(Formula.read(text, SHAPES), points(X, Y, 0.2, 0.1))
    assert result.status is Status.UNDETERMINED, result.message
    assert "a, b:" in result.message
    assert result.cost == pytest.approx(lowest, rel=1e-8)
