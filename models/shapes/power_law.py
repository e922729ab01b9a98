"""Power law between two ends; independent twin: a closed form in NumPy and mpmath."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

import jax.numpy as jnp
from jax import Array

from models.features import Features
from models.model import Density, Example
from models.parameter import ENDS, Parameter

TERMS = 16


def mean_growth(s: Array) -> tuple[Array, Array]:
    """(exp(s) - 1) / s, smooth at 0, as (exponent, factor): exp(exponent) * factor."""
    small = jnp.where(jnp.abs(s) < 1, s, 0.0)
    series = jnp.ones_like(small)
    for n in range(TERMS, 0, -1):
        series = 1 + series * small / (n + 1)
    up, down = jnp.where(s >= 1, s, 1.0), jnp.where(s <= -1, s, -1.0)
    large = jnp.where(s >= 1, -jnp.expm1(-up) / up, jnp.expm1(down) / down)
    return jnp.where(s >= 1, s, 0.0), jnp.where(jnp.abs(s) < 1, series, large)


@dataclass(frozen=True)
class PowerLaw(Density):
    """Density proportional to x^-n from low > 0 to high, zero outside, times amp."""

    normalised: Literal["range"] = field(default="range", kw_only=True)

    formula = "amp * x^-n / (integral of x^-n from low to high), 0 < low <= x <= high"
    reference = "M. E. J. Newman, Contemporary Physics 46 (2005) 323"
    example = Example(values=(1000.0, 2.5, 1.0, 10.0), x_range=(1.0, 10.0))

    def declare(self) -> tuple[Parameter, ...]:
        low, high = ENDS
        return (self.amplitude, *self.pdf_parameters(), replace(low, lower=0.0), high)

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return (Parameter("n"),)

    def pdf(self, x: Array, *params: Array) -> Array:
        (n,) = params
        return jnp.exp(-n * jnp.log(x))

    def normalised_pdf(self, x: Array, *params: Array) -> Array:
        n, low, high = params
        inside = (x >= low) & (x <= high)
        extent = jnp.log1p((high - low) / low)
        exponent, factor = mean_growth((1 - n) * extent)
        power = -n * jnp.log(jnp.where(inside, x, low) / low)
        return jnp.where(inside, jnp.exp(power - exponent) / (factor * extent * low), 0.0)

    def normalised_probability(self, edges: Array, *params: Array) -> Array:
        n, low, high = params
        x = jnp.where(edges < low, low, jnp.where(edges > high, high, edges))
        extent, width = jnp.log1p((high - low) / low), jnp.log1p(jnp.diff(x) / x[:-1])
        whole_exponent, whole = mean_growth((1 - n) * extent)
        exponent, factor = mean_growth((1 - n) * width)
        power = (1 - n) * jnp.log(x[:-1] / low) + exponent - whole_exponent
        return jnp.exp(power) * (width / extent) * factor / whole

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        return ((n,) for n in (2.0, 0.5, 4.0, -1.0, 8.0))
