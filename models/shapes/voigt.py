"""Voigt density, a Lorentzian smeared by a Gaussian; independent twin: scipy's voigt_profile."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, product

import jax
import jax.numpy as jnp
from jax import Array

from models.faddeeva import Complex, faddeeva
from models.features import Features
from models.model import Density, Example
from models.parameter import Parameter
from models.quadrature import panel_integrals

SQRT2 = math.sqrt(2)
SQRT_2PI = math.sqrt(2 * math.pi)
GAUSSIAN_BREAKS = [math.sqrt(32 * k) for k in range(1, 46)]  # a factor of exp(-16) each, to 38
LORENTZ_BREAKS = [0.6, 1.2, 1.8, 2.7, *(4.0**k for k in range(1, 26))]
GAUSSIAN_CORE = 3.0  # widths of the Lorentzian over those of the Gaussian that hide the latter


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def voigt(order: int, x: Array, sigma: Array, gamma: Array) -> tuple[Complex, ...]:
    """Density at x and its Hilbert transform, with their derivatives in x up to this order.

    The slopes in sigma and gamma are derivatives in x, too (the density solves the equations of
    diffusion and of Cauchy and Riemann), so no digits are lost where sigma << gamma.
    """
    scale = 1 / (sigma * SQRT2)
    factors = [scale**n / (sigma * SQRT_2PI) for n in range(order + 1)]
    values = faddeeva(order, x * scale, gamma * scale)
    return tuple((f * real, f * im) for f, (real, im) in zip(factors, values, strict=True))


@voigt.defjvp
def _voigt_jvp(
    order: int, primals: tuple[Array, ...], tangents: tuple[Array, ...]
) -> tuple[tuple[Complex, ...], tuple[Complex, ...]]:
    _, sigma, _ = primals
    dx, dsigma, dgamma = tangents
    values = voigt(order + 2, *primals)
    slopes = tuple(
        (
            slope[0] * dx + sigma * curve[0] * dsigma - slope[1] * dgamma,
            slope[1] * dx + sigma * curve[1] * dsigma + slope[0] * dgamma,
        )
        for slope, curve in pairwise(values[1:])
    )
    return values[:-2], slopes


def _density(x: Array, mu: Array, sigma: Array, gamma: Array) -> Array:
    z = x - mu
    like = jnp.zeros_like(z)
    ((real, _),) = voigt(0, z, sigma + like, gamma + like)
    return real


@dataclass(frozen=True)
class Voigt(Density):
    """Lorentzian of half width gamma smeared by a Gaussian of width sigma, around mu, times amp."""

    formula = "amp * Re w((x - mu + i gamma) / (sigma sqrt(2))) / (sigma sqrt(2 pi))"
    reference = "NIST Digital Library of Mathematical Functions, 7.19; w: 7.2.3"
    example = Example(values=(1000.0, 0.5, 0.8, 0.4), x_range=(-6.0, 7.0))

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return (
            Parameter("mu", place=True),
            Parameter("sigma", lower=0.0),
            Parameter("gamma", lower=0.0),
        )

    def pdf(self, x: Array, *params: Array) -> Array:
        return _density(x, *params)

    def probability(self, edges: Array, *params: Array) -> Array:
        return _probability(edges, *params)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        peaks = product(data.locations, data.widths)
        shares = (0.7, 0.3), (0.3, 0.7)
        return ((mu, f * width, g * width) for mu, width in peaks for f, g in shares)


@jax.custom_jvp
@jax.jit  # compiled even where nothing else is: it is large
def _probability(edges: Array, mu: Array, sigma: Array, gamma: Array) -> Array:
    return panel_integrals(
        lambda x: _density(x, mu, sigma, gamma), edges, _breaks(mu, sigma, gamma)
    )


@_probability.defjvp
def _probability_jvp(
    primals: tuple[Array, ...], tangents: tuple[Array, ...]
) -> tuple[Array, Array]:
    """Every slope of the density is one in x, so those of its integral are known at the edges.

    Their differences lose as many digits as a bin is narrow, in derivatives alone.
    """
    edges, mu, sigma, gamma = primals
    dedges, dmu, dsigma, dgamma = tangents
    z = edges - mu
    like = jnp.zeros_like(z)
    (real, im), (slope, _) = voigt(1, z, sigma + like, gamma + like)
    flux = real * (dedges - dmu) + sigma * slope * dsigma - im * dgamma
    return _probability(*primals), jnp.diff(flux)


def _breaks(mu: Array, sigma: Array, gamma: Array) -> Array:
    """Where the panels of the quadrature end."""
    lorentz = jnp.array(LORENTZ_BREAKS) * (gamma + sigma)
    gauss = jnp.array(GAUSSIAN_BREAKS) * sigma
    # beyond here the Gaussian part is 1e-16 of the Lorentzian one
    hidden = 2 * (40 + jnp.log(sigma / jnp.maximum(gamma, 1e-300 * sigma)))
    needed = (gauss**2 < sigma**2 * hidden) & (gamma < GAUSSIAN_CORE * sigma)
    right = jnp.sort(jnp.concatenate([lorentz, jnp.where(needed, gauss, lorentz[-1])]))
    return jnp.concatenate([mu - right[::-1], jnp.reshape(mu, 1), mu + right])
