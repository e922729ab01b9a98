"""Gaussian (normal) density; independent twin: scipy.stats.norm."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import jax.numpy as jnp
from jax import Array

from models.features import Features
from models.model import Density, Example
from models.parameter import Parameter
from models.special import normal_area, normal_density


@dataclass(frozen=True)
class Gaussian(Density):
    """Gaussian peak of mean mu and standard deviation sigma, times amp."""

    formula = "amp / (sigma * sqrt(2 pi)) * exp(-(x - mu)^2 / (2 sigma^2))"
    reference = "Abramowitz and Stegun, Handbook of Mathematical Functions, 26.2"
    example = Example(values=(1000.0, 0.5, 1.2), x_range=(-5.0, 6.0))

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return Parameter("mu", place=True), Parameter("sigma", lower=0.0)

    def pdf(self, x: Array, *params: Array) -> Array:
        mu, sigma = params
        return normal_density((x - mu) / sigma) / sigma

    def probability(self, edges: Array, *params: Array) -> Array:
        mu, sigma = params
        return normal_area((edges - mu) / sigma, jnp.diff(edges) / sigma, lean=True)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        return product(data.locations, data.widths)
