"""Edges of shapes and of bands inside bins: integrals and their slopes, against SciPy's."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import expon, norm, weibull_min

from models.formula.formula import Formula
from models.registry import SHAPES

EDGES = np.linspace(0, 10, 11)


def box(x, low, high):
    return ((x > low) & (x < high)) / (high - low)


#: formula, parameters in order of appearance, density, where it has edges
CASES = [
    (
        "a*exponential(d-x, b)",
        (3.0, 6.3, 2.0),
        lambda x, a, d, b: a * expon.pdf(d - x, scale=b),
        lambda a, d, b: [d],
    ),
    (
        "a*exponential(2*x-d, b)",
        (3.0, 6.3, 2.0),
        lambda x, a, d, b: a * expon.pdf(2 * x - d, scale=b),
        lambda a, d, b: [d / 2],
    ),
    (
        "a*gaussian(-x/3, m, s)",
        (3.0, -1.4, 0.2),
        lambda x, a, m, s: a * norm.pdf(-x / 3, m, s),
        lambda a, m, s: [-3 * m],
    ),
    (
        "a*x*uniform(x, l, r)",
        (3.0, 2.2, 7.7),
        lambda x, a, low, high: a * x * box(x, low, high),
        lambda a, low, high: [low, high],
    ),
    (
        "(1+a*x)*exponential(k*x-d, b)",
        (0.3, 0.5, 1.2, 2.0),
        lambda x, a, k, d, b: (1 + a * x) * expon.pdf(k * x - d, scale=b),
        lambda a, k, d, b: [d / k],
    ),
    (
        "x*weibull(x-d, k, s)*where(x<q, 1, 2)",
        (3.3, 2.0, 2.0, 6.1),
        lambda x, d, k, s, q: x * weibull_min.pdf(x - d, k, scale=s) * np.where(x < q, 1, 2),
        lambda d, k, s, q: [d, q],
    ),
    (
        "where(abs(x-m)<w, a, b*x)",
        (4.7, 1.6, 3.0, 0.5),
        lambda x, m, w, a, b: np.where(abs(x - m) < w, a, b * x),
        lambda m, w, a, b: [m - w, m + w],
    ),
    (
        "a*exp(-x/5)*where(abs((x-m)/2)>=w, 1, x^2)",
        (3.0, 4.7, 0.6),
        lambda x, a, m, w: a * np.exp(-x / 5) * np.where(abs(x - m) / 2 >= w, 1, x**2),
        lambda a, m, w: [m - 2 * w, m + 2 * w],
    ),
    (
        "where(abs(x-m)<w, n*gaussian(x,c,s), n*gaussian(x,c,s)+b)",
        (4.7, 1.6, 30.0, 5.0, 1.0, 2.0),
        lambda x, m, w, n, c, s, b: n * norm.pdf(x, c, s) + b * (abs(x - m) >= w),
        lambda m, w, n, c, s, b: [m - w, m + w],
    ),
]


def twin(density, places, params):
    """By SciPy, between the edges."""
    found = []
    for low, high in pairwise(EDGES):
        ends = [low, *sorted(p for p in places(*params) if low < p < high), high]
        found.append(
            sum(
                quad(density, a, b, args=params, epsabs=1e-13, epsrel=1e-12)[0]
                for a, b in pairwise(ends)
            )
        )
    return np.array(found)


@pytest.mark.parametrize(
    ("text", "params", "density", "places"), CASES, ids=[case[0] for case in CASES]
)
def test_integrals_and_slopes(text, params, density, places):
    model = Formula.read(text, SHAPES)
    integral = jax.jit(lambda p: model.integral(jnp.asarray(EDGES), *p))
    expected = twin(density, places, params)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(integral(jnp.array(params)), expected, rtol=1e-9, atol=1e-11 * scale)
    slopes = jax.jacfwd(integral)(jnp.array(params))
    step = 1e-5
    for i in range(len(params)):
        ends = [
            twin(density, places, tuple(p + sign * step * (i == k) for k, p in enumerate(params)))
            for sign in (1, -1)
        ]
        np.testing.assert_allclose(
            slopes[:, i], (ends[0] - ends[1]) / (2 * step), rtol=1e-4, atol=1e-6 * scale
        )
