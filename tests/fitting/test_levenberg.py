"""Levenberg-Marquardt steps on costs that are written down: downhill, within limits, and near."""

import numpy as np
import pytest

from fitting.bounds import Bounds
from fitting.search.levenberg import approach


def cost_of(residual, slope):
    """Of one parameter and one residual."""

    def linearised(params):
        r, j = residual(params[0]), slope(params[0])
        return r * r, np.array([2 * r * j]), np.array([[2 * j * j]])

    return linearised


ARCTAN = cost_of(np.arctan, lambda p: 1 / (1 + p * p))
LINE = cost_of(lambda p: 3 * p - 6, lambda p: 3.0)


def descend(linearised, start, lower=-np.inf, upper=np.inf, **options):
    bounds = Bounds(np.array([lower]), np.array([upper]), np.zeros(1, bool))
    found = approach(linearised, np.array([start]), bounds, np.ones(1, bool), **options)
    return [params.item() for params in found]


@pytest.mark.parametrize("start", [-8.0, 1.5, 3.0])
def test_a_step_that_leads_uphill_is_shortened(start):
    """Beyond 1.39 a full step to the zero of arctan's tangent ends farther away, on and on."""
    reached, _ = descend(ARCTAN, start)
    assert abs(reached) < 1e-6


@pytest.mark.parametrize(("lower", "upper", "end"), [(-1, 3, 2), (2.5, 4, 2.5), (-1, 1.5, 1.5)])
def test_a_line_ends_where_it_is_zero_or_at_the_limit(lower, upper, end):
    reached, _ = descend(LINE, 0.5 * (lower + upper), lower, upper)
    assert reached == pytest.approx(end, abs=1e-9)


def test_a_step_that_promises_little_is_left_to_the_caller():
    """From 2.1, where the cost is 0.09, the next step leads to 2."""
    reached, ahead = descend(LINE, 2.1, near=0.1)
    assert reached == 2.1
    assert ahead == pytest.approx(2.0, abs=1e-3)


def test_a_valley_is_followed_with_the_linear_parameter_at_its_best():
    """The a of a*exp(-x/t) at x from 1000: the t of least squares, without noise the true one."""
    x = np.linspace(1000, 1100, 11)
    y = np.exp((1050 - x) / 30)

    def linearised(params):
        a, t = params
        column = np.exp(-x / t)
        jacobian = np.stack([column, a * column * x / t**2], axis=1)
        r = a * column - y
        return r @ r, 2 * jacobian.T @ r, 2 * jacobian.T @ jacobian

    free, start = np.ones(2, bool), np.array([np.exp(1050 / 40), 40.0])
    bounds = Bounds(np.full(2, -np.inf), np.full(2, np.inf), ~free)
    alone, _ = approach(linearised, start, bounds, free)
    assert abs(alone[1] - 30) > 1
    found, _ = approach(linearised, start, bounds, free, linear=np.array([True, False]))
    assert found[1] == pytest.approx(30, rel=1e-9)
