"""Gaussian (normal) density; independent twin: scipy.stats.norm."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import jax.numpy as jnp
from jax import Array
from jax.scipy.special import erfc

from models.features import Features
from models.model import Density, Example
from models.parameter import Parameter


@dataclass(frozen=True)
class Gaussian(Density):
    """Gaussian peak of mean mu and standard deviation sigma, times amp."""

    formula = "amp / (sigma * sqrt(2 pi)) * exp(-(x - mu)^2 / (2 sigma^2))"
    reference = "Abramowitz and Stegun, Handbook of Mathematical Functions, 26.2"
    example = Example(values=(1000.0, 0.5, 1.2), x_range=(-5.0, 6.0))

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return Parameter("mu"), Parameter("sigma", lower=0.0)

    def pdf(self, x: Array, *params: Array) -> Array:
        mu, sigma = params
        z = (x - mu) / sigma
        return jnp.exp(-0.5 * z * z) / (sigma * jnp.sqrt(2 * jnp.pi))

    def probability(self, edges: Array, *params: Array) -> Array:
        mu, sigma = params
        z = (edges - mu) / sigma
        # tail areas: a difference of cdfs would cancel to 0 beyond 8 sigma on the right
        tail = 0.5 * erfc(jnp.abs(z) * jnp.sqrt(0.5))
        one_sided = (z[:-1] >= 0) | (z[1:] <= 0)
        return jnp.where(one_sided, jnp.abs(tail[1:] - tail[:-1]), 1.0 - tail[1:] - tail[:-1])

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        return product(data.locations, data.widths)
