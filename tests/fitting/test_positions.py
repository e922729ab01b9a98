"""Coordinates among which are the places of breaks."""

import numpy as np
import pytest

from fitting.search.positions import Positions, Turned
from models.breaks import Break
from models.formula.formula import Formula
from models.registry import SHAPES
from tests.fitting.problems import objective, points, problem

TENT = Formula.read("a + s*max(0, w - abs(x - m))", SHAPES)  # breaks at m, m - w and m + w
POINT = np.array([1.0, 2.0, 3.0, 5.0])
FREE = problem(TENT, points(np.arange(10.0), np.ones(10))).bounds


def test_of_breaks_that_depend_on_each_other_some_are_chosen():
    found = Positions.of(TENT.breaks, FREE)
    assert len(TENT.breaks) == 3
    assert len(found.breaks) == 2
    np.testing.assert_allclose(found.params(found.coordinates(POINT)), POINT, rtol=1e-15)
    x = [one.at(POINT) + k for k, one in enumerate(found.breaks, 1)]
    moved = found.put(POINT, x)
    assert [one.at(moved) for one in found.breaks] == x
    assert (moved[:2] == POINT[:2]).all()


def test_a_pivot_is_free_and_moves_few_breaks():
    ramp = [Break(((0, 1.0),)), Break(((0, 1.0), (1, 1.0)))]
    bounds = problem(Formula.read("t0 + w", SHAPES), points([1], [1])).bounds
    assert Positions.of(ramp, bounds).pivots == (0, 1)
    assert Positions.of(ramp[::-1], bounds).pivots == (1, 0)
    bounds.fixed[1] = True
    assert Positions.of(ramp[1:], bounds).pivots == (0,)
    bounds.fixed[0] = True
    assert Positions.of(ramp, bounds).breaks == ()


@pytest.mark.parametrize("way", [(1, 0.3, -2, 0.7), (0, 1, 1, -1)])
def test_derivatives_are_those_of_the_cost_along_the_coordinates(way):
    """By differences, along a line through coordinates and through parameters alike."""
    x = np.linspace(0, 10, 24)
    asked = objective(problem(TENT, points(x, np.cos(x), 0.1)))
    positions = Positions.of(TENT.breaks, FREE)
    turned = Turned(asked, positions)
    at, way = positions.coordinates(POINT), np.array(way, float)
    step = 1e-4 * way

    def cost(k):
        return asked.evaluate(positions.params(at + k * step))[0]

    value, gradient, information = turned.linearised(at)
    assert value == turned.value(at) == cost(0)
    assert gradient @ step == pytest.approx((cost(1) - cost(-1)) / 2, rel=1e-6)
    curved = step @ turned.hessian(at) @ step
    assert curved == pytest.approx(cost(1) - 2 * cost(0) + cost(-1), rel=1e-4)
    residuals, jacobian = turned.residuals(at)
    np.testing.assert_allclose(2 * jacobian.T @ residuals, gradient, rtol=1e-9)
    np.testing.assert_allclose(2 * jacobian.T @ jacobian, information, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(
        information + turned.rest(at), turned.hessian(at), rtol=1e-9, atol=1e-6
    )
    bent = turned.acceleration(at, way)
    np.testing.assert_allclose(way @ turned.rest(at) @ way, 2 * residuals @ bent, rtol=1e-9)
