"""Twins of the three basic shapes."""

import mpmath
import numpy as np
from scipy import stats

from models.shapes.exponential import Exponential
from models.shapes.gaussian import Gaussian
from models.shapes.polynomial import Polynomial
from tests.models.twins.twin import Twin


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


TWINS = {
    "gaussian": Twin(
        models=(Gaussian(),),
        value=lambda x, amp, mu, sigma: amp * stats.norm.pdf(x, mu, sigma),
        exact_value=gaussian_exact,
        exact_integral=gaussian_area,
        draw=draw_gaussian,
        frame=lambda amp, mu, sigma: (mu, sigma),
        params=lambda _: (3.0, 0.5, 1.25),
    ),
    "exponential": Twin(
        models=(Exponential(),),
        value=lambda x, amp, tau: amp * stats.expon.pdf(x, scale=tau),
        exact_value=exponential_exact,
        exact_integral=exponential_area,
        draw=draw_exponential,
        frame=lambda amp, tau: (0.0, tau),
        params=lambda _: (3.0, 1.75),
    ),
    "polynomial": Twin(
        models=tuple(Polynomial(degree=degree) for degree in (0, 1, 2, 5, 20)),
        value=lambda x, *c: np.polynomial.Polynomial(c)(x),
        exact_value=polynomial_exact,
        exact_integral=polynomial_area,
        draw=draw_polynomial,
        frame=lambda *c: (0.0, 1.0),
        params=lambda model: tuple(0.7 - 0.2 * k for k in range(model.degree + 1)),
        domain=(0.0, 100.0),  # all terms of one sign there: no cancellation to forgive
    ),
}
