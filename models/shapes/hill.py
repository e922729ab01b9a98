"""Hill's dose-response curve, and the quadrature of shapes with a power of x at x = 0."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product

import jax.numpy as jnp
from jax import Array
from jax.nn import sigmoid

from models.features import Features
from models.model import Example, Model
from models.parameter import Parameter
from models.quadrature import gauss_legendre

NODES = 32


@dataclass(frozen=True)
class Hill(Model):
    """Hill curve from offset up to offset + top, half way at x = k, of steepness n.

    Below x = 0 it stays at offset.
    """

    formula = "offset + top * x^n / (k^n + x^n) for x >= 0"
    reference = "A. V. Hill, J. Physiol. 40 (1910) iv"
    example = Example(values=(50.0, 3.0, 2.5, 10.0), x_range=(0.0, 12.0))

    def declare(self) -> tuple[Parameter, ...]:
        return (
            Parameter("top", linear=True),
            Parameter("k", lower=0.0),
            Parameter("n", lower=0.0),
            Parameter("offset", linear=True),
        )

    def value(self, x: Array, *params: Array) -> Array:
        top, k, n, offset = params
        return offset + top * response(x, k, n)

    def integral(self, edges: Array, *params: Array) -> Array:
        top, k, n, offset = params
        area = integrals_of_powers(lambda x: response(x, k, n), edges, NODES)
        return offset * jnp.diff(edges) + top * area

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        high = data.high if data.high > 0 else 1.0
        places = tuple(high * f for f in (0.003, 0.02, 0.06, 0.15, 0.3, 0.5, 0.75))
        return product(places, (1.0, 3.0))


def response(x: Array, k: Array, n: Array) -> Array:
    """x^n / (k^n + x^n), 0 for x <= 0."""
    positive = x > 0
    z = n * (jnp.log(jnp.where(positive, x, 1.0)) - jnp.log(k))
    return jnp.where(positive, sigmoid(z), 0.0)


def integrals_of_powers(f: Callable[[Array], Array], edges: Array, order: int) -> Array:
    """Integral over each bin of f, a smooth function of some power of x >= 0, constant below.

    The quadrature is in t = x^(1/4), in which even a power such as x^0.3 is smooth enough.
    """
    nodes, weights = gauss_legendre(order)
    below = edges < 0
    x = jnp.where(below, 0.0, edges)
    t = jnp.sqrt(jnp.sqrt(x))
    a, b = t[:-1, None], t[1:, None]
    # not b - a, which would cancel in narrow bins
    slope = (a + b) * (a * a + b * b)
    half = jnp.diff(x)[:, None] / jnp.where(slope > 0, slope, 1.0) / 2
    at = (a + b) / 2 + half * jnp.array(nodes)
    cubed = 4 * at * at * at
    above = jnp.sum(f(at * cubed / 4) * cubed * half * jnp.array(weights), axis=1)
    return above + f(jnp.zeros_like(x[1:])) * jnp.diff(jnp.where(below, edges, 0.0))
