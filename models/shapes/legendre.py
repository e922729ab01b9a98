"""Legendre series on an interval; independent twin: numpy.polynomial.Legendre."""

from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array

from models.model import Example
from models.parameter import ENDS, Parameter
from models.shapes.series import Series


@dataclass(frozen=True)
class Legendre(Series):
    """Legendre polynomials P0 ... Pn with coefficients c0 ... cn; low to high is -1 to 1."""

    formula = "c0 P0(u) + c1 P1(u) + ... + cn Pn(u), u = (2 x - low - high) / (high - low)"
    reference = "NIST Digital Library of Mathematical Functions, table 18.9.1"
    example = Example(values=(40.0, 10.0, -5.0, 0.0, 10.0), x_range=(0.0, 10.0))

    def declare(self) -> tuple[Parameter, ...]:
        return (*(Parameter(f"c{k}", linear=True) for k in range(self.degree + 1)), *ENDS)

    def value(self, x: Array, *params: Array) -> Array:
        *coefficients, low, high = params
        u = ((x - low) - (high - x)) / (high - low)
        before, last = jnp.zeros_like(u), jnp.ones_like(u)
        total = coefficients[0] * last
        for k, c in enumerate(coefficients[1:], 1):
            last, before = ((2 * k - 1) * u * last - (k - 1) * before) / k, last
            total = total + c * last
        return total
