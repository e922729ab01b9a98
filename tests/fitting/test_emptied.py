"""A model that has come down to zero events in an empty bin cannot go on: that is said."""

import numpy as np
import pytest
from scipy.optimize import minimize

from fitting.data import Histogram
from fitting.status import Status
from models.registry import SHAPES
from tests.fitting.problems import PEAK, solve

STRAIGHT = SHAPES["linear"]()
EDGES, COUNTS = np.arange(7.0), np.array([5.0, 17, 38, 22, 6, 0])
SAID = "In the bin from 5 to 6 there are no events, and the model has come down to none"


def test_a_line_that_would_have_to_be_negative():
    """The lowest point is where the last bin expects nothing: intercept = -5.5 slope."""
    found = solve(STRAIGHT, Histogram(EDGES, COUNTS))
    assert found.status is Status.NOT_CONVERGED
    assert found.values[1] == pytest.approx(-5.5 * found.values[0], rel=1e-6)
    assert SAID in found.message


def test_what_it_says_helps():
    found = solve(STRAIGHT, Histogram(EDGES, COUNTS, ranges=((0.0, 5.0),)))
    assert found.status is Status.CONVERGED
    n, x = COUNTS[:5], np.arange(0.5, 5)

    def cost(p):
        mu = p[0] * x + p[1]
        return 2 * np.sum(mu - n * np.log(mu)) if (mu > 0).all() else np.inf

    best = minimize(
        cost, (-0.1, 18.0), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-9}
    )
    np.testing.assert_allclose(found.values, best.x, rtol=1e-5, atol=1e-5)


def test_in_the_tails_of_a_peak_it_is_not_said():
    counts = np.zeros(40)
    counts[20] = 50
    found = solve(PEAK, Histogram(np.linspace(-5, 5, 41), counts))
    assert not found.valid
    assert "come down to none" not in found.message
