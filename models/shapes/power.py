"""Power of x with an offset; independent twin: NumPy's power."""

from collections.abc import Iterable
from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array

from models.features import Features
from models.model import Example, Model
from models.parameter import Parameter
from models.shapes.power_law import mean_growth


@dataclass(frozen=True)
class Power(Model):
    """Power law: amplitude times x to the exponent, on an offset, for x > 0.

    At x <= 0 it is the offset alone.
    """

    formula = "offset + amplitude * x^exponent for x > 0"
    reference = "M. E. J. Newman, Contemp. Phys. 46 (2005) 323"
    example = Example(values=(5.0, 1.6, 20.0), x_range=(0.5, 10.0))

    def declare(self) -> tuple[Parameter, ...]:
        return (
            Parameter("amplitude", linear=True),
            Parameter("exponent"),
            Parameter("offset", linear=True),
        )

    def value(self, x: Array, *params: Array) -> Array:
        amplitude, exponent, offset = params
        return offset + amplitude * power(x, exponent)

    def integral(self, edges: Array, *params: Array) -> Array:
        amplitude, exponent, offset = params
        x = jnp.where(edges > 0, edges, 0.0)
        a, b = x[:-1], x[1:]
        p = exponent + 1
        rising = p > 0
        from_zero = a <= 0
        ratio = jnp.log1p(jnp.diff(x) / jnp.where(from_zero, 1.0, a))
        # from the end at which the antiderivative is larger: the other cannot overflow then
        larger = power(jnp.where(rising | from_zero, b, a), p)
        area = larger * ratio * mean_growth(jnp.where(rising, -p, p) * ratio)[1]
        whole = jnp.where(rising, larger / jnp.where(rising, p, 1.0), jnp.inf)
        whole = jnp.where(b > 0, whole, 0.0)
        return offset * jnp.diff(edges) + amplitude * jnp.where(from_zero, whole, area)

    def cuts(self, *params: Array) -> tuple[Array | float, ...]:
        return (0.0,)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        falling = (-0.5, -1.0, -2.0, -3.0, -5.0)
        finite = falling if data.low > 0 else falling[:1]  # the others have no integral from 0
        return ((b,) for b in (1.0, 0.5, 1.5, 2.0, 3.0, 5.0, *finite))


def power(x: Array, exponent: Array) -> Array:
    """x^exponent, 0 for x <= 0."""
    positive = x > 0
    safe = jnp.where(positive, x, 1.0)
    return jnp.where(positive, jnp.exp(exponent * jnp.log(safe)), 0.0)
