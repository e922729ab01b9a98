"""Gaussian convolved with an exponential decay; independent twin: scipy.stats.exponnorm."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from models.features import Features
from models.model import Density, Example
from models.parameter import Parameter
from models.special import NARROW, SQRT_HALF, erfcx_pair, narrow_area, normal_density, settled

SMALL = 0.1  # sigma / tau, below which erfcx is good at -sigma / tau as well


@dataclass(frozen=True)
class ExponentiallyModifiedGaussian(Density):
    """Gaussian (mu, sigma) with a decay of length tau to the right, times amp."""

    formula = (
        "amp / (2 tau) * exp((sigma / tau)^2 / 2 - (x - mu) / tau) "
        "* erfc((sigma / tau - (x - mu) / sigma) / sqrt(2))"
    )
    reference = "Grushka, Analytical Chemistry 44 (1972) 1733-1738"
    example = Example(values=(1000.0, 2.0, 0.8, 1.5), x_range=(-2.0, 12.0))

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return (
            Parameter("mu", place=True),
            Parameter("sigma", lower=0.0),
            Parameter("tau", lower=0.0),
        )

    def pdf(self, x: Array, *params: Array) -> Array:
        mu, sigma, tau = params
        return _pieces((x - mu) / sigma, sigma / tau).density / tau

    def probability(self, edges: Array, *params: Array) -> Array:
        mu, sigma, tau = params
        z, ratio = (edges - mu) / sigma, sigma / tau
        exact, density = _areas(z, jnp.diff(edges) / sigma, ratio)
        z, ratio, density = stop_gradient((z, ratio, density))
        width = stop_gradient(jnp.diff(edges) / sigma)
        # density * ratio is the pdf in units of sigma; it solves tau f' + f = Gaussian
        slope = ratio * (normal_density(z) - ratio * density)
        # the logarithmic slope is at most that of the Gaussian, and on the right at most 1 / tau
        steepness = 1 + jnp.where(z > 0, jnp.minimum(z, ratio), -z)
        narrow = width * jnp.maximum(steepness[1:], steepness[:-1]) < NARROW
        area = narrow_area(width, ratio * density, slope)
        return exact + jnp.where(narrow, area - stop_gradient(exact), 0.0)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        # shares of the variance, and the mean lies tau to the right of mu
        for mean, width, share in product(data.locations, data.widths, (0.3, 0.7, 0.95)):
            tau = share**0.5 * width
            yield mean - tau, (1 - share) ** 0.5 * width, tau


class Pieces(NamedTuple):
    """At each edge z: tau times the pdf, and the area to the right, which is decay + rest.

    To the left of 0 (`left`), `rest` is the area to the left. `falling`: where the exponential
    takes over; its logarithm is `exponent`.
    """

    density: Array
    rest: Array
    decay: Array
    exponent: Array
    left: Array
    falling: Array


def _pieces(z: Array, ratio: Array) -> Pieces:
    left, falling = z <= 0, z > jnp.where(ratio < SMALL, 0.0, ratio)
    # Gaussian times erfcx, which neither overflows nor cancels (erfcx(a) = exp(a^2) erfc(a))
    half = 0.5 * jnp.exp(-0.5 * z * z)
    a = jnp.where(left, -z, z) * SQRT_HALF
    b = jnp.where(falling, z - ratio, ratio - z) * SQRT_HALF
    gap = jnp.where(falling, -ratio, ratio) * SQRT_HALF
    scaled_a, scaled_b, drop = erfcx_pair(a, b, gap)
    exponent = jnp.where(falling, ratio * (0.5 * ratio - z), 0.0)
    decay = jnp.where(falling, jnp.exp(exponent), 0.0)
    density = jnp.where(falling, decay - half * scaled_b, half * scaled_b)
    rest = half * jnp.where(left | falling, drop, scaled_a + scaled_b)
    return Pieces(density, rest, decay, exponent, left, falling)


def _areas(z: Array, width: Array, ratio: Array) -> tuple[Array, Array]:
    """Area of each bin, of the order of ratio for small ones as it should be; and the density.

    Areas beyond edges of the side on which a bin lies: nothing to cancel but in narrow bins.
    """
    density, rest, decay, exponent, left, falling = _pieces(z, ratio)
    rest, decay = settled(rest, decay)
    # by how much the exponential falls, from a bin's left edge or from where it would be 1
    fall = -jnp.expm1(jnp.where(left[:-1], exponent[1:], -ratio * width))
    whole = jnp.where(falling[1:], fall, 1.0)
    from_left = jnp.where(left[1:], jnp.diff(rest), whole - rest[1:] - rest[:-1])
    decayed = jnp.where(falling[:-1], decay[:-1] * fall, -decay[1:])
    return jnp.where(left[:-1], from_left, decayed - jnp.diff(rest)), density
