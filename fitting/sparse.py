"""What the chi-square of a histogram is expected to be where bins hold few events.

Of a bin that expects mu events the Baker-Cousins term d(n) = 2 (mu - n + n log(n / mu)) has the
mean 1 and the variance 2 of a chi-square for large mu only: at mu = 1 the mean is 1.15, at 0.1 it
is 0.47. Its moments are sums over Poisson's distribution.
"""

from functools import cache
from typing import Any

import numpy as np
from scipy.special import gammaln, xlogy

from fitting.padding import Floats

FEWEST, MOST = 1e-8, 1e4  # events of a bin, beyond which the moments are those of the ends
FEW = 2.0  # events of a bin, on average: fewer make a chi-square smaller, and a poor one usual
POINTS = 600
LARGEST_EXCESS, LARGEST_VARIANCE = 0.17, 2.41  # of a bin, at mu = 1.4 and 3.0


def is_unclear(chi2: Any, poor: Any, ndof: Any, bins: Any, mean_count: Any, sigmas: float) -> Any:
    """Whether it takes the moments to say if a chi-square is surprising, of so many `sigmas`.

    `poor` is what its usual distribution says; `mean_count` are the events of a bin. All may be
    arrays.
    """
    most = ndof + LARGEST_EXCESS * bins + sigmas * np.sqrt(LARGEST_VARIANCE * bins)
    return (poor & (chi2 < most)) | (mean_count < FEW)


def expected_chi2(expected: Floats, ndof: Any) -> tuple[Floats, Floats]:
    """Mean and standard deviation of the chi-square (...) of bins that expect so many events,
    (..., bins), after a fit."""
    mean, variance = moments(expected)
    return mean - expected.shape[-1] + ndof, np.sqrt(variance)


def moments(expected: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of the chi-square (...) of bins that expect so many events, (..., bins)."""
    grid, mean, variance = _table()
    at = np.log(np.clip(expected, FEWEST, MOST))
    return np.interp(at, grid, mean).sum(axis=-1), np.interp(at, grid, variance).sum(axis=-1)


@cache
def _table() -> tuple[Floats, Floats, Floats]:
    """Logarithms of mu, and there mean and variance of a bin's term."""
    grid = np.linspace(np.log(FEWEST), np.log(MOST), POINTS)
    mean, variance = np.transpose([of_bin(mu) for mu in np.exp(grid)])
    return grid, mean, variance


def of_bin(mu: float) -> tuple[float, float]:
    """Mean and variance of a bin's term."""
    width = 12 * np.sqrt(mu) + 20
    n = np.arange(np.floor(max(mu - width, 0.0)), np.ceil(mu + width))
    weight = np.exp(xlogy(n, mu) - mu - gammaln(n + 1))
    term = 2 * (mu - n + xlogy(n, n / mu))
    mean = float(weight @ term)
    return mean, float(weight @ (term - mean) ** 2)
