"""Gamma density; independent twin: scipy.stats.gamma."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import cond, stop_gradient

from models.features import Features
from models.model import Density, Example
from models.moving_edges import Edges, integral
from models.parameter import Parameter
from models.quadrature import NEGLIGIBLE, gauss_legendre
from models.special import powers_of

NEAREST = 1e-100  # what x = 0 is for k < 1, where the density is infinite there
SOME, MANY = 14, 38  # nodes in bins in which the density changes little, or much
TERMS = 18
SHIFT = 10  # of k, from which Stirling's series is good to 1e-16
LOG_2PI = math.log(2 * math.pi)
#: B_2n / (2n (2n - 1)), Abramowitz and Stegun 6.1.41
STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)


def stirling_rest(k: Array) -> Array:
    """log Gamma(k) without (k - 1/2) log(k) - k + log(2 pi) / 2, in which large k lose digits."""
    # below 10 by Gamma(k + 10) / Gamma(k): the derivatives of gammaln take long to compile
    small = k < SHIFT
    shifted = jnp.where(small, k + SHIFT, k)
    square = shifted**-2
    series = jnp.zeros_like(square)
    for coefficient in reversed(STIRLING):
        series = series * square + coefficient
    near = jnp.where(small, k, 1.0)[..., None]
    j = jnp.arange(SHIFT)
    steps = jnp.log1p((SHIFT - j) / (near + j)).sum(axis=-1)
    near = near[..., 0]
    back = (near - 0.5) * jnp.log1p(SHIFT / near) - SHIFT + steps
    return series / shifted + jnp.where(small, back, 0.0)


@jax.custom_jvp
def log_ratio(u: Array, k: Array) -> Array:
    """log(u / k), with all digits where they are close."""
    near = (u > 0.5 * k) & (u < 2 * k)
    close = jnp.where(near, (u - k) / k, 0.0)
    return jnp.where(near, jnp.log1p(close), jnp.log(jnp.where(near, 1.0, u / k)))


@log_ratio.defjvp
def _log_ratio_jvp(
    primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[Array, Array]:
    (u, k), (du, dk) = primals, tangents
    return log_ratio(u, k), du / u - dk / k


def log_density(u: Array, k: Array) -> Array:
    """Logarithm of the gamma density of scale 1 at u > 0, good at large k as well."""
    rest = 0.5 * (jnp.log(k) + LOG_2PI) + stirling_rest(k)
    return (k - 1) * log_ratio(u, k) - (u - k) - rest


@dataclass(frozen=True)
class Gamma(Density):
    """Gamma density of shape k and scale theta on x >= 0, zero below, times amp."""

    formula = "amp / (theta Gamma(k)) * (x / theta)^(k - 1) * exp(-x / theta) for x >= 0, else 0"
    reference = "Abramowitz and Stegun, Handbook of Mathematical Functions, 26.1.32"
    example = Example(values=(1000.0, 3.0, 1.5), x_range=(0.0, 20.0))
    is_bounded = False

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return Parameter("k", lower=0.0), Parameter("theta", lower=0.0)

    def pdf(self, x: Array, *params: Array) -> Array:
        k, theta = params
        u = jnp.where(x > 0, x / theta, NEAREST)
        inside = ((x > 0) | ((x == 0) & (k <= 1))) & (u < 2000 + 10 * k)
        density = jnp.exp(log_density(jnp.where(inside, u, k), k)) / theta
        return jnp.where(inside, density, 0.0)

    def probability(self, edges: Array, *params: Array) -> Array:
        k, theta = params
        inside = (edges > 0) & (edges < theta * (2000 + 10 * k))
        u = jnp.where(
            inside, edges / theta, jnp.where(edges > 0, 2000 + 10 * stop_gradient(k), 0.0)
        )
        width = jnp.where(inside[1:] & inside[:-1], jnp.diff(edges) / theta, jnp.diff(u))
        return integral(_between, _at_edges, (u,), width, (k,))

    def landmarks(self, *params: Array) -> tuple[Array | float, ...]:
        k, theta = params
        return 0.0, k * theta

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        found = False
        for place in data.locations:
            for width in data.widths if place > 0 else ():
                found = True
                yield (place / width) ** 2, width**2 / place
        if not found:
            yield 1.0, next(iter(data.decay_lengths))


def _at_edges(edges: Edges, k: Array) -> Array:
    inside = edges[0] > 0  # 0 does not move
    return jnp.exp(log_density(jnp.where(inside, edges[0], 1.0), k))


def _between(edges: Edges, width: Array, k: Array) -> Array:
    """Probability of each bin at scale 1: a power series near 0, a quadrature of the rest."""
    (u,) = edges
    # bins that begin close below 1 stay whole, or narrow ones would lose digits
    split = u[:-1] < 0.5
    beyond = split & (u[1:] > 1)
    start, end = u[:-1], jnp.where(split & ~beyond, u[1:], 1.0)
    step = jnp.where(beyond, 1 - start, jnp.where(split, width, 0.0))
    below = _near_zero(end, step, k)
    start = jnp.where(split, 1.0, u[:-1])
    end = jnp.where(split & ~beyond, 1.0, u[1:])
    above = _beyond(start, end, jnp.where(split, end - start, width), k)
    return jnp.where(split, below, 0.0) + above


def _near_zero(end: Array, width: Array, k: Array) -> Array:
    """From end - width to end <= 1: the series of exp(-u), term by term."""
    some = end > 0
    safe = jnp.where(some, end, 1.0)
    step = width / safe
    whole = step >= 1  # from 0 on
    logarithm = jnp.log1p(-jnp.where(whole, 0.0, step))
    missing = jnp.where(whole, 1.0, -jnp.expm1(k * logarithm))
    left = jnp.where(whole, 0.0, jnp.exp(k * logarithm))
    # 1 - r^(k + n) = 1 - r^k + r^k (1 - r) (1 + r + ... + r^(n - 1)): nothing cancels
    n = jnp.arange(1.0, TERMS + 1)
    series = k / (k + n) * jnp.cumprod(-1 / n)
    plain = powers_of(safe, TERMS)
    ratios = jnp.tri(TERMS, k=-1) @ powers_of(1 - step, TERMS) + 1
    total = missing * (1 + series @ plain) + left * step * (series @ (plain * ratios))
    return jnp.where(some, safe / k * jnp.exp(log_density(safe, k) + safe) * total, 0.0)


def _beyond(start: Array, end: Array, width: Array, k: Array) -> Array:
    """From start to end, beyond the singular 0: in sqrt(u) all gamma densities are as wide."""
    power = 2 * stop_gradient(k) - 1
    top = jnp.clip(power / 2, start, end)
    m, first, last = jnp.sqrt(top), jnp.sqrt(start), jnp.sqrt(end)
    # only where the density is not negligible: to the left it is narrower than a Gaussian,
    # to the right a bound is improved by Newton's method
    slope = jnp.maximum(power / m - 2 * m, 0.0)
    left = 2 * NEGLIGIBLE / (slope + jnp.sqrt(slope * slope + 8 * NEGLIGIBLE))
    slope = jnp.maximum(2 * m - jnp.maximum(power, 0.0) / m, 0.0)
    right = 2 * NEGLIGIBLE / (slope + jnp.sqrt(slope * slope + 4 * NEGLIGIBLE))
    right = jnp.minimum(right, last - m)
    for _ in range(3):
        excess = right * (right + 2 * m) - power * jnp.log1p(right / m) - NEGLIGIBLE
        steepness = 2 * (right + m) - power / (m + right)
        right = right - jnp.where(excess > 0, excess / jnp.where(excess > 0, steepness, 1.0), 0.0)
    whole = (first >= m - left) & (right >= last - m)
    begin = jnp.maximum(first - m, -left)
    length = jnp.where(whole, width / (first + last), right - begin)
    ends = jnp.stack([begin, begin + length])
    fall = ends * (2 * m + ends) - power * jnp.log1p(ends / m)
    tame = jnp.all(length < 1) & jnp.all(fall < 12)
    quadratures = partial(_moments, SOME), partial(_moments, MANY)
    moments = cond(tame, *quadratures, m, begin, length, power)
    # a Taylor polynomial: derivatives take no differentiation at every node
    change = 2 * (k - stop_gradient(k))
    integral = moments[0] + change * (moments[1] + change * moments[2] / 2)
    return 2 * m * jnp.exp(log_density(top, k)) * integral


def _moments(order: int, m: Array, begin: Array, length: Array, power: Array) -> Array:
    """Integrals of the density in sqrt(u), 1 at m, times powers 0, 1 and 2 of log(sqrt(u) / m)."""
    nodes, weights = gauss_legendre(order)
    at = begin + length * ((1 + jnp.array(nodes)[:, None]) / 2)
    logarithm = jnp.log1p(at / m)
    density = jnp.exp(power * logarithm - at * (2 * m + at)) * jnp.array(weights)[:, None]
    first = density * logarithm
    sums = (jnp.sum(term, axis=0) for term in (density, first, first * logarithm))
    return jnp.stack(list(sums)) * length / 2
