"""Bins of few events: their chi-square is judged by its own distribution."""

import mpmath
import numpy as np
import pytest
from scipy.special import xlogy
from scipy.stats import poisson

from fitting.batch.fit import fit_batch
from fitting.batch.question import Batch
from fitting.batch.rows import HistogramRows
from fitting.problem import Knowledge
from fitting.sparse import moments
from models.shapes.polynomial import Polynomial
from tests.fitting.problems import KERNELS, PEAK, PEAK_AND_DECAY, Histogram, expected, solve

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


def batch_of(model, edges, counts):
    knowledge = (Knowledge(),) * len(model.parameters)
    starts = np.full((len(counts), len(knowledge)), np.nan)
    return fit_batch(Batch(model, HistogramRows(edges, counts), knowledge, starts), KERNELS)


def test_sparse_rows_of_a_batch_go_together_where_their_chi_square_is_as_expected():
    """1.4 events a bin: 1995 degrees of freedom, of which 2180 would be surprising, leave 2240."""
    edges = np.linspace(0, 10, 2001)
    mu = expected(PEAK_AND_DECAY, edges, (300, 4.0, 0.4, 4000, 10.0))
    counts = np.random.default_rng(1).poisson(mu, (20, 2000)).astype(float)
    found = batch_of(PEAK_AND_DECAY, edges, counts)
    mean, variance = (float(m) for m in moments(mu))
    assert (found.chi2 > 1995 + 3 * np.sqrt(2 * 1995)).any()
    assert np.all(np.abs(found.chi2 - (mean - 5)) < 4 * np.sqrt(variance))
    assert not found.alone.any()


def test_sparse_rows_of_a_batch_that_the_model_does_not_describe_go_alone():
    """One peak instead of two, 0.3 events a bin; by the usual distribution nothing is wrong."""
    edges, rng = np.linspace(-10, 10, 401), np.random.default_rng(1)
    mu = expected(PEAK, edges, (60, -4.0, 0.6)) + expected(PEAK, edges, (60, 4.0, 0.6))
    counts = rng.poisson(mu, (5, 400)).astype(float)
    found = batch_of(PEAK, edges, counts)
    assert (found.chi2 < 397 + 3 * np.sqrt(2 * 397)).all()
    assert found.alone.all()


def test_rows_of_any_number_of_events_are_judged_by_what_their_own_bins_expect():
    """Every second one has ripples that the model does not know; few events hardly show them."""
    edges, rng = np.linspace(0, 10, 301), np.random.default_rng(8)
    ripples = 1 + 0.9 * np.sin(15 * edges[1:])
    mu = np.array([expected(PEAK, edges, (a, 5.0, 1.5)) for a in np.geomspace(100, 3000, 40)])
    mu[::2] *= ripples
    found = batch_of(PEAK, edges, rng.poisson(mu).astype(float))
    n = np.arange(100.0)
    own = np.array([expected(PEAK, edges, values) for values in found.values])[:, :, None]
    terms = 2 * (own - n + xlogy(n, n / np.maximum(own, 1e-300)))
    mean = (poisson.pmf(n, own) * terms).sum(axis=2)
    variance = (poisson.pmf(n, own) * terms**2).sum(axis=2) - mean**2
    most = mean.sum(axis=1) - 3 + 3 * np.sqrt(variance.sum(axis=1))
    assert (found.alone == (found.fval > most)).all()
    assert 5 < found.alone.sum() < 20
