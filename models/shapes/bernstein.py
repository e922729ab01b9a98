"""Bernstein polynomials on an interval; independent twin: scipy.interpolate.BPoly."""

import math
from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array

from models.model import Example
from models.parameter import ENDS, Parameter
from models.shapes.series import Series


@dataclass(frozen=True)
class Bernstein(Series):
    """Bernstein polynomials of degree n with coefficients b0 ... bn >= 0, from low to high."""

    formula = "sum of bk * binomial(n, k) * t^k * (1 - t)^(n - k), t = (x - low) / (high - low)"
    reference = "R. T. Farouki, Comput. Aided Geom. Des. 29 (2012) 379"
    example = Example(values=(20.0, 60.0, 30.0, 0.0, 10.0), x_range=(0.0, 10.0))

    def declare(self) -> tuple[Parameter, ...]:
        names = (f"b{k}" for k in range(self.degree + 1))
        return (*(Parameter(name, lower=0.0, linear=True) for name in names), *ENDS)

    def value(self, x: Array, *params: Array) -> Array:
        *coefficients, low, high = params
        t, s = (x - low) / (high - low), (high - x) / (high - low)
        # Horner's scheme in t with powers of s: all terms are positive between the ends
        total, power = coefficients[-1] * jnp.ones_like(t), jnp.ones_like(t)
        for k in range(self.degree - 1, -1, -1):
            power = power * s
            total = total * t + math.comb(self.degree, k) * coefficients[k] * power
        return total
