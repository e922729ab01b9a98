"""When errors in x are said to have inflated the variance of the points."""

import numpy as np
import pytest

from fitting.search.descent import Descent
from fitting.search.errors_in_x import ErrorsInX
from tests.fitting.problems import LINE, objective, points, problem

JUST = np.sqrt(2 * np.e - 1)


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
