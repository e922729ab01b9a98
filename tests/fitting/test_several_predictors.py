"""Points in several predictors: their checks, their padding, their coarse grain."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitting.data import Points
from fitting.errors import InvalidProblem
from fitting.problem import FitProblem, Knowledge, with_ends
from fitting.search.coarse import SCATTERED, coarsen
from fitting.search.features import Outline
from fitting.status import Status
from models.formula.formula import Formula
from models.registry import SHAPES
from tests.fitting.problems import solve
from tests.fitting.test_properties import assert_same

FEW = settings(derandomize=True, deadline=None, max_examples=10)
SEEDS = st.integers(0, 10**6)
WAVE = Formula.read("a*exp(-u/k) + b*v", SHAPES, columns=("u", "v"))


def scattered(seed, number=25, **options):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 3, (2, number))
    x_err = rng.uniform(0, 0.2, (2, number)) * (rng.uniform(size=(2, number)) < 0.7)
    y_err = rng.uniform(0.1, 0.3, number)
    y = 10 * np.exp(-x[0] / 1.5) + 2 * x[1] + rng.normal(0, y_err)
    return Points(x, y, x_err, y_err, **options)


@FEW
@given(SEEDS, st.booleans(), st.randoms(use_true_random=False))
def test_permuting_points_changes_nothing(seed, berkson, random):
    data = scattered(seed, berkson=berkson)
    order = list(range(25))
    random.shuffle(order)
    fields = (data.x[:, order], data.y[order], data.x_err[:, order], data.y_err[order])
    assert_same(solve(WAVE, data), solve(WAVE, Points(*fields, berkson=berkson)))


@FEW
@given(SEEDS)
def test_padding_changes_nothing(seed):
    data = scattered(seed)
    one = solve(WAVE, data)
    with mock.patch("fitting.data.bucket_length", return_value=64):
        assert_same(one, solve(WAVE, data))


@FEW
@given(SEEDS)
def test_exact_predictors_are_least_squares(seed):
    data = scattered(seed)
    exact = Points(data.x, data.y, np.zeros_like(data.x), data.y_err)
    tiny = Points(data.x, data.y, np.full_like(data.x, 1e-9), data.y_err)
    assert not exact.has_x_err
    assert_same(solve(WAVE, exact), solve(WAVE, tiny))


def test_a_box_takes_points_inside_all_its_sides():
    x = np.array([[1.0, 2, 3, 4], [1, 1, 9, 1]])
    full = (np.ones(4), np.zeros((2, 4)), np.ones(4))
    data = Points(x, *full, box=(((2.0, 4.0),), ((0.0, 2.0), (8.0, 8.5))))
    assert data.inside.tolist() == [False, True, False, True]
    assert data.ends == ((2.0, 4.0), (1.0, 1.0))
    assert data.padded().x.shape == (2, 32)
    with pytest.raises(InvalidProblem, match="1 to 4 and 1 to 9"):
        Points(x, *full, box=(((7.0, 8.0),), ()))


def test_a_negative_error_is_told_with_its_predictor():
    x_err = np.zeros((2, 3))
    x_err[1, 2] = -1
    with pytest.raises(InvalidProblem) as refusal:
        Points(np.ones((2, 3)), np.ones(3), x_err, np.ones(3))
    assert refusal.value.path == ("x_err", 1, 2)


def test_thinned_points_are_points_of_everywhere():
    side = np.linspace(0, 1, 64)
    x = np.stack([a.ravel() for a in np.meshgrid(side, side)])
    y = x[0] + x[1]
    data = Points(x, y, np.zeros_like(x), np.ones(4096))
    thin = coarsen(data)
    assert thin.length <= SCATTERED
    assert thin.size > 0.9 * SCATTERED
    np.testing.assert_array_equal(thin.y, thin.x.sum(axis=0))
    for row in thin.x:
        assert len(np.unique(row)) == 64
    # every square of a chessboard has its share
    counts, *_ = np.histogram2d(*thin.x, bins=8, range=[[0, 1], [0, 1]])
    assert counts.min() > 4
    order = np.random.default_rng(1).permutation(4096)
    again = coarsen(Points(x[:, order], y[order], np.zeros_like(x), np.ones(4096)))
    np.testing.assert_array_equal(again.x, thin.x)


def test_few_points_are_kept():
    data = scattered(1)
    assert coarsen(data) is data


def test_each_predictor_has_its_outline():
    side = np.linspace(0, 10, 21)
    x = np.stack([a.ravel() for a in np.meshgrid(side, side)])
    y = np.exp(-0.5 * ((x[0] - 7) ** 2 + (x[1] - 2) ** 2 / 0.25))
    first = Outline.of(Points(x, y, np.zeros_like(x), np.ones(441)))
    (second,) = first.others
    for outline, place in ((first, 7), (second, 2)):
        assert outline.amount @ outline.x / outline.amount.sum() == pytest.approx(place, abs=0.02)
        assert (outline.low, outline.high) == (0, 10)


def test_ends_come_from_the_predictor_of_the_shape():
    model = Formula.read("a*u + chebyshev(v, b, c, d, low, high)", SHAPES, columns=("u", "v"))
    x = np.array([np.linspace(0, 1, 9), np.linspace(5, 8, 9)])
    data = Points(x, np.ones(9), np.zeros_like(x), np.ones(9))
    knowledge = with_ends(model, data, [Knowledge()] * len(model.names))
    asked = FitProblem(model, data, knowledge)
    assert {n: k.start for n, k in zip(asked.names, knowledge, strict=True) if k.fixed} == {
        "low": 5.0,
        "high": 8.0,
    }


@pytest.mark.parametrize("v_err", [0.0, 0.1])
def test_predictors_that_are_proportional_are_undetermined(v_err):
    """Only their sum is measured; that errors in one inflate the variance is no knowledge."""
    u = np.linspace(0.5, 4, 8)
    x, z = np.stack([u, 2 * u]), 2 * u + 0.2 * np.cos(9 * u)
    x_err = np.stack([np.full(8, 0.1), np.full(8, v_err)])
    model = Formula.read("a*u + b*v", SHAPES, columns=("u", "v"))
    result = solve(model, Points(x, z, x_err, np.full(8, 0.2)))
    assert result.status is Status.UNDETERMINED, result.message
    assert "a, b:" in result.message
