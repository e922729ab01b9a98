"""ARGUS density, of background below an end point; independent twin: scipy.stats.argus."""

from collections.abc import Iterable
from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from models.features import Features
from models.model import Density, Example
from models.parameter import Parameter
from models.quadrature import NEGLIGIBLE, gauss_legendre

ORDER = 32


@dataclass(frozen=True)
class Argus(Density):
    """ARGUS density of curvature chi from 0 to the end point c, zero outside, times amp."""

    formula = "amp * N x sqrt(1 - x^2 / c^2) exp(-chi^2 / 2 (1 - x^2 / c^2)) for 0 < x < c, else 0"
    reference = "H. Albrecht et al. (ARGUS), Phys. Lett. B 241 (1990) 278"
    example = Example(values=(1000.0, 2.0, 10.0), x_range=(0.0, 9.0))
    is_bounded = False

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return Parameter("chi", lower=0.0), Parameter("c", lower=0.0)

    def pdf(self, x: Array, *params: Array) -> Array:
        chi, c = params
        inside = (x > 0) & (x < c)
        x = jnp.where(inside, x, c / 2)
        rate, y = chi * chi / 2, (c - x) * (c + x) / (c * c)
        density = 2 * x / (c * c) * jnp.sqrt(y) * _relative(y, rate)
        return jnp.where(inside, density, 0.0)

    def probability(self, edges: Array, *params: Array) -> Array:
        # in y = 1 - x^2 / c^2, which falls from 1 to 0, the density is sqrt(y) exp(-rate * y)
        chi, c = params
        inside = (edges > 0) & (edges < c)
        rate, x = chi * chi / 2, jnp.where(inside, edges, c / 2)
        y = jnp.where(inside, (c - x) * (c + x) / (c * c), jnp.where(edges > 0, 0.0, 1.0))
        # exact to second order: density and its slope at the edges, and frozen edges between
        frozen = stop_gradient(y)
        moved = y - frozen
        middle = jnp.where(inside, frozen + moved / 2, 0.5)
        flux = moved * jnp.sqrt(middle) * _relative(middle, rate)
        x = stop_gradient(jnp.clip(edges, 0.0, c))
        width = stop_gradient(jnp.diff(x) / c * ((x[1:] + x[:-1]) / c))
        top, integral = _integral(frozen[1:], frozen[:-1], width, rate)
        return integral * _relative(top, rate) - jnp.diff(flux)

    def landmarks(self, *params: Array) -> tuple[Array | float, ...]:
        _, c = params
        return 0.0, c

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        ends = (1.0, 1.03) if data.high > 0 else (0.0,)
        return ((chi, end * data.high or 1.0) for end in ends for chi in (0.5, 2.0, 5.0))


def _relative(y: Array, rate: Array) -> Array:
    """exp(-rate * y) over the integral of sqrt(y) exp(-rate * y) from 0 to 1."""
    one = jnp.ones(1)
    top, total = _integral(0 * one, one, one, rate)
    return jnp.exp(rate * (top[0] - y)) / total[0]


def _integral(lower: Array, upper: Array, width: Array, rate: Array) -> tuple[Array, Array]:
    """Where the integrand is largest, and the integral of sqrt(y) exp(-rate (y - there))."""
    # over w = sqrt(y), in which the integrand is smooth at 0: 2 w^2 exp(-rate w^2)
    known = stop_gradient(rate)
    scale = jnp.sqrt(jnp.maximum(known, 1e-12))
    begin, end = jnp.sqrt(lower), jnp.sqrt(upper)
    m = jnp.clip(1 / scale, begin, end)
    z = jnp.maximum(m * scale, 1.0)
    slope = 2 * (z - 1 / z)
    reach = 2 * NEGLIGIBLE / (slope + jnp.sqrt(slope * slope + 4 * NEGLIGIBLE)) / scale
    some = end > 0
    length = jnp.where(some, width / jnp.where(some, begin + end, 1.0), 0.0)
    length = jnp.where(end > m + reach, m + reach - begin, length)
    nodes, weights = gauss_legendre(ORDER)
    at = length * ((1 + jnp.array(nodes)[:, None]) / 2)
    beyond = (begin - m + at) * (begin + m + at)
    density = jnp.square(begin + at) * jnp.exp(-known * beyond) * jnp.array(weights)[:, None]
    # a Taylor polynomial: derivatives take no differentiation at every node
    first, change = density * beyond, rate - known
    moments = (jnp.sum(term, axis=0) for term in (density, first, first * beyond))
    zeroth, linear, quadratic = (moment * length for moment in moments)
    return m * m, zeroth - change * (linear - change * quadratic / 2)
