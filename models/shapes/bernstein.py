"""Bernstein polynomials on an interval; independent twin: scipy.interpolate.BPoly."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

import jax.numpy as jnp
from annotated_types import Interval
from jax import Array

from models.features import Features
from models.model import Example, Model
from models.parameter import ENDS, Parameter
from models.quadrature import bin_integrals


@dataclass(frozen=True)
class Bernstein(Model):
    """Bernstein polynomials of degree n with coefficients b0 ... bn >= 0, from low to high."""

    degree: Annotated[int, Interval(ge=0, le=20)] = 2

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

    def integral(self, edges: Array, *params: Array) -> Array:
        # exact at this order, and free of the antiderivative's cancellation
        return bin_integrals(lambda x: self.value(x, *params), edges, self.degree // 2 + 1)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        return ((),)
