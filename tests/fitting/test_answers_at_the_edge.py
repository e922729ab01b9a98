"""Answers where numbers end: costs of rounding, and shapes fixed where they have no value."""

import numpy as np
import pytest

from fitting.batch.fit import fit_batch
from fitting.batch.question import Batch
from fitting.batch.result import STATUSES
from fitting.batch.rows import HistogramRows, PointsRows
from fitting.data import Histogram
from fitting.problem import Knowledge
from fitting.status import Status
from models.formula.formula import Formula
from models.registry import SHAPES
from models.shapes.exponentially_modified_gaussian import ExponentiallyModifiedGaussian
from models.shapes.gaussian import Gaussian
from models.shapes.voigt import Voigt
from tests.fitting.problems import KERNELS, LINE, PEAK, PEAK_AND_DECAY, points, solve, toy

DATA = toy(PEAK, np.linspace(0, 10, 21), (5000, 5.0, 0.8), seed=21)


@pytest.mark.parametrize("count", [7.0, 100.0, 12345.0, 3e10])
def test_a_cost_of_rounding_is_not_negative(count):
    one_bin = Histogram(np.array([0.0, 10.0]), np.array([count]))
    found = solve(Formula.read("a*x", SHAPES), one_bin)
    assert found.valid
    assert 0 <= found.cost < 1e-20
    assert found.values[0] == pytest.approx(count / 50, rel=1e-12)


@pytest.mark.parametrize(
    ("model", "name"), [(Voigt(), "sigma"), (ExponentiallyModifiedGaussian(), "tau")]
)
def test_what_is_fixed_at_a_natural_limit_is_named(model, name):
    found = solve(model, DATA, **{name: Knowledge(0.0, fixed=True)})
    assert found.status is Status.UNDEFINED_COST
    assert f"at a natural limit, where a shape may have no value: {name}." in found.message


def test_a_limit_at_which_the_shape_has_a_value_is_one():
    found = solve(Voigt(), DATA, gamma=Knowledge(0.0, fixed=True))
    twin = solve(Gaussian(), DATA)
    assert found.valid
    np.testing.assert_allclose(found.values[:3], twin.values, rtol=1e-8)
    assert "natural limit" not in found.message


def test_nor_is_it_in_a_batch():
    rows = HistogramRows(np.array([0.0, 10.0]), np.array([[7.0], [100.0], [12345.0], [3e10]]))
    asked = Batch(Formula.read("a*x", SHAPES), rows, (Knowledge(),), np.full((4, 1), np.nan))
    found = fit_batch(asked, KERNELS)
    assert ((found.fval >= 0) & (found.fval < 1e-20)).all()


X, Y = np.arange(6.0), np.array([1.1, 2.7, 5.3, 6.9, 9.2, 10.8])


@pytest.mark.parametrize("size", [1e-149, 1.0, 1e149])
def test_relative_errors_are_those_of_the_scatter_as_far_as_it_has_a_square(size):
    values, covariance = np.polyfit(X, Y, 1, cov=True)
    found = solve(LINE, points(X, size * Y), absolute_sigma=False)
    assert found.valid
    np.testing.assert_allclose(found.values / size, values[::-1], rtol=1e-9)
    errors = np.array(found.errors) / size
    np.testing.assert_allclose(errors, np.sqrt(np.diag(covariance))[::-1], rtol=1e-9)


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e-154, 1e160])
@pytest.mark.parametrize("text", ["a + b*x", "a*exp(x/t)"])
def test_a_scatter_without_a_square_is_no_error_of_zero(text, size):
    found = solve(Formula.read(text, SHAPES), points(X, size * Y), absolute_sigma=False)
    assert found.status is Status.UNDEFINED_COST
    assert "squares of these are no numbers" in found.message


def test_errors_whose_squares_are_no_numbers_are_told_of():
    found = solve(LINE, points(X, 1e-160 * Y, 1e-161))
    assert found.status is Status.UNDEFINED_COST
    assert "squares of these are no numbers" in found.message


def test_a_y_of_nothing_beside_its_absolute_error_is_a_measurement():
    found = solve(LINE, points(X, 1e-160 * Y, 1.0))
    assert found.valid
    exact = np.sqrt(np.diag(np.linalg.inv([[6, X.sum()], [X.sum(), X @ X]])))
    np.testing.assert_allclose(found.errors, exact, rtol=1e-12)


def test_rows_without_squares_have_no_errors():
    sizes = [1.0, 1e-149, 3e-154, 1e-160]
    rows = PointsRows(X[None], np.outer(sizes, Y), np.zeros((1, 6)), np.ones((1, 6)))
    asked = Batch(LINE, rows, (Knowledge(),) * 2, np.full((4, 2), np.nan), absolute_sigma=False)
    found = fit_batch(asked, KERNELS)
    ends = [STATUSES[status] for status in found.status]
    assert ends == [Status.CONVERGED] * 2 + [Status.UNDEFINED_COST] * 2
    np.testing.assert_allclose(found.errors[1], 1e-149 * found.errors[0], rtol=1e-9)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_where_no_candidate_leaves_a_number_of_squares_there_is_an_answer():
    """None was kept then, and the first of them asked for."""
    edges = [-1.5e306, -4.6e22, -2.4e-276, -1.9e-293, 1.7e-187, 1.8e-105, 7.9e38, 2e151]
    counts = [3e-150, 7.9e-141, 3.9e-16, 8.8e-174, 3.9e-29, 2.5e-217, 1.5e261]
    known = {"s_amp": Knowledge(constraint=(1.0, 8e104)), "b_tau": Knowledge(constraint=(1.0, 0.6))}
    found = solve(PEAK_AND_DECAY, Histogram(np.array(edges), np.array(counts)), **known)
    assert found.status is Status.UNDEFINED_COST
