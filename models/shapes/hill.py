"""Hill's dose-response curve; independent twin: NumPy's closed form."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient
from jax.nn import sigmoid

from models.features import Features
from models.model import Example, Model
from models.parameter import Parameter
from models.quadrature import log_scale, scaled_integrals

#: Where the quadrature is cut in log(x / k). The poles are at +-i pi / n, and far from them x times
#: the response goes like x^(n + 1) to the left, down to 1e-150, and like x to the right.
NEAR = (-18.0, -8.0, -3.0, 0.0, 3.0, 8.0, 18.0, 45.0)  # over n
LEFT = tuple(-16.0 * i for i in range(1, 23))  # over n + 1
RIGHT = tuple(12.0 * i for i in range(1, 7))
LAST = 500.0  # no edge is farther off
FIRST = math.exp(-60.0)  # of the last edge; to smaller k the curve is flat


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
        breaks = _breaks(k, n, edges[-1])
        # to the left of the least break nothing is left
        least = stop_gradient(jnp.min(breaks))
        x = jnp.where(edges > least, edges, least)
        area = scaled_integrals(lambda x: response(x, k, n), x, breaks, log_scale)
        return offset * jnp.diff(edges) + top * area

    def cuts(self, *params: Array) -> tuple[Array | float, ...]:
        return (0.0,)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        high = data.high if data.high > 0 else 1.0
        places = tuple(high * f for f in (0.003, 0.02, 0.06, 0.15, 0.3, 0.5, 0.75))
        return product(places, (1.0, 3.0))


def response(x: Array, k: Array, n: Array) -> Array:
    """x^n / (k^n + x^n), 0 for x <= 0."""
    positive = x > 0
    z = n * (jnp.log(jnp.where(positive, x, 1.0)) - jnp.log(k))
    return jnp.where(positive, sigmoid(z), 0.0)


def _breaks(k: Array, n: Array, last: Array) -> Array:
    """Of the limits k = 0 and n = 0, whatever is close enough."""
    k, n = jnp.maximum(k, FIRST * jnp.where(last > 0, last, 1.0)), jnp.maximum(n, 1e-9)
    cuts = jnp.array(NEAR) / n, jnp.array(LEFT) / (n + 1), jnp.array(RIGHT)
    return k * jnp.exp(jnp.clip(jnp.concatenate(cuts), -LAST, LAST))
