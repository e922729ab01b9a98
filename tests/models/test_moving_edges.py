"""Integrals differentiated at their edges, against automatic derivatives of the closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from models.moving_edges import integral

EDGES = jnp.array([0.1, 0.4, 0.4, 1.7, 3.0])
PARAMS = jnp.array([1.3, 0.7, 1.9])  # scale of x, and two scalars of the density


def closed_form(edges, _, a, b):
    """Of b x + exp(-a x)."""
    (u,) = edges
    return jnp.diff(b * u * u / 2 - jnp.exp(-a * u) / a)


def density(edges, a, b):
    return b * edges[0] + jnp.exp(-a * edges[0])


def by_edges(params):
    scale, a, b = params
    # what integrates is not to be differentiated by its edges
    return integral(
        lambda edges, extra, *s: closed_form(jax.lax.stop_gradient(edges), extra, *s),
        density,
        (EDGES * scale,),
        None,
        (a, b),
    )


def direct(params):
    scale, a, b = params
    return closed_form((EDGES * scale,), None, a, b)


@pytest.mark.parametrize(
    "derivative",
    [
        lambda f: f,
        jax.jacfwd,
        jax.jacrev,
        jax.hessian,
        lambda f: jax.jacfwd(jax.jacfwd(f)),
        lambda f: jax.jacfwd(jax.hessian(f)),
    ],
    ids=["value", "forward", "reverse", "forward of reverse", "forward of forward", "third"],
)
def test_derivatives_are_those_of_the_closed_form(derivative):
    found, expected = jax.jit(derivative(by_edges)), jax.jit(derivative(direct))
    np.testing.assert_allclose(found(PARAMS), expected(PARAMS), rtol=1e-12, atol=1e-14)
    several = jnp.stack([PARAMS, 2 * PARAMS])
    np.testing.assert_allclose(
        jax.vmap(found)(several), jax.vmap(expected)(several), rtol=1e-12, atol=1e-14
    )
