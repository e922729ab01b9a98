"""Shapes at x - t0 that are integrated numerically: slopes in t0, against mpmath's densities.

The integral over [a, b] is that of f from a - t0 to b - t0, so its slope in t0 is
f(a - t0) - f(b - t0), and all second derivatives with t0 are slopes of f there.
"""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from models.formula.formula import Formula
from models.registry import SHAPES

EDGES = np.linspace(1.0, 11.0, 11)
C2 = mpmath.mpf("6.62607015e-34") * 299792458 / mpmath.mpf("1.380649e-23")


def hill(x, a, k, n, b):
    return b + (a * x**n / (k**n + x**n) if x > 0 else 0)


def stretched_exponential(x, a, tau, beta, c):
    return c + a * (mpmath.exp(-((x / tau) ** beta)) if x > 0 else 1)


def resonance(x, a, f0, q):
    r = x / f0
    return a / mpmath.sqrt((1 - r * r) ** 2 + (r / q) ** 2)


def planck(x, a, temperature):
    """In units of 2 h c^2."""
    return a / x**5 / mpmath.expm1(C2 / (x * temperature)) if x > 0 else mpmath.mpf(0)


#: formula, t0 and the other parameters (edges at breaks of the quadrature, or at x = 0, among
#: them), density
MOVED = [
    ("hill(x - t0, a, k, n, b)", [1.0, 100.0, 3.0, 2.0, 0.0], hill),
    ("hill(x - t0, a, k, n, b)", [3.4, 100.0, 3.0, 1.5, 7.0], hill),
    (
        "stretched_exponential(x - t0, a, tau, beta, c)",
        [3.3, 50.0, 2.0, 0.7, 4.0],
        stretched_exponential,
    ),
    (
        "stretched_exponential(x - t0, a, tau, beta, c)",
        [0.5, 50.0, 2.0, 1.4, 4.0],
        stretched_exponential,
    ),
    ("resonance(x - t0, a, f0, q)", [1.0, 10.0, 5.0, 8.0], resonance),
    (
        "planck(x - t0, a, temperature)/1.191042972397188e-16",
        [2.3, 1e5, 0.004],
        planck,
    ),
]


def derivatives(text, params):
    formula = Formula.read(text, SHAPES)

    def integral(p):
        return formula.integral(jnp.asarray(EDGES), *p)

    both = jax.jit(lambda p: (jax.jacfwd(integral)(p), jax.hessian(integral)(p)))
    backwards = jax.jit(jax.jacrev(integral))
    slopes, curves = both(jnp.asarray(params))
    np.testing.assert_allclose(backwards(jnp.asarray(params)), slopes, rtol=1e-11, atol=1e-11)
    return np.asarray(slopes), np.asarray(curves)


@pytest.mark.parametrize(("text", "params", "density"), MOVED)
def test_the_place_of_a_shape_has_its_slopes(text, params, density):
    t0, *own = params

    def between_edges(density_at):
        return -np.diff([float(density_at(x)) for x in EDGES])

    def in_parameter(i):
        order = tuple(int(j == i) for j in range(len(params)))
        return between_edges(
            lambda x: mpmath.diff(lambda t, *p: density(x - t, *p), tuple(params), order)
        )

    slopes, curves = derivatives(text, params)
    scale = max(float(density(x - t0, *own)) for x in EDGES)
    expected = between_edges(lambda x: density(x - t0, *own))
    np.testing.assert_allclose(slopes[:, 0], expected, rtol=1e-11, atol=1e-12 * scale)
    expected = np.stack([in_parameter(i) for i in range(len(params))], axis=1)
    np.testing.assert_allclose(curves[:, 0], expected, rtol=1e-9, atol=1e-10 * scale)
    np.testing.assert_allclose(curves[:, :, 0], expected, rtol=1e-9, atol=1e-10 * scale)


def test_the_closed_form_of_a_moved_hill_curve():
    """For n = 2 the integral is a (x - k atan(x / k)); with k = 3 the bin from 4 has -14 in t0."""
    slopes, _ = derivatives("hill(x - t0, a, k, n, b)", [1.0, 100.0, 3.0, 2.0, 0.0])
    assert slopes[3, 0] == pytest.approx(100 * (9 / 18 - 16 / 25), rel=1e-13)
    x, k = EDGES - 1.0, 3.0
    in_k = 100 * np.diff(-np.arctan(x / k) + x * k / (x * x + k * k))
    np.testing.assert_allclose(slopes[:, 2], in_k, rtol=1e-12)


def test_a_branch_of_a_jump_is_cut_with_its_slope():
    formula = Formula.read("where(x < t, stretched_exponential(x, a, tau, beta, b), c)", SHAPES)
    params = [5.4, 50.0, 2.0, 0.7, 4.0, 1.0]
    found = jax.jit(jax.jacfwd(lambda p: formula.integral(jnp.asarray(EDGES), *p)))(
        jnp.asarray(params)
    )
    height = float(stretched_exponential(mpmath.mpf(5.4), *params[1:5])) - 1.0
    np.testing.assert_allclose(found[:, 0], np.where(EDGES[:-1] == 5, height, 0.0), rtol=1e-12)
