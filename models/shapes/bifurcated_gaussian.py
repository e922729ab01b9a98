"""Gaussian with a width on either side of its peak; independent twin: halves of SciPy's norm."""

from collections.abc import Iterable
from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array

from models.features import Features, two_sided
from models.model import Density, Example
from models.parameter import Parameter
from models.special import (
    INVERSE_SQRT_2PI,
    NARROW,
    narrow_area,
    normal_density,
    normal_tail,
    settled,
)

AT_PEAK = 1e-2  # in sigma: a series of three terms is good to 1e-14 there


@dataclass(frozen=True)
class BifurcatedGaussian(Density):
    """Gaussian peak at mu, of width sigma_left below and sigma_right above, times amp."""

    formula = (
        "amp * 2 / ((sigma_left + sigma_right) * sqrt(2 pi)) * exp(-(x - mu)^2 / (2 sigma^2)), "
        "sigma = sigma_left for x < mu, else sigma_right"
    )
    reference = "Wallis, The Two-Piece Normal, Statistical Science 29 (2014) 106-112"
    example = Example(values=(1000.0, 0.5, 0.7, 1.8), x_range=(-3.0, 7.0))

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return (
            Parameter("mu", place=True),
            Parameter("sigma_left", lower=0.0),
            Parameter("sigma_right", lower=0.0),
        )

    def pdf(self, x: Array, *params: Array) -> Array:
        mu, left, right = params
        d = x - mu
        # at mu itself the mean curvature of both sides, as a difference there would find
        stiffness = jnp.where(d < 0, 1 / left**2, 1 / right**2)
        stiffness = jnp.where(d == 0, 0.5 / left**2 + 0.5 / right**2, stiffness)
        return normal_density(d * jnp.sqrt(stiffness)) * 2 / (left + right)

    def probability(self, edges: Array, *params: Array) -> Array:
        mu, left, right = params
        d, width = edges - mu, jnp.diff(edges)
        sigma = jnp.where(d < 0, left, right)
        z = d / sigma
        tail, density = settled(sigma * normal_tail(z), normal_density(z))
        # not a difference of tails at the peak: an excess over its rectangle, z - z^3 / 6 ...
        excess = -z * z / 6 * (1 - 0.15 * z * z)
        rectangle = INVERSE_SQRT_2PI * jnp.where(d < 0, -d, d) * (1 + excess)
        from_peak = jnp.where(jnp.abs(z) < AT_PEAK, rectangle, sigma / 2 - tail)
        one_sided = jnp.where(d[1:] < 0, jnp.diff(tail), -jnp.diff(tail))
        across = (d[:-1] < 0) & (d[1:] >= 0)
        exact = jnp.where(across, from_peak[1:] + from_peak[:-1], one_sided)
        narrow_one_sided = narrow_area(width, density, -z * density / sigma)
        narrow_across = INVERSE_SQRT_2PI * (width + jnp.diff(d * excess))
        narrow = jnp.where(across, narrow_across, narrow_one_sided)
        steepness = (1 + jnp.abs(z)) / sigma
        is_narrow = width * jnp.maximum(steepness[1:], steepness[:-1]) < NARROW
        return jnp.where(is_narrow, narrow, exact) * 2 / (left + right)

    def landmarks(self, *params: Array) -> tuple[Array | float, ...]:
        return (params[0],)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        return two_sided(data, (1.0, 1.0), (0.5, 1.5), (1.5, 0.5))
