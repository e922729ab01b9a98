"""Student's t density with location and scale; independent twin: scipy.stats.t."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import product

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient
from jax.scipy.special import gammaln

from models.features import Features
from models.model import Density, Example
from models.parameter import Parameter
from models.quadrature import panel_integrals

LARGE = 25.0  # of nu, from which the norm is a series in 1 / nu good to 1e-16
#: Of log(Gamma((nu + 1) / 2) / Gamma(nu / 2) / sqrt(nu / 2)), in odd powers of 1 / nu.
SERIES = (-1 / 4, 1 / 24, -1 / 20, 17 / 112, -31 / 36, 691 / 88)
PANELS = 66
FALL = 11.0  # of the logarithm of the density over a panel
SPREAD = math.log(2.5)  # of the logarithm of nu + z^2 over a panel, at most


@dataclass(frozen=True)
class StudentT(Density):
    """Student's t density of nu degrees of freedom, moved to mu and stretched by sigma, times amp.

    It is a Gaussian peak for large nu and a Lorentzian one for nu = 1.
    """

    formula = (
        "amp * Gamma((nu + 1) / 2) / (Gamma(nu / 2) * sqrt(pi nu) * sigma)"
        " * (1 + ((x - mu) / sigma)^2 / nu)^(-(nu + 1) / 2)"
    )
    reference = "Student, Biometrika 6 (1908) 1; Abramowitz and Stegun, 26.7"
    example = Example(values=(1000.0, 0.5, 1.0, 2.5), x_range=(-7.0, 8.0))

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return (
            Parameter("mu", place=True),
            Parameter("sigma", lower=0.0),
            Parameter("nu", lower=0.0),
        )

    def pdf(self, x: Array, *params: Array) -> Array:
        mu, sigma, nu = params
        z = (x - mu) / sigma
        return jnp.exp(_log_norm(nu) - (nu + 1) / 2 * jnp.log1p(z * z / nu)) / sigma

    def probability(self, edges: Array, *params: Array) -> Array:
        return _probability(self, edges, *params)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        peaks = product(data.locations, data.widths)
        tails = (1.5, 0.5), (6.0, 0.8)
        return ((mu, share * width, nu) for mu, width in peaks for nu, share in tails)


@partial(jax.jit, static_argnums=0)  # compiled even where nothing else is: it is large
def _probability(shape: StudentT, edges: Array, mu: Array, sigma: Array, nu: Array) -> Array:
    breaks = _breaks(*map(stop_gradient, (mu, sigma, nu)))
    return panel_integrals(lambda x: shape.pdf(x, mu, sigma, nu), edges, breaks)


def _breaks(mu: Array, sigma: Array, nu: Array) -> Array:
    """Where the panels of the quadrature end; the poles are at mu +- i sigma sqrt(nu)."""
    step = jnp.minimum(2 * FALL / (nu + 1), SPREAD)
    right = sigma * jnp.sqrt(nu * jnp.expm1(step * jnp.arange(1, PANELS + 1)))
    return jnp.concatenate([mu - right[::-1], jnp.reshape(mu, 1), mu + right])


def _log_norm(nu: Array) -> Array:
    """log(Gamma((nu + 1) / 2) / Gamma(nu / 2) / sqrt(pi nu)), without cancelling for large nu."""
    large = nu > LARGE
    inverse = 1 / jnp.where(large, nu, LARGE)
    series = jnp.zeros_like(inverse)
    for coefficient in reversed(SERIES):
        series = series * inverse * inverse + coefficient
    small = jnp.where(large, 1.0, nu)
    exact = gammaln((small + 1) / 2) - gammaln(small / 2) - jnp.log(small / 2) / 2
    return jnp.where(large, series * inverse, exact) - math.log(2 * math.pi) / 2
