"""What is told of a fit is what happened, and the remedy one that helps."""

import warnings

import numpy as np
import pytest

from fitting.data import Histogram
from fitting.message import ON_THE_MODEL, UNSCALED
from fitting.status import Status
from models.formula.formula import Formula
from models.registry import SHAPES
from models.shapes.exponential import Exponential
from tests.fitting.problems import LINE, PEAK, points, solve

SIX = np.arange(7.0)


@pytest.mark.parametrize(
    ("model", "counts"),
    [(Exponential(), [1, 2, 4, 8, 16, 30]), (PEAK, [40, 10, 1, 1, 10, 40])],
    ids=["a decay that rises", "a peak that is a valley"],
)
def test_values_that_ran_far_away_for_nothing_speak_of_the_model(model, counts):
    found = solve(model, Histogram(SIX, np.array(counts, float)))
    assert found.status is Status.UNDETERMINED
    assert "shape of these data" in found.message
    assert "amp" in found.message
    assert "Fix or constrain" not in found.message


def test_parameters_that_are_one_are_still_to_be_fixed():
    found = solve(Formula.read("a*b*x", SHAPES), points(SIX, 2 * SIX), [1.0, 2.0])
    assert found.status is Status.UNDETERMINED
    assert "Fix or constrain" in found.message


@pytest.mark.parametrize("unit", [1.0, 0.1])
def test_of_points_on_the_model_the_zero_scatter_is_told(unit):
    found = solve(LINE, points([1, 2, 3], unit * np.array([1, 2, 3])), absolute_sigma=False)
    assert found.valid
    assert found.message.endswith(ON_THE_MODEL)
    assert found.errors == pytest.approx([0.0, 0.0], abs=1e-15)


def test_a_matrix_of_zeros_is_not_positive_definite():
    found = solve(LINE, points([1, 2, 3], [1, 2, 3]), absolute_sigma=False)
    np.testing.assert_array_equal(found.covariance.matrix, np.zeros((2, 2)))
    assert not found.covariance.positive_definite


def test_of_points_beside_the_model_nothing_is():
    found = solve(LINE, points([1, 2, 3], [1, 2, 3.01]), absolute_sigma=False)
    assert found.message.endswith("positive definite.")
    assert found.covariance.positive_definite


def test_as_many_parameters_as_points_without_errors_have_none():
    found = solve(LINE, points([1, 2], [1, 3]), absolute_sigma=False)
    assert found.valid
    assert found.errors == [None, None]
    assert found.message.endswith(UNSCALED)


def test_where_squares_are_no_numbers_other_units_are_the_remedy():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found = solve(LINE, points([1e200, 2e200, 3e200], [1, 3, 4]))
    assert found.status is Status.UNDEFINED_COST
    assert "other units" in found.message


def test_points_are_not_told_of_events():
    found = solve(Formula.read("a*log(x) + b", SHAPES), points([-1, 2, 3], [1, 3, 4]))
    assert found.status is Status.UNDEFINED_COST
    assert "events" not in found.message
    assert "x = -1 is the first" in found.message


def test_an_infinite_value_at_an_edge_is_named_and_may_be_left_out():
    model = Formula.read("a/sqrt(x) + b", SHAPES)
    found = solve(model, Histogram(SIX, np.array([40.0, 10, 8, 7, 5, 4])))
    (told,) = (one.message for one in found.warnings if one.code == "inexact-integral")
    assert "infinite value or slope" in told
    assert "fit_range" in told


def test_a_plateau_far_from_the_data_is_told_before_its_parameters():
    """exp(-x/tau) is 0 at every time since 1970."""
    hours = np.arange(30.0)
    seconds = 1.7e9 + 3600 * hours
    counted = 100 * np.exp(-hours / 10)
    found = solve(SHAPES["exponential_decay"](), points(seconds, counted))
    assert found.status is Status.UNDETERMINED
    assert found.message.startswith("At these values the model describes the data badly")
    assert "Subtract an origin from x" in found.message


def test_a_plateau_at_x_near_zero_asks_for_starting_values():
    found = solve(Formula.read("a*b*x", SHAPES), points(SIX, SIX**2, 0.01), [1.0, 2.0])
    assert found.status is Status.UNDETERMINED
    assert "Give starting values nearer" in found.message
    assert "origin" not in found.message


def test_of_a_runaway_errors_in_x_are_told_only_if_there_are_any():
    found = solve(PEAK, points(np.linspace(0, 10, 31), np.full(31, 5.0)), absolute_sigma=False)
    assert found.status is Status.RUNAWAY
    assert "without end. Give limits" in found.message
    assert "errors in x" not in found.message
