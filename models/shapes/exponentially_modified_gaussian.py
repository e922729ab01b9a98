"""Gaussian convolved with an exponential decay; independent twin: scipy.stats.exponnorm."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from models.features import Features
from models.model import Density, Example
from models.parameter import Parameter
from models.special import NARROW, SQRT_HALF, erfcx_pair, narrow_area, normal_density


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
        return Parameter("mu"), Parameter("sigma", lower=0.0), Parameter("tau", lower=0.0)

    def pdf(self, x: Array, *params: Array) -> Array:
        mu, sigma, tau = params
        density, _ = self._tau_times_pdf_and_tail((x - mu) / sigma, sigma / tau)
        return density / tau

    def probability(self, edges: Array, *params: Array) -> Array:
        mu, sigma, tau = params
        z, ratio = (edges - mu) / sigma, sigma / tau
        density, tail = self._tau_times_pdf_and_tail(z, ratio)
        # tail areas of the side on which a bin lies: nothing to cancel but in narrow bins
        left = jnp.where(z[1:] <= 0, jnp.diff(tail), 1 - tail[1:] - tail[:-1])
        exact = jnp.where(z[:-1] > 0, -jnp.diff(tail), left)
        z, ratio, density = stop_gradient((z, ratio, density))
        width = stop_gradient(jnp.diff(edges) / sigma)
        # density * ratio is the pdf in units of sigma; it solves tau f' + f = Gaussian
        slope = ratio * (normal_density(z) - ratio * density)
        # the logarithmic slope is at most that of the Gaussian, and on the right at most 1 / tau
        steepness = 1 + jnp.where(z > 0, jnp.minimum(z, ratio), -z)
        narrow = width * jnp.maximum(steepness[1:], steepness[:-1]) < NARROW
        area = narrow_area(width, ratio * density, slope)
        return exact + jnp.where(narrow, area - stop_gradient(exact), 0.0)

    def _tau_times_pdf_and_tail(self, z: Array, ratio: Array) -> tuple[Array, Array]:
        """tau * pdf, and the area beyond z: on the left for z <= 0, else on the right."""
        left, rising = z <= 0, z < ratio
        # Gaussian times erfcx, which neither overflows nor cancels (erfcx(a) = exp(a^2) erfc(a))
        half = 0.5 * jnp.exp(-0.5 * z * z)
        a = jnp.where(left, -z, z) * SQRT_HALF
        b = jnp.where(rising, ratio - z, z - ratio) * SQRT_HALF
        scaled_a, scaled_b, drop = erfcx_pair(a, b, ratio * SQRT_HALF)
        decay = jnp.exp(jnp.where(rising, 0.0, ratio * (0.5 * ratio - z)))
        density = jnp.where(rising, half * scaled_b, decay - half * scaled_b)
        return density, jnp.where(left, half * drop, half * scaled_a + density)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        # shares of the variance, and the mean lies tau to the right of mu
        for mean, width, share in product(data.locations, data.widths, (0.3, 0.7, 0.95)):
            tau = share**0.5 * width
            yield mean - tau, (1 - share) ** 0.5 * width, tau
