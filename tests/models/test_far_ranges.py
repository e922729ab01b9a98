"""Densities normalised on a range where little is left of them, against fifty-digit quotients."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from models.registry import SHAPES
from tests.models.twins import SCIPY_TWINS
from tests.models.twins.twin import DIGITS, exact_derivatives

#: Parameters without amp, low, high; of most no more than 1e-250 is left there.
FAR = [
    ("exponential", (2.0,), 2000.0, 2010.0),
    ("exponential", (0.5,), 2000.0, 2010.0),
    ("exponential", (3.0,), -1.0, 4.0),
    ("gaussian", (0.5, 1.25), 30.0, 33.0),
    ("gaussian", (0.5, 1.25), 42.5, 43.0),
    ("bifurcated_gaussian", (0.5, 1.25, 0.5), 17.0, 17.5),
    ("gamma", (2.5, 1.25), 720.0, 730.0),
    ("weibull", (2.5, 1.25), 15.8, 16.0),
    ("moyal", (0.5, 1.25), 1430.0, 1440.0),
    ("exponentially_modified_gaussian", (0.5, 1.25, 1.5), 860.0, 870.0),
]


@pytest.mark.parametrize(
    ("name", "own", "low", "high"),
    [*FAR[:5], *(pytest.param(*case, marks=pytest.mark.slow) for case in FAR[5:])],
)
def test_a_range_far_from_the_bulk(name, own, low, high):
    """Values, gradient and Hessian were 0 / 0, or infinite, there."""
    model, twin = SHAPES[name](normalised="range"), SCIPY_TWINS[name]
    x = (low + 0.25 * (high - low), low + 0.5 * (high - low))

    def value(*p):
        *shape, low, high = p
        return twin.exact_value(mpmath.mpf(x[0]), 1, *shape) / total(low, high, shape)

    def area(*p):
        *shape, low, high = p
        return twin.exact_integral(*map(mpmath.mpf, x), 1, *shape) / total(low, high, shape)

    def total(low, high, shape):
        return twin.exact_integral(low, high, 1, *shape)

    params = (*own, low, high)
    for method, exact in (("value", value), ("integral", area)):

        def ours(p, method=method):
            return getattr(model, method)(jnp.array(x), 1.0, *p)[0]

        with mpmath.workdps(DIGITS):
            want = [float(exact(*map(mpmath.mpf, params))), *exact_derivatives(exact, params)]
        for of, expected in zip((lambda f: f, jax.grad, jax.hessian), want, strict=True):
            found = jax.jit(of(ours))(jnp.array(params))
            floor = 1e-9 * np.abs(expected).max()
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=floor)
