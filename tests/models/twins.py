"""Independent twins of the shapes: SciPy and NumPy for numbers, mpmath for derivatives.

To add a shape, add its line to `SCIPY_TWINS`: a shape without a twin fails `test_every_model`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import mpmath
import numpy as np
from scipy import stats

from models.exponential import Exponential
from models.gaussian import Gaussian
from models.model import Model
from models.polynomial import Polynomial

DIGITS = 50


@dataclass(frozen=True)
class Twin:
    """A shape by other means; `draw(rng, model)` gives parameters over many orders of magnitude.

    `frame(*params)` is the position and length in which bins and points are meant: peak and
    standard deviation, or origin and decay length.
    """

    models: tuple[Model, ...]
    value: Callable
    exact_value: Callable
    exact_integral: Callable
    draw: Callable
    frame: Callable


def gaussian_exact(x, amp, mu, sigma):
    z = (x - mu) / sigma
    return amp * mpmath.exp(-z * z / 2) / (sigma * mpmath.sqrt(2 * mpmath.pi))


def gaussian_area(lo, hi, amp, mu, sigma):
    a, b = ((edge - mu) / (sigma * mpmath.sqrt(2)) for edge in (lo, hi))
    if a > 0:  # by the tails: 1 - 1e-300 has no digits left, not even fifty
        return amp * (mpmath.erfc(a) - mpmath.erfc(b)) / 2
    if b < 0:
        return amp * (mpmath.erfc(-b) - mpmath.erfc(-a)) / 2
    return amp * (mpmath.erf(b) - mpmath.erf(a)) / 2


def exponential_exact(x, amp, tau):
    return amp / tau * mpmath.exp(-x / tau) if x >= 0 else mpmath.mpf(0)


def exponential_area(lo, hi, amp, tau):
    lo, hi = max(lo, 0), max(hi, 0)
    return amp * (mpmath.exp(-lo / tau) - mpmath.exp(-hi / tau))


def polynomial_exact(x, *c):
    return sum((ck * x**k for k, ck in enumerate(c)), start=mpmath.mpf(0))


def polynomial_area(lo, hi, *c):
    terms = (ck * (hi ** (k + 1) - lo ** (k + 1)) / (k + 1) for k, ck in enumerate(c))
    return sum(terms, start=mpmath.mpf(0))


def draw_gaussian(rng, _):
    sigma = 10 ** rng.uniform(-9, 9)
    return 10 ** rng.uniform(-3, 9), rng.uniform(-100, 100) * sigma, sigma


def draw_exponential(rng, _):
    return 10 ** rng.uniform(-3, 9), 10 ** rng.uniform(-9, 9)


def draw_polynomial(rng, model):
    return tuple(rng.uniform(0.1, 3, model.degree + 1))


SCIPY_TWINS = {
    "gaussian": Twin(
        models=(Gaussian(),),
        value=lambda x, amp, mu, sigma: amp * stats.norm.pdf(x, mu, sigma),
        exact_value=gaussian_exact,
        exact_integral=gaussian_area,
        draw=draw_gaussian,
        frame=lambda amp, mu, sigma: (mu, sigma),
    ),
    "exponential": Twin(
        models=(Exponential(),),
        value=lambda x, amp, tau: amp * stats.expon.pdf(x, scale=tau),
        exact_value=exponential_exact,
        exact_integral=exponential_area,
        draw=draw_exponential,
        frame=lambda amp, tau: (0.0, tau),
    ),
    "polynomial": Twin(
        models=tuple(Polynomial(degree=degree) for degree in (0, 1, 2, 5, 20)),
        value=lambda x, *c: np.polynomial.Polynomial(c)(x),
        exact_value=polynomial_exact,
        exact_integral=polynomial_area,
        draw=draw_polynomial,
        frame=lambda *c: (0.0, 1.0),  # all terms of one sign there: no cancellation to forgive
    ),
}


def exactly(function, x, params):
    """An mpmath function at one point or bin and at floats, with all digits, as a float."""
    with mpmath.workdps(DIGITS):
        return float(function(*map(mpmath.mpf, x), *map(mpmath.mpf, map(float, params))))


def exact_integrals(twin, edges, params):
    return np.array([exactly(twin.exact_integral, pair, params) for pair in pairwise(edges)])


def exact_derivatives(function, params):
    """Gradient and Hessian of an mpmath function by central differences that keep 20 digits."""
    with mpmath.workdps(DIGITS):
        h, p = mpmath.mpf(10) ** -12, len(params)

        def at(*moves):
            point = [mpmath.mpf(float(value)) for value in params]
            for i, steps in moves:
                point[i] += steps * h
            return function(*point)

        up, down = [at((i, 1)) for i in range(p)], [at((i, -1)) for i in range(p)]
        gradient = [(up[i] - down[i]) / (2 * h) for i in range(p)]
        hessian = np.zeros((p, p))
        for i in range(p):
            hessian[i, i] = (up[i] - 2 * at() + down[i]) / h**2
            for j in range(i):
                cross = at((i, 1), (j, 1)) - at((i, 1), (j, -1))
                cross -= at((i, -1), (j, 1)) - at((i, -1), (j, -1))
                hessian[i, j] = hessian[j, i] = cross / (4 * h**2)
        return np.array(gradient, dtype=float), hessian
