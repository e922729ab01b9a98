"""Transmission of a Fabry-Perot interferometer; independent twin: NumPy's sine."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from models.features import Features
from models.model import Example, Model
from models.parameter import Parameter


@dataclass(frozen=True)
class FabryPerot(Model):
    """Airy function: maxima of i0 at center and every free spectral range fsr from there.

    coefficient is that of finesse, 4 R / (1 - R)^2; the finesse is about pi / 2 of its root.
    """

    formula = "i0 / (1 + coefficient * sin(pi (x - center) / fsr)^2)"
    reference = "N. Ismail et al., Opt. Express 24 (2016) 16366"
    example = Example(values=(100.0, 8.0, 3.0, 1.2), x_range=(0.0, 10.0))

    def declare(self) -> tuple[Parameter, ...]:
        return (
            Parameter("i0", lower=0.0, linear=True),
            Parameter("coefficient", lower=0.0),
            Parameter("fsr", lower=0.0),
            Parameter("center", place=True),
        )

    def value(self, x: Array, *params: Array) -> Array:
        i0, coefficient, fsr, center = params
        return i0 / (1 + coefficient * jnp.sin(angle(x, fsr, center)) ** 2)

    def integral(self, edges: Array, *params: Array) -> Array:
        i0, coefficient, fsr, center = params
        # the antiderivative is the angle of (cos u, root sin u): the angle between the two edges
        # as such, after whole ranges, does not cancel
        root = jnp.sqrt(1 + coefficient)
        ranges = jnp.diff(edges) / fsr
        whole = stop_gradient(jnp.floor(ranges))
        rest = math.pi * (ranges - whole)
        left = angle(edges[:-1], fsr, center)
        right = left + rest
        across = root * jnp.sin(rest)
        along = jnp.cos(left) * jnp.cos(right) + root * root * jnp.sin(left) * jnp.sin(right)
        return i0 * fsr / (math.pi * root) * (jnp.arctan2(across, along) + whole * math.pi)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        # maxima this wide are found from an eighth of a range off, so every other period will do
        periods = data.periods[1::2] or data.periods
        for period, k in product(periods, range(4)):
            for coefficient in (0.1, 0.8, 8.0):
                yield coefficient, period, data.low + k * period / 4


def angle(x: Array, fsr: Array, center: Array) -> Array:
    """pi times the distance from the nearest maximum in ranges; whole turns would cost digits."""
    ranges = (x - center) / fsr
    return math.pi * (ranges - stop_gradient(jnp.round(ranges)))
