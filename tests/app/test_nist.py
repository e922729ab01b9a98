"""NIST's 27 nonlinear problems from both certified starts, by a formula without y_err."""

import numpy as np
import pytest

from tests.oracles import covariance, fit
from tests.oracles.nist_nonlinear import FORMULAS, digits, problem

DIGITS = 9
#: Lanczos1 has residuals of 1e-13, all rounding: their sum has three digits in double precision.
ERROR_DIGITS = {"Lanczos1": 2.5}


@pytest.mark.parametrize("start", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", FORMULAS)
def test_certified_values_and_standard_deviations(client, name, start):
    asked = problem(name)
    answer = fit(client, "xy-errors", asked.body(start))
    assert answer["valid"] is True, (answer["status"], answer["message"])
    found = [answer["values"][n] for n in asked.names]
    assert digits(found, asked.values) >= DIGITS, (found, asked.values)
    errors = covariance(client, answer, method="gauss-newton")["errors"]
    wanted = ERROR_DIGITS.get(name, DIGITS)
    assert digits([errors[n] for n in asked.names], asked.errors) >= wanted, errors
    if name != "Lanczos1":
        assert answer["fval"] == pytest.approx(asked.squares, rel=1e-9)


@pytest.mark.parametrize("name", FORMULAS)
def test_the_certified_minimum_without_a_start(client, name):
    """Equal terms may come in another order, so the minimum is compared, not its place."""
    asked = problem(name)
    answer = fit(client, "xy-errors", asked.body(None))
    assert answer["valid"] is True, (answer["status"], answer["message"])
    if name == "Lanczos1":
        assert answer["fval"] < 2 * asked.squares
        return
    assert answer["fval"] == pytest.approx(asked.squares, rel=1e-8)
    wanted = np.sort(np.abs(asked.values))
    np.testing.assert_allclose(np.sort(np.abs(list(answer["values"].values()))), wanted, rtol=1e-7)
