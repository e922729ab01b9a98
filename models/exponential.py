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
        return jnp.where(x >= 0, jnp.exp(-jnp.maximum(x, 0.0) / tau) / tau, 0.0)

    def probability(self, edges: Array, *params: Array) -> Array:
        (tau,) = params
        z = jnp.maximum(edges, 0.0) / tau
        return -jnp.exp(-z[:-1]) * jnp.expm1(z[:-1] - z[1:])

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        return ((length,) for length in data.decay_lengths)
