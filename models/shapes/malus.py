"""Malus' law; independent twin: NumPy's cosine."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array

from models.features import Features
from models.model import Example, Model
from models.parameter import Parameter
from models.quadrature import bin_integrals

NARROW = 1.0  # rad; NODES are good to 1e-15 below it
NODES = 8


@dataclass(frozen=True)
class Malus(Model):
    """Light through two polarisers: i0 where x is angle, both in rad, and an offset."""

    formula = "offset + i0 * cos(x - angle)^2"
    reference = "E. Hecht, Optics (5th ed.), 8.2.1"
    example = Example(values=(50.0, 0.6, 5.0), x_range=(0.0, 6.5))

    def declare(self) -> tuple[Parameter, ...]:
        return (
            Parameter("i0", lower=0.0, linear=True),
            Parameter("angle"),
            Parameter("offset", linear=True),
        )

    def value(self, x: Array, *params: Array) -> Array:
        i0, angle, offset = params
        return offset + i0 * jnp.cos(x - angle) ** 2

    def integral(self, edges: Array, *params: Array) -> Array:
        i0, angle, offset = params
        widths = jnp.diff(edges)
        short = bin_integrals(lambda x: jnp.cos(x - angle) ** 2, edges, NODES)
        middle = (edges[1:] + edges[:-1]) / 2 - angle
        long = (widths + jnp.cos(2 * middle) * jnp.sin(widths)) / 2
        return offset * widths + i0 * jnp.where(widths < NARROW, short, long)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        # i0 is positive, so these go once around: the law repeats after pi
        return ((k * math.pi / 6,) for k in range(6))
