"""Errors in x where the slope of a model is infinite: such a point says nothing."""

import numpy as np
import pytest
from scipy.optimize import minimize

from fitting.batch.fit import fit_batch
from fitting.batch.question import Batch
from fitting.batch.rows import PointsRows
from fitting.data import Points
from fitting.problem import Knowledge
from fitting.result import Effort
from fitting.slopes import beside, middle
from fitting.status import Status
from models.formula.formula import Formula
from models.registry import SHAPES
from tests.fitting.problems import KERNELS, assert_near, points, solve

Y = np.array([1.5, 2.95, 3.85, 4.56, 4.92, 5.5, 5.88])
X_ERR, Y_ERR = 0.05, 0.1


def without_the_singular(root, slope, x, y):
    """The cost of effective variance of a*root + c over all other points."""

    def cost(params):
        variance = Y_ERR**2 + (params[0] * slope(x) * X_ERR) ** 2
        return np.sum((y - params[0] * root(x) - params[1]) ** 2 / variance)

    return minimize(cost, (2.0, 1.0), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})


@pytest.mark.parametrize(
    ("text", "place", "root", "slope"),
    [
        ("a*sqrt(x)+c", 0.0, np.sqrt, lambda x: 0.5 / np.sqrt(x)),
        ("a*x^0.5+c", 0.0, np.sqrt, lambda x: 0.5 / np.sqrt(x)),
        ("a*sqrt(7-x)+c", 7.0, lambda x: np.sqrt(7 - x), lambda x: 0.5 / np.sqrt(7 - x)),
        ("a*cbrt(x-3)+c", 3.0, lambda x: np.cbrt(x - 3), lambda x: np.cbrt(x - 3) ** -2 / 3),
    ],
)
def test_a_blurred_point_of_infinite_slope_has_no_weight(text, place, root, slope):
    x, y = np.arange(8.0), np.append(Y, 6.3)
    model = Formula.read(text, SHAPES)
    found = solve(model, points(x, y, Y_ERR, X_ERR))
    twin = without_the_singular(root, slope, x[x != place], y[x != place])
    assert found.valid
    assert_near(found.values, twin.x, found.errors, 1e-6)
    assert found.cost == pytest.approx(twin.fun, rel=1e-9)
    assert found.ndof == len(x) - 1 - 2
    (told,) = (w.message for w in found.warnings if w.code == "no-weight")
    assert f"At x = {place:g} the" in told


@pytest.mark.parametrize("berkson", [False, True])
@pytest.mark.parametrize("absolute_sigma", [False, True])
def test_all_of_the_answer_is_that_of_the_other_points(berkson, absolute_sigma):
    x, y = np.array([0.0, 0.0, *np.arange(0.0, 8.0)]), np.array([50.0, -3.0, 1.1, *Y])
    model = Formula.read("a*sqrt(x)+c", SHAPES)
    question = {"absolute_sigma": absolute_sigma, "minos": ("a",)}
    found, other = (
        solve(model, points(x[rest], y[rest], Y_ERR, X_ERR, berkson=berkson), **question)
        for rest in (x >= 0, x > 0)
    )
    assert found.valid
    assert other.valid
    assert_near(found.values, other.values, found.errors, 1e-6)
    np.testing.assert_allclose(found.errors, other.errors, rtol=1e-6)
    assert found.cost == pytest.approx(other.cost, rel=1e-9)
    assert (found.chi2, found.ndof) == (pytest.approx(other.chi2, rel=1e-9), 5)
    assert found.minos["a"].upper == pytest.approx(other.minos["a"].upper, rel=1e-6)


def test_too_few_other_points_are_too_few():
    model = Formula.read("a*sqrt(x)+c", SHAPES)
    found = solve(model, points([0, 1], [50, 1.1], Y_ERR, X_ERR))
    assert found.status is Status.UNDER_DETERMINED
    assert [warning.code for warning in found.warnings] == ["no-weight"]


@pytest.mark.parametrize("place", [0.0, 1.0, 1e3])
def test_a_large_error_that_a_client_gives_is_a_degree_of_freedom(place):
    x = place + np.arange(8.0)
    model = Formula.read("a*log(x + 1)+c", SHAPES)
    x_err = np.append(30.0, np.full(7, X_ERR))
    found = solve(model, points(x, np.append(Y, 6.3), Y_ERR, x_err))
    assert found.valid
    assert found.ndof == 6
    assert not found.warnings


