"""Polynomials far from x = 0, whose coefficients are all but one: the answer does not depend on
what else is asked. The oracle is Newton's method with sixty digits."""

import mpmath
import numpy as np
import pytest

from fitting.minos import Profile
from fitting.problem import Knowledge
from fitting.status import Status
from models.shapes.polynomial import Polynomial
from tests.fitting.problems import Histogram, points, solve

CUBIC = Polynomial(degree=3)
NAMES = ("c0", "c1", "c2", "c3")
EDGES = np.linspace(1000, 1010, 11)
COUNTS = np.array([70.0, 76, 81, 92, 95, 101, 108, 110, 128, 133])
X = np.arange(2010.0, 2020)
Y = np.array([3.1, 3.0, 3.3, 3.9, 4.6, 5.2, 6.4, 7.8, 9.0, 10.6])


def powers_in_bins(edges, degree):
    rows = []
    for low, high in zip(map(mpmath.mpf, edges[:-1]), map(mpmath.mpf, edges[1:]), strict=True):
        rows.append([(high ** (k + 1) - low ** (k + 1)) / (k + 1) for k in range(degree + 1)])
    return mpmath.matrix(rows)


def errors_of_counts(edges, counts, degree):
    """Square roots of the diagonal of the inverse information at the Poisson minimum."""
    with mpmath.workdps(60):
        design = powers_in_bins(edges, degree)
        params = mpmath.lu_solve(design, mpmath.matrix(counts.tolist()))
        for _ in range(40):
            expected = design * params
            slope, hessian = mpmath.zeros(degree + 1, 1), mpmath.zeros(degree + 1)
            for i, n in enumerate(counts.tolist()):
                row, mu = design[i, :], expected[i]
                slope += row.T * (1 - n / mu)
                hessian += row.T * row * (n / mu**2)
            params -= mpmath.lu_solve(hessian, slope)
        covariance = mpmath.inverse(hessian)
        return [float(mpmath.sqrt(covariance[k, k])) for k in range(degree + 1)]


def errors_of_points(x, sigma, degree):
    with mpmath.workdps(60):
        rows = [[mpmath.mpf(value) ** k / sigma for k in range(degree + 1)] for value in x]
        design = mpmath.matrix(rows)
        covariance = mpmath.inverse(design.T * design)
        return [float(mpmath.sqrt(covariance[k, k])) for k in range(degree + 1)]


WIDE = {name: Knowledge(limits=(-1e15, 1e15)) for name in NAMES}


@pytest.mark.parametrize(
    ("minos", "known"),
    [((), {}), (NAMES, {}), ((), WIDE), ((), {"c0": WIDE["c0"]})],
    ids=["plain", "minos", "limits", "one limit"],
)
def test_errors_do_not_depend_on_what_else_is_asked(minos, known):
    result = solve(CUBIC, Histogram(EDGES, COUNTS), minos=list(minos), **known)
    assert result.status is Status.CONVERGED
    np.testing.assert_allclose(result.errors, errors_of_counts(EDGES, COUNTS, 3), rtol=1e-7)
    for name, error in zip(minos, result.errors, strict=False):
        found = result.minos[name]
        assert found.valid
        # of counts the profile is not quite a parabola
        assert -found.lower == pytest.approx(error, rel=2e-3)
        assert found.upper == pytest.approx(error, rel=2e-3)


def test_limits_that_matter_still_do():
    free = solve(CUBIC, Histogram(EDGES, COUNTS))
    limit = float(free.values[3] + free.errors[3])
    held = solve(CUBIC, Histogram(EDGES, COUNTS), c3=Knowledge(limits=(limit, None)))
    assert held.held.tolist() == [False, False, False, True]
    assert held.cost - free.cost == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize("sigma", [0.3, None])
def test_of_points_minos_gives_the_errors(sigma):
    """The profile is a parabola."""
    data = points(X, Y, 1.0 if sigma is None else sigma)
    result = solve(CUBIC, data, minos=list(NAMES), absolute_sigma=sigma is not None)
    scale = np.sqrt(result.chi2 / result.ndof) if sigma is None else sigma
    np.testing.assert_allclose(
        result.errors, scale * np.array(errors_of_points(X, 1, 3)), rtol=1e-7
    )
    for name, error in zip(NAMES, result.errors, strict=True):
        found = result.minos[name]
        assert (found.lower, found.upper) == pytest.approx((-error, error), rel=1e-6)


def test_the_highest_coefficient_by_its_profile(monkeypatch):
    """It is a multiple of one of the better coordinates."""
    monkeypatch.setattr(Profile, "solved", lambda profile, side: None)
    result = solve(CUBIC, points(X, Y, 0.3), minos=["c3"])
    error = result.errors[3]
    found = result.minos["c3"]
    assert (found.lower, found.upper) == pytest.approx((-error, error), rel=1e-6)
