"""Steps with geodesic acceleration against their closed form."""

import numpy as np
import pytest

from fitting.search.geodesic import Step
from models.formula.formula import Formula
from models.registry import SHAPES
from tests.fitting.problems import objective, points, problem

GROWTH = Formula.read("exp(b*x)", SHAPES)


@pytest.mark.parametrize(("y", "is_made"), [(0.7, True), (1.3, True), (1.5, False), (9.0, False)])
def test_a_step_that_bends_too_much_for_its_length_is_not_made(y, is_made):
    """From b = 0 to exp(b) = y: velocity y - 1, acceleration -(y - 1)^2; twice that is too much
    from three quarters of the velocity on."""
    bound, here = objective(problem(GROWTH, points([1.0], [y]))), np.zeros(1)
    residuals, jacobian = bound.residuals(here)
    step = Step(bound, here, np.ones(1, bool), np.ones(1), jacobian)
    moved = step.moved(step.left.T @ residuals, 1e-12)
    if is_made:
        assert moved == pytest.approx([(y - 1) - 0.5 * (y - 1) ** 2], rel=1e-9)
    else:
        assert moved is None
