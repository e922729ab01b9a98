"""Landau density; independent twin: scipy.stats.landau."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, partial
from itertools import product

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import scan

from models.features import Features
from models.model import Density, Example
from models.parameter import Parameter
from models.quadrature import gauss_legendre
from models.shapes import landau_table as table
from models.shapes.landau_table import FARTHEST, LEFT, RIGHT

NEAREST = math.exp(1 + LEFT)
LOWEST = -7.8  # of Landau's variable: the density is below 1e-380 to the left of it
HALF_PI = math.pi / 2
PEAK_WIDTH = 1.6  # standard deviation of a Gaussian as wide as the peak for sigma = 1
PEAK = -0.43  # where the peak is for mu = 0 and sigma = 1
NARROW = 1 / 20  # of the length over which the density changes: a few nodes are good to 1e-14
NODES, WEIGHTS = gauss_legendre(3)


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
    """Differences of the cdf from the nearer end; of narrow bins, where they cancel, a rule."""
    y, width = _landau(edges, mu, sigma), HALF_PI * jnp.diff(edges) / sigma
    inside, right = y > LOWEST, y > RIGHT
    tail = jnp.where(inside, jnp.exp(_log_tail(jnp.where(inside, y, 0.0))), 0.0)
    one_sided = jnp.where(right[1:], -jnp.diff(tail), jnp.diff(tail))
    wide = jnp.where(~right[:-1] & right[1:], 1 - tail[1:] - tail[:-1], one_sided)
    low, high = y[:-1], y[1:]
    length = jnp.where(low < -1, jnp.exp(1 + low), 1 + jnp.maximum(low, 0.0) / 2)
    is_narrow = width < NARROW * length
    middle = (low + high) / 2
    nodes = middle[:, None] + width[:, None] / 2 * jnp.array(NODES)
    within = nodes > LOWEST
    density = jnp.exp(_log_density(jnp.where(within, nodes, 0.0)))
    rule = width / 2 * (jnp.where(within, density, 0.0) @ jnp.array(WEIGHTS))
    return jnp.where(is_narrow, rule, wide)


@_probability.defjvp
def _probability_jvp(
    primals: tuple[Array, ...], tangents: tuple[Array, ...]
) -> tuple[Array, Array]:
    """From the density at the edges: digits are lost as a bin is narrow, in derivatives alone."""
    edges, mu, sigma = primals
    dedges, dmu, dsigma = tangents
    flux = _density(*primals) * (dedges - dmu - (edges - mu) / sigma * dsigma)
    return _probability(*primals), jnp.diff(flux)


def _landau(x: Array, mu: Array, sigma: Array) -> Array:
    """Landau's variable."""
    return HALF_PI * (x - mu) / sigma + math.log(HALF_PI)


def _density(x: Array, mu: Array, sigma: Array) -> Array:
    y = _landau(x, mu, sigma)
    inside = y > LOWEST
    # sigma inside of exp, which would be 0 too early otherwise
    density = jnp.exp(_log_density(jnp.where(inside, y, 0.0)) - jnp.log(sigma))
    return jnp.where(inside, HALF_PI * density, 0.0)


def _log_density(y: Array) -> Array:
    """Logarithm of the density, in Landau's variable: one of three Chebyshev series."""
    left, right, log_s, w, t = _pieces(y)
    series = _series("DENSITY", 0, t, left, right)
    asymptote = jnp.where(left, (log_s - math.log(2 * math.pi)) / 2 - jnp.exp(log_s), 0.0)
    return series + jnp.where(right, -2 * jnp.log(w), asymptote)


def _log_tail(y: Array) -> Array:
    """Logarithm of the probability up to y, beyond RIGHT of that from there on."""
    left, right, log_s, w, t = _pieces(y)
    series = _series("CDF", 0, t, left, right)
    asymptote = jnp.where(left, -(log_s + math.log(2 * math.pi)) / 2 - jnp.exp(log_s), 0.0)
    return series + jnp.where(right, -jnp.log(w), asymptote)


def _pieces(y: Array) -> tuple[Array, ...]:
    """Whether y is in the left or right piece, what the asymptotes there are of, and a place
    from -1 to 1 in its piece."""
    left, right = y < LEFT, y > RIGHT
    log_s = -1 - jnp.where(left, y, LEFT)
    w = _log_plus_self(jnp.where(right, y, RIGHT))
    t = jnp.where(left, 2 / NEAREST * jnp.exp(-log_s) - 1, 2 * (y - LEFT) / (RIGHT - LEFT) - 1)
    return left, right, log_s, w, jnp.where(right, 2 / (FARTHEST * w) - 1, t)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _series(name: str, order: int, t: Array, left: Array, right: Array) -> Array:
    """One of the three series at t, or a derivative of it: Clenshaw's sum.

    In a loop, since XLA repeats what it fuses for every later use, which takes long to compile.
    """
    rows = jnp.array(_coefficients(name, order)).T[::-1]

    def chosen(row: Array) -> Array:
        return jnp.where(left, row[0], jnp.where(right, row[2], row[1]))

    def more(known: tuple[Array, Array], row: Array) -> tuple[tuple[Array, Array], None]:
        before, current = known
        return (current, 2 * t * current - before + chosen(row)), None

    (before, current), _ = scan(more, (jnp.zeros_like(t), jnp.zeros_like(t)), rows[:-1])
    return t * current - before + chosen(rows[-1])


@_series.defjvp
def _series_jvp(
    name: str, order: int, primals: tuple[Array, ...], tangents: tuple[Array, ...]
) -> tuple[Array, Array]:
    return _series(name, order, *primals), tangents[0] * _series(name, order + 1, *primals)


@cache
def _coefficients(name: str, order: int) -> tuple[tuple[float, ...], ...]:
    """Of the three series, differentiated this often (Abramowitz and Stegun, 22.5.8, 22.12.3)."""
    if order == 0:
        return tuple(getattr(table, f"{name}_{piece}") for piece in ("LEFT", "MIDDLE", "RIGHT"))
    return tuple(map(_derivative, _coefficients(name, order - 1)))


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
