"""Straight line; independent twin: numpy.polyval."""

from collections.abc import Iterable
from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array

from models.features import Features
from models.model import Example, Model
from models.parameter import Parameter


@dataclass(frozen=True)
class Linear(Model):
    """Straight line with slope and intercept; for a histogram, events per unit of x."""

    formula = "slope * x + intercept"
    reference = "Press et al., Numerical Recipes (3rd ed.), 15.2"
    example = Example(values=(3.0, 40.0), x_range=(0.0, 10.0))

    def declare(self) -> tuple[Parameter, ...]:
        return Parameter("slope", linear=True), Parameter("intercept", linear=True)

    def value(self, x: Array, *params: Array) -> Array:
        slope, intercept = params
        return slope * x + intercept

    def integral(self, edges: Array, *params: Array) -> Array:
        return self.value((edges[1:] + edges[:-1]) / 2, *params) * jnp.diff(edges)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        return ((),)
