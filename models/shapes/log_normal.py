"""Log-normal density; independent twin: scipy.stats.lognorm."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from models.features import Features
from models.model import Density, Example
from models.parameter import Parameter
from models.special import normal_area, normal_density

HIGHEST = 300.0  # of mu, for a landmark that is a number
NOTHING = -50.0  # standard deviations below which nothing is left
# few enough digits for exact multiples, and the rest
LOG_2 = float.fromhex("0x1.62E42FEEp-1"), float.fromhex("0x1.A39EF35793C76p-33")


def log_distance(x: Array, mu: Array) -> Array:
    """log(x) - mu, which would lose the digits of a large mu if taken as it stands."""
    octaves = stop_gradient(jnp.clip(jnp.round(mu / math.log(2)), -1000, 1000))
    nearby = x * jnp.ldexp(1.0, -octaves.astype(int))
    return jnp.log(nearby) - ((mu - octaves * LOG_2[0]) - octaves * LOG_2[1])


@dataclass(frozen=True)
class LogNormal(Density):
    """Log-normal density on x > 0, zero below, times amp: log x has mean mu and deviation sigma."""

    formula = "amp / (x sigma sqrt(2 pi)) * exp(-(log x - mu)^2 / (2 sigma^2)) for x > 0, else 0"
    reference = "Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, ch. 14"
    example = Example(values=(1000.0, 1.0, 0.5), x_range=(0.0, 10.0))

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return Parameter("mu"), Parameter("sigma", lower=0.0)

    def pdf(self, x: Array, *params: Array) -> Array:
        mu, sigma = params
        inside = x > 0
        x = jnp.where(inside, x, 1.0)
        density = normal_density(log_distance(x, mu) / sigma) / (x * sigma)
        return jnp.where(inside, density, 0.0)

    def probability(self, edges: Array, *params: Array) -> Array:
        mu, sigma = params
        inside = edges > 0
        x = jnp.where(inside, edges, 1.0)
        z = jnp.where(inside, log_distance(x, mu) / sigma, NOTHING)
        # the distance of close logarithms, which their difference has lost
        growth = jnp.log1p(jnp.where(inside[:-1], jnp.diff(edges) / x[:-1], 0.0))
        return normal_area(z, jnp.where(inside[:-1], growth / sigma, -NOTHING))

    def landmarks(self, *params: Array) -> tuple[Array | float, ...]:
        return 0.0, jnp.exp(jnp.minimum(params[0], HIGHEST))

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        found = False
        for place in data.locations:
            for width in data.widths if place > 0 else ():
                found = True
                # of the log-normal with this mean and standard deviation
                variance = math.log1p((width / place) ** 2)
                yield math.log(place) - variance / 2, math.sqrt(variance)
        if not found:
            yield 0.0, 1.0
