"""Chebyshev series on an interval; independent twin: numpy.polynomial.Chebyshev."""

from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array

from models.model import Example
from models.parameter import ENDS, Parameter
from models.shapes.series import Series


@dataclass(frozen=True)
class Chebyshev(Series):
    """Chebyshev polynomials T0 ... Tn with coefficients c0 ... cn; low to high is -1 to 1."""

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
