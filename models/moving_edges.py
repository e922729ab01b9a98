"""Integrals over bins whose derivatives are known at the edges, but for a few scalars.

The integral of a density changes by the density times how far an edge moves, so only what else the
density depends on (`scalars`) is ever differentiated. Differences of edges lose as many digits as
a bin is narrow, in derivatives alone. XLA has much less to compile than of automatic derivatives,
which would pass through the quadrature for every parameter, and once more in reverse.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

Edges = tuple[Array, ...]  # where they are, and what else of them the density takes


def integral(
    integrate: Callable[..., Array],
    density: Callable[..., Array],
    edges: Edges,
    extra: Any,
    scalars: tuple[Array, ...],
) -> Array:
    """integrate(edges, extra, *scalars), whose slope in edges[0] is density(edges, *scalars).

    `extra` is data of the integral that its derivatives need not know.
    """
    return _integrals(0, integrate, density, edges, extra, jnp.stack(scalars))[0]


@partial(jax.custom_jvp, nondiff_argnums=(0, 1, 2))
def _integrals(
    order: int,
    integrate: Callable[..., Array],
    density: Callable[..., Array],
    edges: Edges,
    extra: Any,
    scalars: Array,
) -> tuple[Array, ...]:
    """The integrals and their derivatives in the scalars: (bins,), (bins, scalars), ..."""
    return derivatives(lambda s: integrate(edges, extra, *s), order, scalars)


@_integrals.defjvp
def _integrals_jvp(
    order: int,
    integrate: Callable[..., Array],
    density: Callable[..., Array],
    primals: tuple[Edges, Any, Array],
    tangents: tuple[Edges, Any, Array],
) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    edges, _, scalars = primals
    (move, *_), _, change = tangents
    values = _integrals(order + 1, integrate, density, *primals)
    densities = derivatives(lambda s: density(edges, *s), order, scalars)
    slopes = tuple(
        higher @ change + jnp.diff((at_edges.T * move).T, axis=0)
        for higher, at_edges in zip(values[1:], densities, strict=True)
    )
    return values[:-1], slopes


def derivatives(f: Callable[[Array], Array], order: int, scalars: Array) -> tuple[Array, ...]:
    """f with its derivatives up to this order, each with one axis more at its end."""
    if order == 0:
        return (f(scalars),)

    def lower(s: Array) -> tuple[Array, tuple[Array, ...]]:
        known = derivatives(f, order - 1, s)
        return known[-1], known

    highest, known = jax.jacfwd(lower, has_aux=True)(scalars)
    return (*known, highest)
