"""Polynomial in powers of x; independent twin: numpy.polynomial.Polynomial."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import jax.numpy as jnp
from jax import Array

from models.model import Example, Model
from models.parameter import Parameter
from models.shapes.chebyshev import Chebyshev
from models.shapes.series import Degree, Series


@dataclass(frozen=True)
class Polynomial(Series):
    """Polynomial with coefficients c0 ... cn; for a histogram, events per unit of x."""

    degree: Degree = 1

    formula = "c0 + c1 x + ... + cn x^n"
    reference = "Horner's scheme; Knuth, The Art of Computer Programming, vol. 2, 4.6.4"
    example = Example(values=(40.0, 3.0), x_range=(0.0, 10.0))

    def declare(self) -> tuple[Parameter, ...]:
        return tuple(Parameter(f"c{k}", linear=True) for k in range(self.degree + 1))

    def value(self, x: Array, *params: Array) -> Array:
        total = params[-1] * jnp.ones_like(x)
        for coefficient in reversed(params[:-1]):
            total = total * x + coefficient
        return total

    def coordinates(
        self, low: float, high: float
    ) -> tuple[Model, Sequence[Sequence[Fraction]]] | None:
        """Chebyshev's coefficients on the range of the data, nearly independent of each other."""
        if not (self.degree and low < high):
            return None
        chebyshev = Chebyshev(degree=self.degree, prefix=self.prefix, rename=self.rename)
        return chebyshev, powers_of_chebyshev(self.degree, low, high)


@lru_cache(maxsize=100)
def powers_of_chebyshev(degree: int, low: float, high: float) -> Sequence[Sequence[Fraction]]:
    """Column k: coefficients of Tk(u(x)) in powers of x, by T(k+1) = 2 u Tk - T(k-1)."""
    width = Fraction(high) - Fraction(low)
    slope, shift = 2 / width, -(Fraction(high) + Fraction(low)) / width
    zero = Fraction(0)
    columns = [[Fraction(1)] + [zero] * degree, [shift, slope] + [zero] * (degree - 1)]
    for _ in range(degree - 1):
        before, last = columns[-2:]
        shifted = [zero, *last[:-1]]
        columns.append(
            [2 * (slope * s + shift * c) - b for s, c, b in zip(shifted, last, before, strict=True)]
        )
    return tuple(zip(*columns, strict=True))
