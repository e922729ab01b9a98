"""Exponential decay as a curve; independent twin: NumPy's exponential."""

from collections.abc import Iterable
from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array

from models.features import Features
from models.model import Example, Model
from models.parameter import Parameter


@dataclass(frozen=True)
class ExponentialDecay(Model):
    """Decay of amplitude, its value at x = 0, over tau to an offset."""

    formula = "offset + amplitude * exp(-x / tau)"
    reference = "E. Rutherford and F. Soddy, Phil. Mag. 4 (1902) 370"
    example = Example(values=(50.0, 2.0, 10.0), x_range=(0.0, 10.0))

    def declare(self) -> tuple[Parameter, ...]:
        return (
            Parameter("amplitude", linear=True),
            Parameter("tau", lower=0.0),
            Parameter("offset", linear=True),
        )

    def value(self, x: Array, *params: Array) -> Array:
        amplitude, tau, offset = params
        return offset + amplitude * jnp.exp(-x / tau)

    def integral(self, edges: Array, *params: Array) -> Array:
        amplitude, tau, offset = params
        widths = jnp.diff(edges)
        fallen = -jnp.expm1(-widths / tau)
        return offset * widths + amplitude * tau * jnp.exp(-edges[:-1] / tau) * fallen

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        # the offset hides the length that moments would tell
        lengths = (*data.decay_lengths, *(data.extent * f for f in (0.03, 0.1, 0.3, 1.0)))
        return ((length,) for length in lengths)
