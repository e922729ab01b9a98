"""Landau density; independent twin: scipy.stats.landau."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, partial
from itertools import product

import jax
import jax.numpy as jnp
from jax import Array

from models.features import Features
from models.model import Density, Example
from models.parameter import Parameter
from models.quadrature import panel_integrals
from models.shapes.landau_table import FARTHEST, LEFT, LOWER, MIDDLE, RIGHT, UPPER

NEAREST = math.exp(1 + LEFT)
LOWEST = -7.8  # of Landau's variable: the density is below 1e-380 to the left of it
HALF_PI = math.pi / 2
PEAK_WIDTH = 1.6  # standard deviation of a Gaussian as wide as the peak for sigma = 1
PEAK = -0.43  # where the peak is for mu = 0 and sigma = 1
#: Landau's variable where panels end: a factor of exp(-11) each on the left, powers on the right.
BREAKS = [
    *(-1 - math.log(11 * k + 1) for k in reversed(range(75))),
    *(-0.4, 0.2, 0.8, 1.4, 2.0, 2.8, 3.8, 5.0, 7.0),
    *(10.0 * 2**k for k in range(50)),
]


@dataclass(frozen=True)
class Landau(Density):
    """Landau's density, moved to mu and stretched by sigma, times amp.

    The convention is that of the stable distributions with alpha = beta = 1: the peak is 0.43
    sigma to the left of mu, and Landau's own variable is pi / 2 * (x - mu) / sigma + log(pi / 2).
    """

    formula = (
        "amp / (2 sigma) * phi(pi / 2 * (x - mu) / sigma + log(pi / 2)) * pi, "
        "phi(y) = integral from 0 to infinity of exp(-t log(t) - y t) sin(pi t) dt / pi"
    )
    reference = "L. Landau, J. Phys. USSR 8 (1944) 201"
    example = Example(values=(1000.0, 0.5, 0.7), x_range=(-3.0, 15.0))

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return Parameter("mu", place=True), Parameter("sigma", lower=0.0)

    def pdf(self, x: Array, *params: Array) -> Array:
        return _density(x, *params)

    def probability(self, edges: Array, *params: Array) -> Array:
        return _probability(edges, *params)

    def landmarks(self, *params: Array) -> tuple[Array | float, ...]:
        mu, sigma = params
        return (mu - 2 * sigma,)  # on its steep side

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        for peak, width in product(data.locations, data.widths):
            for share in (0.5, 1.0):
                sigma = share * width / PEAK_WIDTH
                yield peak - PEAK * sigma, sigma


@jax.custom_jvp
@jax.jit  # compiled even where nothing else is: it is large
def _probability(edges: Array, mu: Array, sigma: Array) -> Array:
    steps = (jnp.array(BREAKS) - math.log(HALF_PI)) / HALF_PI
    return panel_integrals(lambda x: _density(x, mu, sigma), edges, mu + sigma * steps)


@_probability.defjvp
def _probability_jvp(
    primals: tuple[Array, ...], tangents: tuple[Array, ...]
) -> tuple[Array, Array]:
    """From the density at the edges: digits are lost as a bin is narrow, in derivatives alone."""
    edges, mu, sigma = primals
    dedges, dmu, dsigma = tangents
    flux = _density(*primals) * (dedges - dmu - (edges - mu) / sigma * dsigma)
    return _probability(*primals), jnp.diff(flux)


def _density(x: Array, mu: Array, sigma: Array) -> Array:
    y = HALF_PI * (x - mu) / sigma + math.log(HALF_PI)
    inside = y > LOWEST
    # sigma inside of exp, which would be 0 too early otherwise
    density = jnp.exp(_log_density(jnp.where(inside, y, 0.0)) - jnp.log(sigma))
    return jnp.where(inside, HALF_PI * density, 0.0)


def _log_density(y: Array) -> Array:
    """Logarithm of the density, in Landau's variable: one of three Chebyshev series."""
    left, right = y < LEFT, y > RIGHT
    log_s = -1 - jnp.where(left, y, LEFT)
    w = _log_plus_self(jnp.where(right, y, RIGHT))
    t = jnp.where(left, 2 / NEAREST * jnp.exp(-log_s) - 1, 2 * (y - LEFT) / (RIGHT - LEFT) - 1)
    t = jnp.where(right, 2 / (FARTHEST * w) - 1, t)
    series = _series(0, t, left, right)
    asymptote = jnp.where(left, (log_s - math.log(2 * math.pi)) / 2 - jnp.exp(log_s), 0.0)
    return series + jnp.where(right, -2 * jnp.log(w), asymptote)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _series(order: int, t: Array, left: Array, right: Array) -> Array:
    """One of the three series at t, or a derivative of it: Clenshaw's sum."""
    first, *rest = zip(*_coefficients(order), strict=True)
    before, current = jnp.zeros_like(t), jnp.zeros_like(t)
    for lower, middle, upper in reversed(rest):
        coefficient = jnp.where(left, lower, jnp.where(right, upper, middle))
        before, current = current, 2 * t * current - before + coefficient
    return t * current - before + jnp.where(left, first[0], jnp.where(right, first[2], first[1]))


@_series.defjvp
def _series_jvp(
    order: int, primals: tuple[Array, ...], tangents: tuple[Array, ...]
) -> tuple[Array, Array]:
    return _series(order, *primals), tangents[0] * _series(order + 1, *primals)


@cache
def _coefficients(order: int) -> tuple[tuple[float, ...], ...]:
    """Of the three series, differentiated this often (Abramowitz and Stegun, 22.5.8, 22.12.3)."""
    if order == 0:
        return LOWER, MIDDLE, UPPER
    return tuple(map(_derivative, _coefficients(order - 1)))


def _derivative(coefficients: tuple[float, ...]) -> tuple[float, ...]:
    slope = [0.0] * (len(coefficients) + 1)
    for k in reversed(range(1, len(coefficients))):
        slope[k - 1] = slope[k + 1] + 2 * k * coefficients[k]
    return (slope[0] / 2, *slope[1:-2])


@jax.custom_jvp
def _log_plus_self(y: Array) -> Array:
    """The w of w + log(w) = y, for y >= RIGHT."""
    w = y - jnp.log(y) * (1 - 1 / y)
    for _ in range(3):
        w = w * (1 + y - jnp.log(w)) / (1 + w)
    return w


@_log_plus_self.defjvp
def _log_plus_self_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    w = _log_plus_self(*primals)
    return w, tangents[0] * w / (1 + w)
