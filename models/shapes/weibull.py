"""Weibull density; independent twin: scipy.stats.weibull_min."""

from collections.abc import Iterable
from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array

from models.features import Features
from models.model import Density, Example
from models.parameter import Parameter

SHAPES = (0.7, 1.5, 3.0, 8.0)
NEAREST = 1e-100  # what x = 0 is for k < 1, where the density is infinite there
LAST = 7.0  # exp(-exp(7)) is zero


@dataclass(frozen=True)
class Weibull(Density):
    """Weibull density of shape k and scale on x >= 0, zero below, times amp."""

    formula = "amp * k / scale * (x / scale)^(k - 1) * exp(-(x / scale)^k) for x >= 0, else 0"
    reference = "W. Weibull, J. Appl. Mech. 18 (1951) 293"
    example = Example(values=(1000.0, 2.0, 3.0), x_range=(0.0, 10.0))
    is_bounded = False

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return Parameter("k", lower=0.0), Parameter("scale", lower=0.0)

    def pdf(self, x: Array, *params: Array) -> Array:
        k, scale = params
        inside = (x > 0) | ((x == 0) & (k <= 1))
        u = jnp.where(x > 0, x / scale, NEAREST)
        logarithm = jnp.log(u)
        finite = inside & (k * logarithm < LAST)
        logarithm = jnp.where(finite, logarithm, 0.0)
        density = jnp.exp((k - 1) * logarithm - jnp.exp(k * logarithm))
        return jnp.where(finite, k / scale * density, 0.0)

    def probability(self, edges: Array, *params: Array) -> Array:
        k, scale = params
        inside = edges > 0
        power = k * jnp.log(jnp.where(inside, edges, scale) / scale)
        finite = power < LAST
        u = jnp.where(inside, jnp.exp(jnp.where(finite, power, LAST)), 0.0)
        edges = jnp.where(inside, edges, 0.0)
        lower, upper = edges[:-1], edges[1:]
        # a difference of the powers of close edges would cancel
        close = (lower > 0) & (upper < 2 * lower) & finite[1:]
        growth = k * jnp.log1p(jnp.where(close, upper - lower, 0.0) / jnp.where(close, lower, 1.0))
        close &= growth < 1
        growth = jnp.where(close, growth, 0.0)
        exponent = jnp.where(close, u[:-1] * jnp.expm1(growth), u[1:] - u[:-1])
        return -jnp.exp(-u[:-1]) * jnp.expm1(-exponent)

    def landmarks(self, *params: Array) -> tuple[Array | float, ...]:
        k, scale = params
        return 0.0, scale * (1 + 1.5 / k)  # the edge, and the steep side of a peak

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        # the scale is the 63 % quantile, near the place of a peak as well as a decay length
        scales = [place for place in data.locations if place > 0][:2]
        scales += list(data.decay_lengths)[:1]
        return ((k, scale) for scale in scales for k in SHAPES)
