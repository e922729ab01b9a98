"""Arrhenius' law; independent twin: SciPy's gas constant and NumPy's exponential."""

from collections.abc import Iterable
from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array

from models.features import Features
from models.model import Example, Model
from models.parameter import Parameter

GAS_CONSTANT = 8.31446261815324  # J / (mol K), exact in the SI


@dataclass(frozen=True)
class Arrhenius(Model):
    """Arrhenius rate of prefactor a and activation energy ea in J/mol, x the temperature in K.

    Zero for x <= 0.
    """

    formula = "a * exp(-ea / (R x)), R = 8.31446261815324 J/(mol K)"
    reference = "S. Arrhenius, Z. Phys. Chem. 4 (1889) 226"
    example = Example(values=(5e9, 5e4), x_range=(280.0, 360.0))

    def declare(self) -> tuple[Parameter, ...]:
        return Parameter("a", linear=True), Parameter("ea")

    def value(self, x: Array, *params: Array) -> Array:
        a, ea = params
        warm = x > 0
        exponent = -ea / (GAS_CONSTANT * jnp.where(warm, x, 1.0))
        return a * jnp.where(warm, jnp.exp(exponent), 0.0)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        """By the powers of e between the ends of the data, whatever their temperatures."""
        high = data.high if data.high > 0 else 1.0
        low = max(data.low, 0.02 * high)
        span = (1 / low - 1 / high) or 1 / high
        powers = (1.0, 0.3, 2.0, 4.0, 7.0, 11.0, 16.0, 24.0, -1.0, -4.0)
        return ((power * GAS_CONSTANT / span,) for power in powers)
