"""Michaelis-Menten kinetics; independent twin: NumPy's closed form."""

from collections.abc import Iterable
from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array

from models.features import Features
from models.model import Example, Model
from models.parameter import Parameter
from models.quadrature import bin_integrals

NODES = 10  # good to 1e-15 in bins no wider than their distance from the pole at x = -km


@dataclass(frozen=True)
class MichaelisMenten(Model):
    """Michaelis-Menten rate of limit vmax, half of it at x = km; zero below x = 0."""

    formula = "vmax * x / (km + x) for x >= 0"
    reference = "L. Michaelis and M. L. Menten, Biochem. Z. 49 (1913) 333"
    example = Example(values=(50.0, 2.0), x_range=(0.0, 12.0))

    def declare(self) -> tuple[Parameter, ...]:
        return Parameter("vmax", linear=True), Parameter("km", lower=0.0)

    def value(self, x: Array, *params: Array) -> Array:
        vmax, km = params
        inside = jnp.where(x >= 0, x, 0.0)
        below = km + inside
        return vmax * inside / jnp.where(below > 0, below, 1.0)

    def integral(self, edges: Array, *params: Array) -> Array:
        vmax, km = params
        x = jnp.where(edges >= 0, edges, 0.0)
        short = bin_integrals(lambda x: self.value(x, vmax, km), x, NODES)
        near = km + x[:-1]
        ratio = jnp.diff(x) / jnp.where(near > 0, near, 1.0)
        wide = ratio > 1
        q = jnp.where(wide, ratio, 1.0)
        # the first term is the rate at the left edge: all are positive
        long = vmax * (x[:-1] * q + km * (q - jnp.log1p(q)))
        return jnp.where(wide, long, short)

    def cuts(self, *params: Array) -> tuple[Array | float, ...]:
        return (0.0,)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        high = data.high if data.high > 0 else 1.0
        return ((high * f,) for f in (0.01, 0.05, 0.2, 0.6, 2.0, 6.0))
