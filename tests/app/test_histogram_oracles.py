"""Histogram fits against iminuit's ExtendedBinnedNLL and against the exact twins.

Two oracles for one number: iminuit shares no code with the twin but stops at an EDM, so it is held
to a thousandth of an error; the twin is exact and is held to 1e-7 errors. What is compared on top:
fixed parameters, estimated starts and the expected information.
"""

import mpmath
import numpy as np
import pytest

from tests.oracles import agrees_with_iminuit, assert_agrees, assert_matrix, covariance, fit
from tests.oracles.histogram_cases import CASES, body, iminuit_fit
from tests.oracles.reference import Poisson, high_precision_hessian, minimise

UNAIDED = [name for name in CASES if name not in ("two gaussians + line",)]


def test_the_twin_itself_agrees_with_fifty_digits():
    """Gradient 0 and the same Hessian by mpmath, so that the other tests may trust the twin."""
    model, truth, edges, counts = CASES["gaussian, uneven bins"]
    best = minimise(Poisson(model, edges, counts), truth)

    def cost(theta):
        amp, mu, sigma = theta
        z = [(mpmath.mpf(float(e)) - mu) / sigma for e in edges]
        total = mpmath.mpf(0)
        for a, b, n in zip(z, z[1:], counts.tolist(), strict=False):
            m = amp * (mpmath.ncdf(b) - mpmath.ncdf(a))
            total += 2 * (m - n + (n * mpmath.log(n / m) if n else 0))
        return total

    gradient, hessian = high_precision_hessian(cost, list(best.values.values()))
    expected = 2 * np.linalg.inv(hessian)
    sigmas = np.sqrt(np.diag(expected))
    assert np.abs(expected @ gradient / 2 / sigmas).max() < 1e-11  # the step left, in errors
    assert np.abs((best.covariance - expected) / np.outer(sigmas, sigmas)).max() < 1e-11
    assert float(cost(list(best.values.values()))) == pytest.approx(best.fval, rel=1e-13)


@pytest.mark.parametrize("name", CASES)
def test_every_model_against_both_oracles(client, name):
    model, truth, edges, counts = CASES[name]
    answer = fit(client, "histogram", body(model, edges, counts, truth))
    assert_agrees(answer, minimise(Poisson(model, edges, counts), truth))
    assert answer["goodness_of_fit"]["ndof"] == len(counts) - len(truth)
    agrees_with_iminuit(answer, iminuit_fit(model, edges, counts, truth))


@pytest.mark.parametrize("name", UNAIDED)
def test_starts_are_estimated_when_none_are_given(client, name):
    model, truth, edges, counts = CASES[name]
    answer = fit(client, "histogram", body(model, edges, counts))
    assert_agrees(answer, minimise(Poisson(model, edges, counts), truth))


@pytest.mark.parametrize("name", ["gaussian + exponential", "gaussian + line", "exponential"])
def test_gauss_newton_is_the_expected_information(client, name):
    model, truth, edges, counts = CASES[name]
    cost = Poisson(model, edges, counts)
    expected = cost.gauss_newton(list(minimise(cost, truth).values.values()))
    answer = fit(client, "histogram", body(model, edges, counts, truth))
    assert_matrix(covariance(client, answer, method="gauss-newton"), expected, 1e-7)


FIXED = [
    ("gaussian, 20 bins", ["amp"]),
    ("gaussian, 20 bins", ["mu"]),
    ("gaussian + line", ["s_mu"]),
]
FIXED += [("gaussian + exponential", ["s_mu", "s_sigma"]), ("cubic", ["c0", "c2"])]


@pytest.mark.parametrize(("name", "fixed"), FIXED)
def test_fixed_before_a_free_parameter(client, name, fixed):
    """iminuit's `hessian=` gives wrong errors here, in silence."""
    model, truth, edges, counts = CASES[name]
    parameters = {n: {"start": v, "fixed": n in fixed} for n, v in truth.items()}
    answer = fit(client, "histogram", body(model, edges, counts, parameters))
    assert_agrees(answer, minimise(Poisson(model, edges, counts), truth, fixed))
    assert answer["goodness_of_fit"]["ndof"] == len(counts) - len(truth) + len(fixed)
    agrees_with_iminuit(answer, iminuit_fit(model, edges, counts, truth, fixed))
    assert {p["name"]: p["fixed"] for p in answer["parameters"]} == {n: n in fixed for n in truth}