def test_in_batches_as_alone():
    x, model = np.arange(8.0), Formula.read("a*sqrt(x)+c", SHAPES)
    y = np.append(Y, 6.3) * np.array([[1.0], [1.1], [0.9]])
    x_err = np.full((3, 8), X_ERR)
    x_err[1, 0] = 0.0  # which has weight then
    rows = PointsRows(x[None], y, x_err, np.full((1, 8), Y_ERR))
    found = fit_batch(
        Batch(model, rows, (Knowledge(), Knowledge()), np.full((3, 2), np.nan)), KERNELS
    )
    np.testing.assert_array_equal(found.ndof, [5, 6, 5])
    for i in range(3):
        single = solve(model, rows.row(i))
        assert_near(found.values[i], single.values, single.errors, 1e-8)
        assert found.chi2[i] == pytest.approx(single.chi2, rel=1e-9)


@pytest.mark.parametrize("x_err", [1e-3, 0.05, 0.1])
def test_so_far_from_0_with_small_errors(x_err):
    x, y = np.arange(100.0, 108), np.append(Y, 6.3)
    model = Formula.read("a*sqrt(x-100)+c", SHAPES)
    found = solve(model, points(x, y, Y_ERR, x_err))
    without = solve(model, points(x[1:], y[1:], Y_ERR, x_err))
    assert found.valid
    assert found.ndof == without.ndof
    assert_near(found.values, without.values, without.errors, 1e-4)
    np.testing.assert_allclose(found.errors, without.errors, rtol=1e-3)


def test_so_of_one_of_two_predictors():
    x = np.arange(7.0)
    both = np.array([x, [0.3, 1.2, 0.1, 0.9, 2.2, 1.7, 0.4]])
    x_err = np.array([np.full(7, X_ERR), np.zeros(7)])
    two = Formula.read("a*sqrt(x1) + b*x2 + c", SHAPES, columns=("x1", "x2"))
    x_kept, y_err = both[:, 1:], np.full(7, Y_ERR)
    found = solve(two, Points(both, Y, x_err, y_err))
    twin = solve(two, Points(x_kept, Y[1:], x_err[:, 1:], y_err[1:]))
    assert found.ndof == twin.ndof
    assert found.valid
    assert_near(found.values, twin.values, found.errors, 1e-6)
    np.testing.assert_allclose(found.errors, twin.errors, rtol=1e-6)


def test_beside_is_next_to_x_and_towards_the_middle():
    x = np.array([-3.0, 0.0, 1.0, 1e9])
    moved = beside(x, np.array([0.1, 0.1, 0.1, 1e-5]), np.array(0.5))
    assert (np.sign(moved - x) == [1, 1, -1, 0]).all()  # the neighbours of 1e9 are far
    np.testing.assert_allclose(moved, x, rtol=1e-15, atol=1e-30)
    assert middle(np.array([2.0, 2.0])) == 2.0
    assert -1.0 < middle(np.array([-1.0, 0.0, 1.0])) != 0.0


def test_points_are_left_out_in_a_few_evaluations_more():
    x, model = np.arange(8.0), Formula.read("a*sqrt(x)+c", SHAPES)
    y = np.append(Y, 6.3)
    found = solve(model, points(x, y, Y_ERR, X_ERR))
    other = solve(model, points(x[1:], y[1:], Y_ERR, X_ERR))
    assert found.effort.nfcn < other.effort.nfcn + 20


def test_what_was_noticed_before_a_point_was_left_out_is_told():
    """The start is that of a fit to all points, and where the logarithm has no value."""
    x = np.arange(7.0)
    model = Formula.read("a*sqrt(x) + log(c)", SHAPES)
    found = solve(model, points(x, Y, Y_ERR, X_ERR), [2.0, -1.0])
    assert found.valid, found.message
    assert [one.code for one in found.warnings] == ["undefined-start", "no-weight"]
    best = without_the_singular(np.sqrt, lambda x: 0.5 / np.sqrt(x), x[1:], Y[1:])
    assert found.values == pytest.approx([best.x[0], np.exp(best.x[1])], rel=1e-6)


def test_an_effort_is_migrads_if_any_part_of_it_is():
    before, after = Effort(nfcn=5, nhess=1), Effort("migrad", nfcn=7, nhess=2)
    assert after.after("newton", 3, 4) == Effort("migrad", nfcn=10, nhess=6)
    assert before.after("migrad", 3, 4) == Effort("migrad", nfcn=8, nhess=5)
