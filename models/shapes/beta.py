"""Beta density on an interval; independent twin: scipy.stats.beta."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import cond, scan, stop_gradient

from models.features import Features
from models.model import Density, Example
from models.moving_edges import Edges, integral
from models.parameter import Parameter
from models.quadrature import NEGLIGIBLE, gauss_legendre
from models.shapes.gamma import LOG_2PI, MANY, NEAREST, SOME, stirling_rest
from models.special import powers_of

TERMS = 24
Three = tuple[Array, Array, Array]
Both = tuple[Array, Array]  # of something at the low end and its mirror image at the high end


@jax.custom_jvp
def log_ratios(t: Both, powers: Both) -> Both:
    """Logarithms of t and 1 - t over their means, with all digits where both are close to 0."""
    (low, high), (alpha, beta) = t, powers
    total = alpha + beta
    near = (jnp.abs(low * total - alpha) < 0.5 * alpha) & (
        jnp.abs(high * total - beta) < 0.5 * beta
    )
    off = jnp.where(near, low * beta - high * alpha, 0.0)
    low = jnp.where(near, 1.0, low * (total / alpha))
    high = jnp.where(near, 1.0, high * (total / beta))
    return (
        jnp.where(near, jnp.log1p(off / alpha), jnp.log(low)),
        jnp.where(near, jnp.log1p(-off / beta), jnp.log(high)),
    )


@log_ratios.defjvp
def _log_ratios_jvp(primals: tuple[Both, Both], tangents: tuple[Both, Both]) -> tuple[Both, Both]:
    (low, high), (alpha, beta) = primals
    (dlow, dhigh), (dalpha, dbeta) = tangents
    growth = (dalpha + dbeta) / (alpha + beta)
    slopes = dlow / low + growth - dalpha / alpha, dhigh / high + growth - dbeta / beta
    return log_ratios(*primals), slopes


def log_norm(powers: Both) -> Array:
    """Logarithm of t^alpha (1 - t)^beta / B(alpha, beta) at the mean of t."""
    alpha, beta = powers
    total = alpha + beta
    logs = 0.5 * jnp.log(ends := jnp.stack([alpha, beta, total])) - stirling_rest(ends)
    return logs @ jnp.array([1.0, 1.0, -1.0]) - LOG_2PI / 2


def log_density(t: Both, powers: Both) -> Array:
    """Logarithm of the beta density on [0, 1] at t and 1 - t, good at large powers as well."""
    (lt, ls), (alpha, beta) = log_ratios(t, powers), powers
    total = jnp.log(alpha + beta)
    means = 2 * total - jnp.log(alpha) - jnp.log(beta)
    return (alpha - 1) * lt + (beta - 1) * ls + means + log_norm(powers)


@dataclass(frozen=True)
class Beta(Density):
    """Beta density of powers alpha and beta from low to high, zero outside, times amp."""

    normalised: Literal["range"] = field(default="range", kw_only=True)

    formula = "amp / (high - low) * t^(alpha - 1) * (1 - t)^(beta - 1) / B(alpha, beta)"
    reference = "Abramowitz and Stegun, Handbook of Mathematical Functions, 26.1.33"
    example = Example(values=(1000.0, 2.0, 4.0, 0.0, 10.0), x_range=(0.0, 10.0))
    is_bounded = False

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return Parameter("alpha", lower=0.0), Parameter("beta", lower=0.0)

    def pdf(self, x: Array, *params: Array) -> Array:
        """On [0, 1]."""
        return self.normalised_pdf(x, *params, jnp.zeros(()), jnp.ones(()))

    def probability(self, edges: Array, *params: Array) -> Array:
        """On [0, 1]."""
        return self.normalised_probability(edges, *params, jnp.zeros(()), jnp.ones(()))

    def normalised_pdf(self, x: Array, *params: Array) -> Array:
        alpha, beta, low, high = params
        above, below = x > low, x < high
        inside = (above | ((x == low) & (alpha <= 1))) & (below | ((x == high) & (beta <= 1)))
        # an end of the interval is close to it, for powers whose density is infinite there
        t = jnp.where(inside, jnp.where(above, (x - low) / (high - low), NEAREST), 0.5)
        s = jnp.where(inside, jnp.where(below, (high - x) / (high - low), NEAREST), 0.5)
        return jnp.where(inside, jnp.exp(log_density((t, s), (alpha, beta))) / (high - low), 0.0)

    def normalised_probability(self, edges: Array, *params: Array) -> Array:
        alpha, beta, low, high = params
        inside = (edges > low) & (edges < high)
        t = jnp.where(inside, (edges - low) / (high - low), jnp.where(edges > low, 1.0, 0.0))
        s = jnp.where(inside, (high - edges) / (high - low), jnp.where(edges < high, 1.0, 0.0))
        width = jnp.diff(jnp.clip(edges, low, high)) / (high - low)
        return integral(_between, _at_edges, (t, s), width, (alpha, beta))

    def landmarks(self, *params: Array) -> tuple[Array | float, ...]:
        """On [0, 1]."""
        return self.normalised_landmarks(*params, jnp.zeros(()), jnp.ones(()))

    def normalised_landmarks(self, *params: Array) -> tuple[Array | float, ...]:
        alpha, beta, low, high = params
        return low, low + alpha / (alpha + beta) * (high - low), high

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        # the powers of the beta density with this mean and standard deviation
        for place in data.locations:
            mean = min(max((place - data.low) / data.extent, 0.02), 0.98)
            for width in data.widths:
                total = max(mean * (1 - mean) * (data.extent / width) ** 2 - 1, 0.5)
                yield mean * total, (1 - mean) * total


def _at_edges(edges: Edges, alpha: Array, beta: Array) -> Array:
    t, s = edges
    inside = (t > 0) & (s > 0)  # the ends do not move
    at = jnp.where(inside, t, 0.5), jnp.where(inside, s, 0.5)
    return jnp.exp(log_density(at, (alpha, beta)))


def _between(t: Edges, width: Array, alpha: Array, beta: Array) -> Array:
    """Probability of each bin on [0, 1]: power series near the ends, a quadrature of the rest."""
    powers = alpha, beta
    start, end, start_left, end_left = t[0][:-1], t[0][1:], t[1][:-1], t[1][1:]
    low_part = jnp.minimum(0.25, 1 / stop_gradient(beta))
    high_part = jnp.minimum(0.25, 1 / stop_gradient(alpha))
    # bins that begin well inside stay whole, or narrow ones would lose digits
    low_split, high_split = start < low_part / 2, end_left < high_part / 2
    beyond = low_split & (end > low_part)
    before = high_split & (start_left > high_part)
    # the bins that reach into either part: their outer end in it, their width there
    bounds = (
        jnp.where(low_split, jnp.minimum(end, low_part), low_part),
        jnp.where(high_split, jnp.minimum(start_left, high_part), high_part),
    )
    widths = (
        jnp.where(low_split, jnp.where(beyond, low_part - start, width), 0.0),
        jnp.where(high_split, jnp.where(before, high_part - end_left, width), 0.0),
    )
    near = jax.vmap(_near_zero)(
        *map(jnp.stack, (bounds, widths, (low_part, high_part), (alpha, beta), (beta, alpha)))
    )
    total = jnp.sum(jnp.where(jnp.stack([low_split, high_split]), near, 0.0), axis=0)
    nothing = (low_split & ~beyond) | (high_split & ~before)
    first = jnp.where(low_split, low_part, start), jnp.where(low_split, 1 - low_part, start_left)
    last = jnp.where(high_split, 1 - high_part, end), jnp.where(high_split, high_part, end_left)
    width = jnp.where(low_split | high_split, last[0] - first[0], width)
    return total + _inside(
        (jnp.where(nothing, 0.5, first[0]), jnp.where(nothing, 0.5, first[1])),
        (jnp.where(nothing, 0.5, last[0]), jnp.where(nothing, 0.5, last[1])),
        jnp.where(nothing, 0.0, width),
        powers,
    )


def _near_zero(end: Array, width: Array, part: Array, alpha: Array, beta: Array) -> Array:
    """From t = end - width to end <= part, the binomial series of (1 - t)^(beta - 1)."""
    some = end > 0
    safe = jnp.where(some, end, 1.0)
    step = width / safe
    whole = step >= 1  # from 0 on
    logarithm = jnp.log1p(-jnp.where(whole, 0.0, step))
    missing = jnp.where(whole, 1.0, -jnp.expm1(alpha * logarithm))
    left = jnp.where(whole, 0.0, jnp.exp(alpha * logarithm))
    # 1 - r^(a + n) = 1 - r^a + r^a (1 - r) (1 + r + ... + r^(n - 1)): nothing cancels
    known, n = stop_gradient(beta), jnp.arange(1.0, TERMS + 1)

    def term(carry: Three, n: Array) -> tuple[Three, Three]:
        """A coefficient with two derivatives in beta."""
        c, c1, c2 = carry
        factor, slope = (n - known) * part / n, -part / n
        carry = c * factor, c1 * factor + c * slope, c2 * factor + 2 * c1 * slope
        return carry, carry

    one = jnp.ones_like(known)
    _, (c, c1, c2) = scan(term, (one, 0 * one, 0 * one), n)
    change = beta - known
    share = (c + change * (c1 + change * c2 / 2)) * alpha / (alpha + n)
    plain = powers_of(safe / part, TERMS)
    weighted = plain * (jnp.tri(TERMS, k=-1) @ powers_of(1 - step, TERMS) + 1)
    total = missing * (1 + share @ plain) + left * step * (share @ weighted)
    at_mean = alpha * jnp.log(safe * ((alpha + beta) / alpha)) + beta * jnp.log1p(alpha / beta)
    return jnp.where(some, jnp.exp(at_mean + log_norm((alpha, beta))) / alpha * total, 0.0)


def _inside(first: Both, last: Both, width: Array, powers: Both) -> Array:
    """Between bounds off the ends: in asin(sqrt(t)) the density is as wide at any mean."""
    p, q = (2 * stop_gradient(power) - 1 for power in powers)
    rise, fall = jnp.maximum(p, 0.0), jnp.maximum(q, 0.0)
    early = rise * first[1] <= fall * first[0]  # the peak is before the bin
    late = rise * last[1] >= fall * last[0]
    both = jnp.where(rise + fall > 0, rise + fall, 1.0)
    top = (
        jnp.where(early, first[0], jnp.where(late, last[0], rise / both)),
        jnp.where(early, first[1], jnp.where(late, last[1], fall / both)),
    )
    tangent = jnp.sqrt(top[0] / top[1])
    begin, m, end = (jnp.arctan2(jnp.sqrt(t), jnp.sqrt(s)) for t, s in (first, top, last))
    slope, bend = rise / tangent - fall * tangent, (jnp.sqrt(rise) + jnp.sqrt(fall)) ** 2

    def reach(slope: Array, most: Array, sign: Array) -> Array:
        """How far from m the density is not negligible, a bound improved by Newton's method."""
        root = jnp.sqrt(slope * slope + 2 * NEGLIGIBLE * bend)
        bound = 2 * NEGLIGIBLE / jnp.maximum(slope + root, 1e-300)
        far = jnp.minimum(bound, most)
        for _ in range(3):
            ratios = _ratios(sign * far, tangent)
            excess = -rise * ratios[0] - fall * ratios[1] - NEGLIGIBLE
            at = jnp.tan(m + sign * far)
            steepness = sign * (fall * at - rise / at)
            far = far - jnp.where(excess > 0, excess / jnp.where(excess > 0, steepness, 1.0), 0.0)
        return far

    sides = jnp.array([[-1.0], [1.0]])
    left, right = reach(jnp.maximum(-sides * slope, 0.0), jnp.stack([m - begin, end - m]), sides)
    whole = (left >= m - begin) & (right >= end - m)
    sine = width / (jnp.sqrt(first[0] * last[1]) + jnp.sqrt(first[1] * last[0]))
    cosine = jnp.sqrt(first[0] * last[0]) + jnp.sqrt(first[1] * last[1])
    length = jnp.where(whole, jnp.arctan2(sine, cosine), left + right)
    ratios = _ratios(jnp.stack([-left, right]), tangent)
    falls = -p * ratios[0] - q * ratios[1]
    room = jnp.minimum(m - left, math.pi / 2 - m - right)
    tame = jnp.all(falls < 12) & jnp.all(length < room)
    tame &= jnp.all(length * length * bend < 4)
    quadratures = partial(_moments, SOME), partial(_moments, MANY)
    moments = cond(tame, *quadratures, tangent, -left, length, p, q)
    # a Taylor polynomial: derivatives take no differentiation at every node
    a, b = (2 * (power - stop_gradient(power)) for power in powers)
    integral = moments[0] + a * moments[1] + b * moments[2]
    integral += a * a * moments[3] / 2 + a * b * moments[4] + b * b * moments[5] / 2
    return 2 * jnp.sqrt(top[0] * top[1]) * jnp.exp(log_density(top, powers)) * integral


def _ratios(offset: Array, tangent: Array) -> Both:
    """Logarithms of sine and cosine at an angle over those at one of this tangent."""
    sine, cosine = jnp.sin(offset / 2), jnp.cos(offset / 2)
    bend = 2 * sine * sine
    return (
        jnp.log1p(2 * sine * cosine / tangent - bend),
        jnp.log1p(-2 * sine * cosine * tangent - bend),
    )


def _moments(order: int, tangent: Array, begin: Array, length: Array, p: Array, q: Array) -> Array:
    """Integrals of the density over the angle, 1 at the top, times powers of its logarithms."""
    nodes, weights = gauss_legendre(order)
    ls, lc = _ratios(begin + length * ((1 + jnp.array(nodes)[:, None]) / 2), tangent)
    density = jnp.exp(p * ls + q * lc) * jnp.array(weights)[:, None]
    s, c = density * ls, density * lc
    sums = (jnp.sum(term, axis=0) for term in (density, s, c, s * ls, s * lc, c * lc))
    return jnp.stack(list(sums)) * length / 2
