"""Cruijff density, a Gaussian with tails on either side; twin: the formula in NumPy."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array

from models.features import Features, two_sided
from models.model import Density, Example
from models.parameter import Parameter
from models.quadrature import panel_integrals, split_integrals

FALL = 8.0  # of the logarithm of the density over a panel
FALLS = [FALL * k for k in range(1, 91)]
POWERS = [0.25, 0.5, 0.75, *(2.0**k for k in range(40))]


@dataclass(frozen=True)
class Cruijff(Density):
    """Gaussian peak at mu with its own width and tail on each side, from low to high, times amp.

    The tails level off at exp(-1 / alpha) of the height of the peak, so the density has no
    integral on the whole line.
    """

    normalised: Literal["range"] = field(default="range", kw_only=True)

    formula = (
        "amp / norm * exp(-(x - mu)^2 / (2 sigma^2 + alpha (x - mu)^2)), "
        "sigma, alpha: sigma_left, alpha_left for x < mu, else sigma_right, alpha_right; "
        "norm: the integral from low to high"
    )
    reference = "BaBar Collaboration, Phys. Rev. D 82 (2010) 051101, arXiv:1005.4087"
    example = Example(
        values=(1000.0, 0.5, 0.8, 1.2, 0.2, 0.1, -6.0, 7.0),
        x_range=(-6.0, 7.0),
    )

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return (
            Parameter("mu", place=True),
            Parameter("sigma_left", lower=0.0),
            Parameter("sigma_right", lower=0.0),
            Parameter("alpha_left", lower=0.0),
            Parameter("alpha_right", lower=0.0),
        )

    def pdf(self, x: Array, *params: Array) -> Array:
        mu, sigma_left, sigma_right, alpha_left, alpha_right = params
        d = x - mu
        # at mu itself the mean curvature of both sides, as a difference there would find
        stiffness = jnp.where(d < 0, 1 / sigma_left**2, 1 / sigma_right**2)
        stiffness = jnp.where(d == 0, (1 / sigma_left**2 + 1 / sigma_right**2) / 2, stiffness)
        return jnp.exp(_exponent(d * d * stiffness, jnp.where(d < 0, alpha_left, alpha_right)))

    def probability(self, edges: Array, *params: Array) -> Array:
        # at mu the second derivative jumps
        return split_integrals(lambda cut: _areas(0, cut, *params)[0], edges, params[0])

    def landmarks(self, *params: Array) -> tuple[Array | float, ...]:
        return (params[0],)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        peaks = two_sided(data, (1.0, 1.0), (0.3, 1.7), (1.7, 0.3))
        return ((*peak, alpha, alpha) for peak, alpha in product(peaks, (0.02, 0.15, 1.0)))


@partial(jax.custom_jvp, nondiff_argnums=(0,))
@partial(jax.jit, static_argnums=0)  # compiled even where nothing else is: it is large
def _areas(order: int, edges: Array, *params: Array) -> Array:
    """Integrals over bins of the density and its derivatives in alpha, (order + 1, bins).

    No bin may have mu inside.
    """
    mu, sigma_left, sigma_right, alpha_left, alpha_right = params
    left, right = sigma_left * _breaks(alpha_left), sigma_right * _breaks(alpha_right)
    breaks = jnp.concatenate([mu - left[::-1], jnp.reshape(mu, 1), mu + right])
    return panel_integrals(lambda x: _densities(order, x, *params), edges, breaks)


@_areas.defjvp
def _areas_jvp(
    order: int, primals: tuple[Array, ...], tangents: tuple[Array, ...]
) -> tuple[Array, Array]:
    """An area in units of sigma depends on alpha and where its edges are."""
    edges, mu, sigma_left, sigma_right, _, _ = primals
    dedges, dmu, dsigma_left, dsigma_right, dalpha_left, dalpha_right = tangents
    d, on_left = edges - mu, edges[:-1] < mu
    growth = jnp.where(on_left, dsigma_left / sigma_left, dsigma_right / sigma_right)
    areas, densities = _areas(order + 1, *primals), _densities(order, *primals)
    change = areas[1:] * jnp.where(on_left, dalpha_left, dalpha_right)
    change += growth * (areas[:-1] - jnp.diff(densities * d))
    return areas[:-1], change + jnp.diff(densities * (dedges - dmu))


def _densities(order: int, x: Array, *params: Array) -> Array:
    """The density and its derivatives in alpha, along a first axis."""
    mu, sigma_left, sigma_right, alpha_left, alpha_right = params
    d = x - mu
    z = d / jnp.where(d < 0, sigma_left, sigma_right)
    exponent = _exponent(z * z, jnp.where(d < 0, alpha_left, alpha_right))
    # it is -1 / (2 / z^2 + alpha): Lah's numbers are those of the derivatives of exp(-1 / u)
    factors = [
        sum(
            (_lah(n, k) * exponent ** (n + k) for k in range(1, n + 1)), jnp.zeros_like(z) + (n < 1)
        )
        for n in range(order + 1)
    ]
    return jnp.exp(exponent) * jnp.stack(factors)


def _lah(n: int, k: int) -> int:
    return math.comb(n - 1, k - 1) * math.factorial(n) // math.factorial(k)


def _exponent(square: Array, alpha: Array) -> Array:
    return -square / (2 + alpha * square)


def _breaks(alpha: Array) -> Array:
    """Where the panels of the quadrature end, in sigmas from the peak."""
    alpha = jnp.maximum(alpha, 1e-6)
    singular = jnp.sqrt(2 / alpha)  # i times this is where the density is singular
    steps = singular * jnp.array(POWERS)
    falls = jnp.array(FALLS)
    reached = falls * alpha < 0.9
    falls = jnp.sqrt(2 * falls / (1 - jnp.where(reached, falls * alpha, 0.0)))
    return jnp.sort(jnp.concatenate([steps, jnp.where(reached, falls, steps[-1])]))
