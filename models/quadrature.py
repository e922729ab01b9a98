"""Gauss-Legendre integrals over bins, for models without a cdf."""

import math
from collections.abc import Callable
from functools import cache

import jax.numpy as jnp
from jax import Array


@cache
def gauss_legendre(order: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Nodes and weights on [-1, 1], exact for polynomials of degree 2 * order - 1.

    Newton's method on the Legendre recurrence (Abramowitz and Stegun, 25.4.29).
    """
    nodes, weights = [], []
    for i in range(order):
        x = math.cos(math.pi * (i + 0.75) / (order + 0.5))
        slope = 1.0
        for _ in range(100):
            previous, current = 1.0, x
            for k in range(2, order + 1):
                previous, current = current, ((2 * k - 1) * x * current - (k - 1) * previous) / k
            slope = order * (x * current - previous) / (x * x - 1) if order > 1 else 1.0
            step = current / slope
            x -= step
            if abs(step) < 1e-16:
                break
        nodes.append(x if order > 1 else 0.0)
        weights.append(2 / ((1 - x * x) * slope * slope) if order > 1 else 2.0)
    return tuple(nodes), tuple(weights)


def bin_integrals(f: Callable[[Array], Array], edges: Array, order: int) -> Array:
    """Integral of f over each bin: shape (bins + 1,) in, (bins,) out."""
    nodes, weights = gauss_legendre(order)
    half = jnp.diff(edges)[:, None] / 2
    middle = (edges[1:] + edges[:-1])[:, None] / 2
    return jnp.sum(f(middle + half * jnp.array(nodes)) * jnp.array(weights), axis=1) * half[:, 0]
