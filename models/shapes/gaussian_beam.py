"""Radius of a Gaussian beam; independent twin: NumPy's square root."""

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
class GaussianBeam(Model):
    """Radius of a Gaussian beam along x: w0 in its waist at z0, of Rayleigh range rayleigh."""

    formula = "w0 * sqrt(1 + ((x - z0) / rayleigh)^2)"
    reference = (
        "A. E. Siegman, Lasers (1986), 17.1; H. Kogelnik and T. Li, Appl. Opt. 5 (1966) 1550"
    )
    example = Example(values=(20.0, 0.7, 1.5), x_range=(-5.0, 5.0))

    def declare(self) -> tuple[Parameter, ...]:
        return (
            Parameter("w0", lower=0.0, linear=True),
            Parameter("z0", place=True),
            Parameter("rayleigh", lower=0.0),
        )

    def value(self, x: Array, *params: Array) -> Array:
        w0, z0, rayleigh = params
        t = (x - z0) / rayleigh
        return w0 * jnp.sqrt(1 + t * t)

    def integral(self, edges: Array, *params: Array) -> Array:
        w0, z0, rayleigh = params
        t = (edges - z0) / rayleigh
        short = bin_integrals(lambda x: self.value(x, *params), edges, SHORT_ORDER)
        whole = (t * jnp.sqrt(1 + t * t) + jnp.arcsinh(t)) / 2
        return jnp.where(is_short(t), short, w0 * rayleigh * jnp.diff(whole))

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        # moments say where the beam is wide; the waist is anywhere else, or outside
        extent = data.extent
        places = (data.low + extent * f for f in (0.5, 0.3, 0.7, 0.1, 0.9, -0.3, 1.3))
        return product(places, (0.3 * extent, 0.1 * extent, 0.03 * extent, extent))
