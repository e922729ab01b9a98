"""Chebyshev series on an interval; independent twin: numpy.polynomial.Chebyshev."""

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
class Chebyshev(Model):
    """Chebyshev polynomials T0 ... Tn with coefficients c0 ... cn; low to high is -1 to 1."""

    degree: Annotated[int, Interval(ge=0, le=20)] = 2

    formula = "c0 T0(u) + c1 T1(u) + ... + cn Tn(u), u = (2 x - low - high) / (high - low)"
    reference = "C. W. Clenshaw, Math. Tables Aids Comput. 9 (1955) 118"
    example = Example(values=(40.0, 10.0, -5.0, 0.0, 10.0), x_range=(0.0, 10.0))

    def declare(self) -> tuple[Parameter, ...]:
        return (*(Parameter(f"c{k}", linear=True) for k in range(self.degree + 1)), *ENDS)

    def value(self, x: Array, *params: Array) -> Array:
        *coefficients, low, high = params
        if self.degree == 0:  # also where low and high are one, the x of all points
            return coefficients[0] * jnp.ones_like(x)
        u = ((x - low) - (high - x)) / (high - low)
        last = before = jnp.zeros_like(u)
        for c in reversed(coefficients[1:]):
            last, before = c + 2 * u * last - before, last
        return coefficients[0] + u * last - before

    def integral(self, edges: Array, *params: Array) -> Array:
        # exact at this order, and free of the antiderivative's cancellation
        return bin_integrals(lambda x: self.value(x, *params), edges, self.degree // 2 + 1)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        return ((),)
