"""Gaussian (normal) density; independent twin: scipy.stats.norm."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient
from jax.scipy.special import erfc

from models.features import Features
from models.model import Density, Example
from models.parameter import Parameter

SQRT_HALF = math.sqrt(0.5)
INVERSE_SQRT_2PI = 1 / math.sqrt(2 * math.pi)
NARROW = 1e-3  # where both ways of integrating a bin are good to 1e-12


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
        return INVERSE_SQRT_2PI * jnp.exp(-0.5 * z * z) / sigma

    def probability(self, edges: Array, *params: Array) -> Array:
        mu, sigma = params
        z = (edges - mu) / sigma
        # abs has no slope at 0, where an edge at mu needs one
        z = z + jnp.where(z == 0, 1e-300, 0.0)
        # tail areas: a difference of cdfs would cancel to 0 beyond 8 sigma on the right
        tail = 0.5 * erfc(jnp.abs(z) * SQRT_HALF)
        one_sided = (z[:-1] >= 0) | (z[1:] <= 0)
        exact = jnp.where(one_sided, jnp.abs(tail[1:] - tail[:-1]), 1 - tail[1:] - tail[:-1])
        return exact + self._narrow_bins(stop_gradient(z), edges, stop_gradient(sigma), exact)

    def _narrow_bins(self, z: Array, edges: Array, sigma: Array, exact: Array) -> Array:
        """What the tails of narrow bins lose by cancelling; their slopes need no such help.

        The Euler-Maclaurin sum (Abramowitz and Stegun, 23.1.30), good to 1e-15 below NARROW.
        """
        density = INVERSE_SQRT_2PI * jnp.exp(-0.5 * z * z)
        slope = z * density
        width = jnp.diff(edges) / sigma
        trapezium = (density[1:] + density[:-1]) / 2
        integral = width * (trapezium + width / 12 * jnp.diff(slope))
        narrow = width * (1 + jnp.abs(z[1:])) < NARROW
        return jnp.where(narrow, integral - stop_gradient(exact), 0.0)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        return product(data.locations, data.widths)
