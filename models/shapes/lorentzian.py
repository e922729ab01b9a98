"""Lorentzian (Cauchy, Breit-Wigner) density; independent twin: scipy.stats.cauchy."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import jax.numpy as jnp
from jax import Array

from models.features import Features
from models.model import Density, Example
from models.parameter import Parameter


def lorentzian_density(z: Array) -> Array:
    """Density of the standard Cauchy distribution."""
    return 1 / (math.pi * (1 + z * z))


def lorentzian_area(z: Array, width: Array) -> Array:
    """Area of the standard Cauchy density between successive z; `width` is their distance."""
    # the angle between the edges as seen from height 1: no difference of angles to cancel
    return jnp.arctan2(width, 1 + z[1:] * z[:-1]) / math.pi


@dataclass(frozen=True)
class Lorentzian(Density):
    """Lorentzian peak at mu of half width at half maximum gamma, times amp."""

    formula = "amp / (pi * gamma * (1 + ((x - mu) / gamma)^2))"
    reference = "Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, ch. 16"
    example = Example(values=(1000.0, 0.5, 0.8), x_range=(-8.0, 9.0))

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return Parameter("mu", place=True), Parameter("gamma", lower=0.0)

    def pdf(self, x: Array, *params: Array) -> Array:
        mu, gamma = params
        return lorentzian_density((x - mu) / gamma) / gamma

    def probability(self, edges: Array, *params: Array) -> Array:
        mu, gamma = params
        return lorentzian_area((edges - mu) / gamma, jnp.diff(edges) / gamma)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        # its tails widen the standard deviation, so that the half width is the smaller one
        gammas = [factor * width for width in data.widths for factor in (1.0, 0.3)]
        return product(data.locations, gammas)
