"""Bins of few events: their chi-square is judged by its own distribution."""

import mpmath
import numpy as np
import pytest

from fitting.sparse import moments
from models.shapes.polynomial import Polynomial
from tests.fitting.problems import Histogram, solve

CONSTANT = Polynomial(degree=0)


@pytest.mark.parametrize("mu", [1e-6, 0.003, 0.1, 0.8, 1.0, 7.0, 300.0])
def test_moments_of_a_bin_are_sums_over_poissons_distribution(mu):
    def weighted(power):
        def term(n):
            n = int(n)
            deviance = 2 * (mu - n + (n * mpmath.log(n / mpmath.mpf(mu)) if n else 0))
            return mpmath.exp(-mu) * mpmath.mpf(mu) ** n / mpmath.factorial(n) * deviance**power

        return mpmath.fsum(term(n) for n in range(int(mu + 15 * mu**0.5 + 30)))

    mean, second = weighted(1), weighted(2)
    found = moments(np.full(3, mu))
    assert found == pytest.approx((3 * float(mean), 3 * float(second - mean**2)), rel=2e-3)


def codes(counts):
    edges = np.arange(len(counts) + 1.0)
    result = solve(CONSTANT, Histogram(edges, counts.astype(float)))
    assert result.valid
    return {warning.code for warning in result.warnings}


@pytest.mark.parametrize(("mu", "bins"), [(1.0, 20_000), (0.8, 5_000), (0.1, 5_000)])
def test_a_true_model_of_sparse_bins_is_not_called_poor(mu, bins):
    """By the chi-square's distribution p is 1e-43 for the first."""
    assert codes(np.random.default_rng(1).poisson(mu, bins)) == {"sparse-bins"}


def test_a_wrong_model_of_sparse_bins_is():
    """By the chi-square's distribution p is 1."""
    x = (np.arange(5000) + 0.5) / 5000
    counts = np.random.default_rng(1).poisson(0.4 * 4 * x**3)
    assert codes(counts) == {"sparse-bins", "poor-fit"}


@pytest.mark.parametrize(("slope", "expected"), [(0.0, set()), (0.3, {"poor-fit"})])
def test_of_full_bins_nothing_changes(slope, expected):
    x = (np.arange(500) + 0.5) / 500
    assert codes(np.random.default_rng(1).poisson(100 * (1 + slope * x))) == expected
