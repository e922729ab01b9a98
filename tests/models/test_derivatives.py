"""Derivatives of every shape, in its parameters and in x, against fifty-digit differences.

Minuit, the polish and the covariance believe these, so they must be right at every point, also on
an edge, in a tail, in a padding bin of no width and where a shape has a kink.
"""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from models.registry import SHAPES
from tests.models.twins import DIGITS, SCIPY_TWINS
from tests.oracles.reference import high_precision_hessian

#: Of order 1, so that one step size suits the differences of all.
PARAMS = {"gaussian": (3.0, 0.5, 1.25), "exponential": (3.0, 1.75)}
#: (lower, upper) edge in lengths of the shape from its origin.
BINS = [(-1.3, -0.4), (-0.6, 0.7), (0.3, 1.9), (4, 7), (-7, -4), (12, 15), (-15, -12), (-99, 99)]
AT_ORIGIN = [(-0.8, 0.0), (0.0, 0.8), (-99.0, 0.0), (0.0, 99.0)]
POINTS = [-12.0, -3.0, -0.7, 0.0, 0.4, 1.0, 3.0, 12.0]
MODELS = [
    pytest.param(name, model, id=f"{name}{getattr(model, 'degree', '')}")
    for name in sorted(SHAPES)
    for model in SCIPY_TWINS[name].models
]


def params_of(name, model):
    return PARAMS.get(name) or tuple(0.7 - 0.2 * k for k in range(len(model.declare())))


def framed(name, params, *positions):
    origin, length = SCIPY_TWINS[name].frame(*params)
    return [float(origin + length * position) for position in positions]


def assert_derivatives(function, exact, params, where):
    """Gradient and Hessian of a scalar function; 1e-8 relative, or 1e-12 of the largest."""
    gradient, hessian = high_precision_hessian(exact, params, DIGITS)
    found = jax.grad(function)(jnp.asarray(params)), jax.hessian(function)(jnp.asarray(params))
    for name, got, expected in zip(("grad", "Hessian"), found, (gradient, hessian), strict=True):
        floor = 1e-12 * np.abs(expected).max()
        wrong = ~(np.abs(got - expected) <= 1e-8 * np.abs(expected) + floor)
        assert not wrong.any(), (name, where, np.asarray(got), expected)


def check_bin(name, model, bin_):
    params = params_of(name, model)
    lo, hi = framed(name, params, *bin_)
    assert_derivatives(
        lambda p: model.integral(jnp.array([lo, hi]), *p)[0],
        lambda p: SCIPY_TWINS[name].exact_integral(mpmath.mpf(lo), mpmath.mpf(hi), *p),
        params,
        (lo, hi),
    )


@pytest.mark.parametrize(("name", "model"), MODELS)
def test_bin_integrals_have_exact_derivatives(name, model):
    degree = getattr(model, "degree", 0)
    for bin_ in BINS[: 3 if degree > 5 else None]:
        check_bin(name, model, bin_)


@pytest.mark.parametrize("bin_", AT_ORIGIN, ids=str)
@pytest.mark.parametrize(("name", "model"), MODELS[:-1])
def test_bin_integrals_have_exact_derivatives_with_an_edge_at_the_origin(name, model, bin_):
    """A Gaussian with mu on an edge: |z| has no derivative there, the integral has one."""
    check_bin(name, model, bin_)


@pytest.mark.parametrize(("name", "model"), MODELS)
def test_values_have_exact_derivatives(name, model):
    params = params_of(name, model)
    for x in framed(name, params, *POINTS):
        assert_derivatives(
            lambda p, x=x: model.value(jnp.array([x]), *p)[0],
            lambda p, x=x: SCIPY_TWINS[name].exact_value(mpmath.mpf(x), *p),
            params,
            x,
        )


@pytest.mark.parametrize("position", POINTS)
@pytest.mark.parametrize(("name", "model"), MODELS)
def test_slope_in_x_is_exact(name, model, position):
    """What effective variance takes; at a kink the slope on the side to which the value belongs."""
    params = params_of(name, model)
    (x,) = framed(name, params, position)
    slope = jax.grad(lambda x: model.value(x, *params))(x)
    with mpmath.workdps(DIGITS):
        exact = SCIPY_TWINS[name].exact_value
        expected = mpmath.diff(lambda x: exact(x, *params), mpmath.mpf(x), direction=1)
    assert float(slope) == pytest.approx(float(expected), rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(("name", "model"), MODELS)
def test_padding_bins_of_no_width_are_zero_with_all_derivatives(name, model):
    params = params_of(name, model)
    for x in framed(name, params, -1e5, -40.0, -1.0, 0.0, 1.0, 40.0, 1e5):
        edges = jnp.full(3, x)

        def integral(p, edges=edges):
            return model.integral(edges, *p)

        for derivative in (integral, jax.jacfwd(integral), jax.jacrev(integral)):
            assert not np.asarray(derivative(jnp.asarray(params))).any(), x
        assert not np.asarray(jax.hessian(integral)(jnp.asarray(params))).any(), x


@pytest.mark.parametrize(("name", "model"), MODELS)
def test_derivatives_are_finite_far_from_the_origin(name, model):
    """Reverse mode too: a guarded result with an unguarded argument is NaN there."""
    params = jnp.asarray(params_of(name, model))
    edges = jnp.array(framed(name, params, -1e5, -1e3, -40, -39, 0, 1, 39, 40, 750, 1e3, 1e5))
    for method in (model.value, model.integral):

        def of(p, method=method):
            return method(edges, *p)

        for derivative in (jax.jacfwd(of), jax.jacrev(of), jax.hessian(of)):
            assert np.isfinite(np.asarray(derivative(params))).all(), method.__name__
    slopes = jax.vmap(jax.grad(lambda x: model.value(x, *params)))(edges)
    assert np.isfinite(np.asarray(slopes)).all()
