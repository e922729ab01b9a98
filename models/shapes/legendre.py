"""Legendre series on an interval; independent twin: numpy.polynomial.Legendre."""

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
class Legendre(Model):
    """Legendre polynomials P0 ... Pn with coefficients c0 ... cn; low to high is -1 to 1."""

    degree: Annotated[int, Interval(ge=0, le=20)] = 2

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

    def integral(self, edges: Array, *params: Array) -> Array:
        # exact at this order, and free of the antiderivative's cancellation
        return bin_integrals(lambda x: self.value(x, *params), edges, self.degree // 2 + 1)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        return ((),)
