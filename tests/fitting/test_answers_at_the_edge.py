"""Answers where numbers end: costs of rounding, and shapes fixed where they have no value."""

import numpy as np
import pytest

from fitting.batch.fit import fit_batch
from fitting.batch.question import Batch
from fitting.batch.rows import HistogramRows
from fitting.data import Histogram
from fitting.problem import Knowledge
from fitting.result import Status
from models.formula.formula import Formula
from models.registry import SHAPES
from models.shapes.exponentially_modified_gaussian import ExponentiallyModifiedGaussian
from models.shapes.gaussian import Gaussian
from models.shapes.voigt import Voigt
from tests.fitting.problems import KERNELS, PEAK, solve, toy

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
