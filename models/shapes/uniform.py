"""Uniform density; independent twin: scipy.stats.uniform."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import jax.numpy as jnp
from jax import Array

from models.features import Features
from models.model import Density, Example
from models.parameter import Parameter


@dataclass(frozen=True)
class Uniform(Density):
    """Uniform density from low to high, zero outside, times amp."""

    normalised: Literal["range"] = field(default="range", kw_only=True)

    formula = "amp / (high - low) for low <= x <= high, else 0"
    reference = "Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2, ch. 26"
    example = Example(values=(1000.0, 0.0, 10.0), x_range=(0.0, 10.0))

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return ()

    def pdf(self, x: Array, *params: Array) -> Array:
        return jnp.ones_like(x)

    def probability(self, edges: Array, *params: Array) -> Array:
        return jnp.diff(edges)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        return ((),)
