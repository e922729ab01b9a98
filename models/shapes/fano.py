"""Fano profile; independent twin: NumPy's complex numbers."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import jax.numpy as jnp
from jax import Array

from models.features import Features
from models.model import Example, Model
from models.parameter import Parameter
from models.quadrature import SHORT_ORDER, bin_integrals, is_short


@dataclass(frozen=True)
class Fano(Model):
    """Fano resonance of full width width at position, of asymmetry q, on an offset.

    Far off it comes to offset + amplitude.
    """

    formula = "offset + amplitude * (q + e)^2 / (1 + e^2) with e = 2 (x - position) / width"
    reference = "U. Fano, Phys. Rev. 124 (1961) 1866"
    example = Example(values=(20.0, 5.0, 1.2, 1.5, 10.0), x_range=(0.0, 10.0))

    def declare(self) -> tuple[Parameter, ...]:
        return (
            # -q^2 amplitude with -1 / q and another offset is the same curve
            Parameter("amplitude", lower=0.0, linear=True),
            Parameter("position", place=True),
            Parameter("width", lower=0.0),
            Parameter("q"),
            Parameter("offset", linear=True),
        )

    def value(self, x: Array, *params: Array) -> Array:
        amplitude, position, width, q, offset = params
        return offset + amplitude * profile(2 * (x - position) / width, q)

    def integral(self, edges: Array, *params: Array) -> Array:
        amplitude, position, width, q, offset = params
        e = 2 * (edges - position) / width
        a, b = e[:-1], e[1:]
        angle = jnp.arctan2(b - a, 1 + a * b)
        logarithm = jnp.log1p(b * b) - jnp.log1p(a * a)
        long = width / 2 * (b - a + (q * q - 1) * angle + q * logarithm)
        short = bin_integrals(lambda x: profile(2 * (x - position) / width, q), edges, SHORT_ORDER)
        return offset * jnp.diff(edges) + amplitude * jnp.where(is_short(e), short, long)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        # a dip or a wave on an offset: its moments are those of the offset
        extent = data.extent
        places = tuple(data.low + extent * (k + 0.5) / 10 for k in range(10))
        lengths = (0.05 * extent, 0.2 * extent)
        return product(places, lengths, (0.0, 0.5, -0.5, 2.0, -2.0))


def profile(e: Array, q: Array) -> Array:
    """(q + e)^2 / (1 + e^2)."""
    return (q + e) ** 2 / (1 + e * e)
