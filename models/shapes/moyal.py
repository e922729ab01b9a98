"""Moyal density; independent twin: scipy.stats.moyal."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import jax.numpy as jnp
from jax import Array

from models.features import Features
from models.model import Density, Example
from models.parameter import Parameter
from models.special import INVERSE_SQRT_2PI, normal_area

LEFT_END = -8.0  # where the density has fallen to exp(-1500): zero, with all its derivatives
MEAN = 1.2703628454614782  # Euler's constant + log(2)
DEVIATION = math.pi / math.sqrt(2)


@dataclass(frozen=True)
class Moyal(Density):
    """Peak at mu of width sigma with a tail to the right, as energy losses have; times amp."""

    formula = "amp / (sigma * sqrt(2 pi)) * exp(-(z + exp(-z)) / 2), z = (x - mu) / sigma"
    reference = "Moyal, Philosophical Magazine 46 (1955) 263-280"
    example = Example(values=(1000.0, 2.0, 0.8), x_range=(-1.0, 14.0))

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return Parameter("mu", place=True), Parameter("sigma", lower=0.0)

    def pdf(self, x: Array, *params: Array) -> Array:
        mu, sigma = params
        z = self._clipped((x - mu) / sigma)
        return INVERSE_SQRT_2PI * jnp.exp(-0.5 * (z + jnp.exp(-z))) / sigma

    def probability(self, edges: Array, *params: Array) -> Array:
        mu, sigma = params
        z = self._clipped((edges - mu) / sigma)
        # twice the area of a standard normal density on the negative line
        t = -jnp.exp(-0.5 * z)
        return 2 * normal_area(t, t[:-1] * jnp.expm1(-0.5 * jnp.diff(edges) / sigma))

    def _clipped(self, z: Array) -> Array:
        return jnp.where(z > LEFT_END, z, LEFT_END)

    def landmarks(self, *params: Array) -> tuple[Array | float, ...]:
        mu, sigma = params
        return (mu - 2 * sigma,)  # on its steep side

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        # of its mean and standard deviation, and narrower where there is more than the peak
        for mean, width, factor in product(data.locations, data.widths, (1.0, 0.5)):
            sigma = factor * width / DEVIATION
            yield mean - MEAN * sigma, sigma
