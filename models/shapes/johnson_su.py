"""Johnson's SU density, a Gaussian in asinh; independent twin: scipy.stats.johnsonsu."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from models.features import Features
from models.model import Density, Example
from models.parameter import Parameter
from models.special import normal_area, normal_density

FARTHEST = 100.0  # of asinh((x - mu) / sigma), for a landmark that is a number


@dataclass(frozen=True)
class JohnsonSU(Density):
    """Peak whose gamma + delta * asinh((x - mu) / sigma) is a standard normal variable, times amp.

    gamma skews it (to the left where positive), a small delta makes its tails heavy.
    """

    formula = (
        "amp * delta / (sigma * sqrt(2 pi) * sqrt(1 + u^2)) "
        "* exp(-(gamma + delta * asinh(u))^2 / 2), u = (x - mu) / sigma"
    )
    reference = "Johnson, Biometrika 36 (1949) 149-176"
    example = Example(values=(1000.0, 0.5, 1.2, -0.7, 1.6), x_range=(-4.0, 8.0))

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return (
            Parameter("mu", place=True),
            Parameter("sigma", lower=0.0),
            Parameter("gamma"),
            Parameter("delta", lower=0.0),
        )

    def pdf(self, x: Array, *params: Array) -> Array:
        mu, sigma, gamma, delta = params
        u = (x - mu) / sigma
        z = gamma + delta * jnp.arcsinh(u)
        return normal_density(z) * delta / (sigma * jnp.sqrt(1 + u * u))

    def probability(self, edges: Array, *params: Array) -> Array:
        mu, sigma, gamma, delta = params
        u = (edges - mu) / sigma
        s = jnp.arcsinh(u)
        width = self._differences(s, u, jnp.diff(edges) / sigma)
        return normal_area(gamma + delta * s, delta * width)

    def _differences(self, s: Array, u: Array, width: Array) -> Array:
        """Of s = asinh(u), with all their digits."""
        square = 1 + ((u[1:] + u[:-1]) / 2) ** 2
        relative = width * width / square
        # Taylor series about the middle, good to 1e-12 where it is taken
        series = width / jnp.sqrt(square) * (1 + relative / 24 * (2 - 3 / square))
        return jnp.where(relative < 1e-5, series, jnp.diff(s))

    def landmarks(self, *params: Array) -> tuple[Array | float, ...]:
        mu, sigma, gamma, delta = params
        # from the median towards mu: to the peak and over it, where it is steep
        s = jnp.clip(-gamma / delta, -FARTHEST, FARTHEST)
        near = jnp.sign(s) * jnp.maximum(jnp.abs(s) - 2.25 / delta - 1 / (delta * delta), 0.0)
        return (stop_gradient(mu + sigma * jnp.sinh(near)),)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        # sinh is about 1 / delta there, so that the width comes out as it is
        for mu, width, gamma in product(data.locations, data.widths, (-1.0, 0.0, 1.0)):
            yield mu, 1.5 * width, gamma, 2.0
