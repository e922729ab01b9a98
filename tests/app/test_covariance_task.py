"""Further questions to a fit: the covariance that it gave is the one that is given again."""

import math
import time
from typing import Any

import httpx
import numpy as np
import pytest

from app.workers.tasks import CovarianceTask
from fitting.covariance import Covariance, Method
from fitting.problem import FitProblem, Knowledge
from fitting.result import FitResult
from models.formula.formula import Formula
from models.registry import SHAPES
from models.shapes.polynomial import Polynomial
from tests.examples import XY_ERRORS, fitted
from tests.fitting.problems import KERNELS, LINE, Histogram, points, problem, solve

FAR = Histogram(
    np.linspace(2010, 2020, 21), np.random.default_rng(4).poisson(100 + 5.0 * np.arange(20))
)
LIMITS = {f"c{k}": Knowledge(limits=(-1e25, 1e25)) for k in range(6)}
CURVED = Histogram(
    np.linspace(0, 10, 21),
    np.array([64, 82, 79, 70, 76, 87, 87, 90, 92, 94, 116, 99, 107, 96, 104, 123, 125, 124, 141,
              147.0]),
)  # fmt: skip


def asked_again(asked: FitProblem, result: FitResult, method: Method = "autodiff") -> Covariance:
    scale = 1.0
    if not asked.absolute_sigma:
        assert result.chi2 is not None
        scale = result.chi2 / result.ndof
    task = CovarianceTask(asked, result.values, False, method, scale, time.monotonic() + 100)
    return task.run(KERNELS, lambda: None).covariance


@pytest.mark.parametrize("known", [{}, LIMITS], ids=["free", "limits"])
@pytest.mark.parametrize("degree", [3, 5])
def test_coefficients_that_are_all_but_one(degree: int, known: dict[str, Knowledge]) -> None:
    model = Polynomial(degree=degree)
    known = {name: one for name, one in known.items() if int(name[1:]) <= degree}
    result = solve(model, FAR, **known)
    again = asked_again(problem(model, FAR, **known), result)
    np.testing.assert_allclose(again.errors, result.errors, rtol=1e-9)


def test_a_parameter_at_its_limit_to_which_nothing_draws_it() -> None:
    data = points([-2, -1, 0, 1, 2], [1, 2, 3, 2, 1], 0.1)
    known = {"c1": Knowledge(limits=(0.0, None))}
    result = solve(LINE, data, **known)
    again = asked_again(problem(LINE, data, **known), result)
    assert again.parameters == result.covariance.parameters
    np.testing.assert_allclose(again.errors, result.covariance.errors)


def test_hesse_of_relative_errors_in_any_unit() -> None:
    model = Formula.read("a*exp(-x/tau) + c", SHAPES)
    x = np.linspace(0, 10, 30)
    y = 3 * np.exp(-x / 2) + 1 + np.random.default_rng(1).normal(0, 0.05, 30)
    found = []
    for unit in (1.0, 3e-4, 3e-9):
        data = points(x, unit * y)
        result = solve(model, data, absolute_sigma=False)
        again = asked_again(problem(model, data, absolute_sigma=False), result, "hesse")
        np.testing.assert_allclose(again.errors, result.covariance.errors, rtol=1e-2)
        found.append(result.covariance.errors)
    np.testing.assert_allclose(found[2], found[0] * np.array([3e-9, 1, 3e-9]), rtol=1e-6)


def test_hesse_is_not_told_where_it_fails() -> None:
    model = Polynomial(degree=5)
    result = solve(model, CURVED)
    again = asked_again(problem(model, CURVED), result, "hesse")
    assert again.matrix is None
    assert "autodiff" in str(again.reason)


def test_where_all_is_fixed_there_is_nothing_to_tell() -> None:
    known = {"c0": Knowledge(start=1.0, fixed=True), "c1": Knowledge(start=1.0, fixed=True)}
    data = points([1, 2, 3], [1, 2, 3], 0.1)
    methods: tuple[Method, ...] = ("autodiff", "hesse", "gauss-newton")
    for method in methods:
        again = asked_again(problem(LINE, data, **known), solve(LINE, data, **known), method)
        assert again.positive_definite
        assert again.parameters == ()


def test_of_a_fit_that_is_not_valid_it_is_said(client: httpx.Client) -> None:
    body: dict[str, Any] = {"x": [1, 2, 3, 4], "y": [1, 2, 3, 5], "y_err": 1}
    asked = body | {"model": {"formula": "a*b*x"}}
    fit = fitted(client.post(XY_ERRORS, json=asked))
    assert not fit["valid"]
    answer = client.get("/covariance", params={"fit_id": fit["fit_id"]}).json()
    assert fit["status"] in answer["reason"]
    assert not math.isnan(answer["timing_ms"]["covariance"])


@pytest.mark.parametrize("berkson", [False, True])
def test_points_without_weight_have_none_again(berkson: bool) -> None:
    model = Formula.read("a*sqrt(x) + c", SHAPES)
    x, y = np.arange(8.0), np.array([9.0, 1.5, 2.95, 3.85, 4.56, 4.92, 5.5, 5.88])
    data = points(x, y, x_err=0.05, berkson=berkson)
    result = solve(model, data, absolute_sigma=False)
    again = asked_again(problem(model, data, absolute_sigma=False), result)
    np.testing.assert_allclose(again.errors, result.covariance.errors, rtol=1e-9)
