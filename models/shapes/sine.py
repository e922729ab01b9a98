"""Sine wave; independent twin: NumPy's sine."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import jax.numpy as jnp
from jax import Array

from models.features import Features
from models.model import Example, Model
from models.parameter import Parameter
from models.quadrature import bin_integrals

TWO_PI = 2 * math.pi
NARROW = 0.5  # periods; below it the difference of cosines cancels, and NODES are good to 1e-15
NODES = 8
#: A negative amplitude is the other half of the circle, and it is solved for.
PHASES = (0.0, math.pi / 3, 2 * math.pi / 3)


@dataclass(frozen=True)
class Sine(Model):
    """Sine wave of this amplitude, frequency and phase (at x = 0, in rad) about an offset.

    A negative amplitude is the same as a phase moved by pi.
    """

    formula = "offset + amplitude * sin(2 pi frequency x + phase)"
    reference = "IEEE Std 1057; P. Händel, IEEE Trans. Instrum. Meas. 49 (2000) 1189"
    example = Example(values=(30.0, 0.25, 0.6, 60.0), x_range=(0.0, 10.0))

    def declare(self) -> tuple[Parameter, ...]:
        return (
            Parameter("amplitude", linear=True),
            Parameter("frequency", lower=0.0),
            Parameter("phase"),
            Parameter("offset", linear=True),
        )

    def value(self, x: Array, *params: Array) -> Array:
        amplitude, frequency, phase, offset = params
        return offset + amplitude * jnp.sin(TWO_PI * frequency * x + phase)

    def integral(self, edges: Array, *params: Array) -> Array:
        amplitude, frequency, phase, offset = params
        widths = jnp.diff(edges)
        short = bin_integrals(lambda x: jnp.sin(TWO_PI * frequency * x + phase), edges, NODES)
        narrow = widths * frequency < NARROW
        rate = jnp.where(narrow, 1.0, math.pi * frequency)
        middle = math.pi * frequency * (edges[1:] + edges[:-1]) + phase
        long = jnp.sin(middle) * jnp.sin(rate * widths) / rate
        return offset * widths + amplitude * jnp.where(narrow, short, long)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        return product((1 / period for period in data.periods), PHASES)
