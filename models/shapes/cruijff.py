"""Cruijff density, a Gaussian with tails on either side; twin: the formula in NumPy."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from models.features import Features
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
            Parameter("mu"),
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
        square = d * d * stiffness
        return jnp.exp(-square / (2 + jnp.where(d < 0, alpha_left, alpha_right) * square))

    def probability(self, edges: Array, *params: Array) -> Array:
        return _probability(self, edges, *params)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        peaks = product(data.locations, data.widths, (0.02, 0.15))
        return ((mu, width, width, alpha, alpha) for mu, width, alpha in peaks)


@partial(jax.jit, static_argnums=0)  # compiled even where nothing else is: it is large
def _probability(shape: Cruijff, edges: Array, *params: Array) -> Array:
    mu, sigma_left, sigma_right, alpha_left, alpha_right = map(stop_gradient, params)
    left, right = sigma_left * _breaks(alpha_left), sigma_right * _breaks(alpha_right)
    breaks = jnp.concatenate([mu - left[::-1], jnp.reshape(mu, 1), mu + right])

    def integrals(edges: Array) -> Array:
        return panel_integrals(lambda x: shape.pdf(x, *params), edges, breaks)

    # at mu the second derivative jumps
    return split_integrals(integrals, edges, mu)


def _breaks(alpha: Array) -> Array:
    """Where the panels of the quadrature end, in sigmas from the peak."""
    alpha = jnp.maximum(alpha, 1e-6)
    singular = jnp.sqrt(2 / alpha)  # i times this is where the density is singular
    steps = singular * jnp.array(POWERS)
    falls = jnp.array(FALLS)
    reached = falls * alpha < 0.9
    falls = jnp.sqrt(2 * falls / (1 - jnp.where(reached, falls * alpha, 0.0)))
    return jnp.sort(jnp.concatenate([steps, jnp.where(reached, falls, steps[-1])]))
