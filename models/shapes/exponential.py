"""Exponential decay; independent twin: scipy.stats.expon."""

from collections.abc import Iterable
from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array

from models.features import Features
from models.model import Density, Example
from models.parameter import Parameter


@dataclass(frozen=True)
class Exponential(Density):
    """Exponential density of mean tau on x >= 0, zero below, times amp."""

    formula = "amp / tau * exp(-x / tau) for x >= 0, else 0"
    reference = "Abramowitz and Stegun, Handbook of Mathematical Functions, 26.1.28"
    example = Example(values=(1000.0, 2.0), x_range=(0.0, 10.0))

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return (Parameter("tau", lower=0.0),)

    def pdf(self, x: Array, *params: Array) -> Array:
        (tau,) = params
        inside = x >= 0
        return jnp.where(inside, jnp.exp(-jnp.where(inside, x, 0.0) / tau) / tau, 0.0)

    def probability(self, edges: Array, *params: Array) -> Array:
        (tau,) = params
        inside = jnp.where(edges >= 0, edges, 0.0)
        return -jnp.exp(-inside[:-1] / tau) * jnp.expm1(-jnp.diff(inside) / tau)

    def normalised_pdf(self, x: Array, *params: Array) -> Array:
        return super().normalised_pdf(*self._from_start(x, params))

    def normalised_probability(self, edges: Array, *params: Array) -> Array:
        return super().normalised_probability(*self._from_start(edges, params))

    def _from_start(self, x: Array, params: tuple[Array, ...]) -> tuple[Array, ...]:
        """It looks the same from anywhere, and far from 0 nothing of it would be left."""
        if self.normalised == "line":
            return x, *params
        tau, low, high = params
        start = jnp.where(low >= 0, low, 0.0)
        return x - start, tau, low - start, high - start

    def landmarks(self, *params: Array) -> tuple[Array | float, ...]:
        return (0.0,)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        return ((length,) for length in data.decay_lengths)
