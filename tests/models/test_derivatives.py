"""Derivatives of every shape, in its parameters and in x, against fifty-digit differences.

Minuit, the polish and the covariance believe these, so they must be right at every point, also on
an edge, in a tail, in a padding bin of no width and where a shape has a kink.
"""

from functools import cache, partial

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from models.registry import SHAPES
from tests.models.twins import SCIPY_TWINS, sparing
from tests.models.twins.twin import DIGITS, exact_derivatives

#: (lower, upper) edge in lengths of the shape from its origin.
BINS = [(-1.3, -0.4), (-0.6, 0.7), (0.3, 1.9), (4, 7), (-7, -4), (12, 15), (-15, -12), (-99, 99)]
BINS += [(0.7, 0.7005), (0.7, 0.702), (-6.0001, -6.0), (0.4, 0.400001), (-1e-4, 1e-4)]
AT_ORIGIN = [(-0.8, 0.0), (0.0, 0.8), (-99.0, 0.0), (0.0, 99.0)]
FAR = [-1e5, -1e3, -40, -39, 0, 1, 39, 40, 750, 1e3, 1e5]
LONGEST = len(FAR)
MODES = (lambda f: f, jax.jacfwd, jax.jacrev)
POINTS = [-12.0, -3.0, -0.7, 0.0, 0.4, 1.0, 3.0, 12.0]
MODELS = sparing(
    ((name, model) for name in sorted(SHAPES) for model in SCIPY_TWINS[name].models),
    dear=("cruijff", "landau", "voigt"),  # a quarter of the time of all
)


def identity(value):
    """What a test's id says of a model: its degree, where there are several."""
    return value if isinstance(value, str) else str(getattr(value, "degree", ""))


def params_of(name, model):
    return SCIPY_TWINS[name].params(model)


def within(name, *positions):
    return SCIPY_TWINS[name].within(positions)


def framed(name, params, *positions):
    origin, length = SCIPY_TWINS[name].frame(*params)
    return [float(origin + length * position) for position in positions]


@cache
def compiled(model, method):
    """At many points: what is computed, its Jacobians by both modes, its Hessian."""

    def of(p, x):
        return getattr(model, method)(x, *p)

    return jax.jit(lambda p, x: [f(of)(p, x) for f in (*MODES, jax.hessian)])


def all_derivatives(model, method, params, x):
    """Of rising x, repeated to one length, so that all tests share a compilation."""
    x = [*x, *x[-1:] * (LONGEST - len(x))]
    found = compiled(model, method)(jnp.asarray(params), jnp.array(x))
    return [np.asarray(derivative) for derivative in found]


@cache
def compiled_slopes(model):
    return jax.jit(jax.vmap(jax.grad(lambda x, p: model.value(x, *p)), in_axes=(0, None)))


def slopes_in_x(model, params, x):
    """One for each x, again repeated to one length."""
    repeated = jnp.array([*x, *x[-1:] * (LONGEST - len(x))])
    return np.asarray(compiled_slopes(model)(repeated, jnp.asarray(params)))[: len(x)]


def assert_derivatives(model, method, x, exact, params):
    """1e-8 relative, or 1e-12 of the largest, or 1e-15 of the gradient where all else is zero."""
    _, forward, reverse, second = all_derivatives(model, method, params, x)
    gradient, hessian = exact_derivatives(exact, params)
    for found, want in ((forward, gradient), (reverse, gradient), (second, hessian)):
        got, floor = found[0], 1e-12 * np.abs(want).max() + 1e-15 * np.abs(gradient).max()
        wrong = ~(np.abs(got - want) <= 1e-8 * np.abs(want) + floor)
        assert not wrong.any(), (x, got, want)


def check_bin(name, model, bin_):
    params = params_of(name, model)
    edges = framed(name, params, *bin_)
    exact = partial(SCIPY_TWINS[name].exact_integral, *map(mpmath.mpf, edges))
    assert_derivatives(model, "integral", edges, exact, params)


@pytest.mark.parametrize(("name", "model"), MODELS, ids=identity)
def test_bin_integrals_have_exact_derivatives(name, model):
    twin = SCIPY_TWINS[name]
    bins = twin.bins_within(BINS)
    for bin_ in bins[: 3 if twin.slow or len(model.declare()) > 6 else None]:
        check_bin(name, model, bin_)


@pytest.mark.parametrize("bin_", AT_ORIGIN, ids=str)
@pytest.mark.parametrize(("name", "model"), MODELS, ids=identity)
def test_bin_integrals_have_exact_derivatives_with_an_edge_at_the_origin(name, model, bin_):
    """A Gaussian with mu on an edge: |z| has no derivative there, the integral has one."""
    twin = SCIPY_TWINS[name]
    if twin.bins_within([bin_]) and not (twin.slow or len(model.declare()) > 6):
        check_bin(name, model, bin_)


@pytest.mark.parametrize(("name", "model"), MODELS, ids=identity)
def test_values_have_exact_derivatives(name, model):
    params = params_of(name, model)
    for x in framed(name, params, *SCIPY_TWINS[name].within(POINTS)):
        exact = partial(SCIPY_TWINS[name].exact_value, mpmath.mpf(x))
        assert_derivatives(model, "value", [x], exact, params)


@pytest.mark.parametrize(("name", "model"), MODELS, ids=identity)
def test_slopes_in_x_are_exact(name, model):
    """What effective variance takes; at a kink the slope on the side to which the value belongs."""
    params = params_of(name, model)
    points = framed(name, params, *within(name, *POINTS))
    exact = SCIPY_TWINS[name].exact_value
    for x, slope in zip(points, slopes_in_x(model, params, points), strict=True):
        with mpmath.workdps(DIGITS):
            expected = mpmath.diff(lambda x: exact(x, *params), mpmath.mpf(x), direction=1)
        assert float(slope) == pytest.approx(float(expected), rel=1e-9, abs=1e-15), x


@pytest.mark.parametrize(("name", "model"), MODELS, ids=identity)
def test_bins_far_off_and_without_width_have_finite_derivatives(name, model):
    """Reverse mode too: a guarded result with an unguarded argument is NaN there."""
    params = params_of(name, model)
    far = framed(name, params, *within(name, *FAR))
    assert all(np.isfinite(d).all() for d in all_derivatives(model, "integral", params, far))
    for x in framed(name, params, *within(name, -1e5, -40.0, -1.0, 0.0, 1.0, 40.0, 1e5)):
        for derivative in all_derivatives(model, "integral", params, [x] * LONGEST):
            assert np.max(np.abs(derivative)) < 1e-14, x


@pytest.mark.parametrize(("name", "model"), MODELS, ids=identity)
def test_values_far_from_the_origin_have_finite_derivatives(name, model):
    params = params_of(name, model)
    x = framed(name, params, *within(name, *FAR))
    assert all(np.isfinite(d).all() for d in all_derivatives(model, "value", params, x))
    assert np.isfinite(slopes_in_x(model, params, x)).all()
