"""Gaussian with a power law for one tail or both; independent twin: scipy.stats.crystalball."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import jax.numpy as jnp
from jax import Array
from jax.scipy.special import erf

from models.features import Features
from models.model import Density, Example
from models.parameter import Parameter
from models.special import SQRT_2PI, SQRT_HALF, normal_area

START_ALPHA, START_N = 1.5, 3.0


def power_tail(depth: Array, alpha: Array, n: Array) -> Array:
    """Height at a depth (in sigma, >= 0) into the tail, over that of the Gaussian's peak."""
    return jnp.exp(-0.5 * alpha * alpha - n * jnp.log1p(alpha * depth / n))


def power_tail_area(depth: Array, width: Array, alpha: Array, n: Array) -> Array:
    """Area from a depth on over a width, both >= 0 and in sigma; no difference to cancel."""
    loss = -jnp.expm1((1 - n) * jnp.log1p(alpha * width / (n + alpha * depth)))
    return power_tail_beyond(depth, alpha, n) * loss


def power_tail_beyond(depth: Array | float, alpha: Array, n: Array) -> Array:
    """Area from a depth on."""
    power = (1 - n) * jnp.log1p(alpha * depth / n)
    return n / (alpha * (n - 1)) * jnp.exp(-0.5 * alpha * alpha + power)


def half_core(alpha: Array) -> Array:
    """Area between the peak and alpha sigma, in units of the peak's height times sigma."""
    return SQRT_2PI / 2 * erf(alpha * SQRT_HALF)


@dataclass(frozen=True)
class CrystalBall(Density):
    """Gaussian peak (mu, sigma) whose left tail is a power n from alpha sigma on, times amp."""

    formula = (
        "amp / N * exp(-z^2 / 2) for z > -alpha, "
        "else amp / N * exp(-alpha^2 / 2) * (1 + alpha * (-alpha - z) / n)^-n; "
        "z = (x - mu) / sigma, N so that the integral is amp"
    )
    reference = "Skwarnicki, DESY-F31-86-02 (1986), appendix E"
    example = Example(values=(1000.0, 5.0, 0.5, 1.5, 3.0), x_range=(0.25, 8.25))

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return (
            Parameter("mu", place=True),
            Parameter("sigma", lower=0.0),
            Parameter("alpha", lower=0.0),
            Parameter("n", lower=1.0),
        )

    def pdf(self, x: Array, *params: Array) -> Array:
        mu, sigma, alpha, n = params
        z = (x - mu) / sigma
        in_core = z > -alpha
        core = jnp.exp(-0.5 * jnp.where(in_core, z, 0.0) ** 2)
        tail = power_tail(jnp.where(in_core, 0.0, -alpha - z), alpha, n)
        return jnp.where(in_core, core, tail) / (sigma * self._norm(alpha, n))

    def probability(self, edges: Array, *params: Array) -> Array:
        mu, sigma, alpha, n = params
        z = (edges - mu) / sigma
        width = jnp.diff(edges) / sigma
        depth = jnp.where(z < -alpha, -alpha - z, 0.0)
        # of the width of a bin the part in the tail, with all its digits
        in_tail = jnp.where(z[1:] < -alpha, width, depth[:-1])
        core = normal_area(jnp.where(z < -alpha, -alpha, z), width - in_tail)
        tail = power_tail_area(depth[1:], in_tail, alpha, n)
        return (SQRT_2PI * core + tail) / self._norm(alpha, n)

    def _norm(self, alpha: Array, n: Array) -> Array:
        right = SQRT_2PI / 2
        return half_core(alpha) + power_tail_beyond(0.0, alpha, n) + right

    def landmarks(self, *params: Array) -> tuple[Array | float, ...]:
        mu, sigma, alpha, _ = params
        return mu - alpha * sigma, mu

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        for mu, width, shrink in product(data.locations, data.widths, (1.0, 0.5)):
            yield mu, width * shrink, START_ALPHA, START_N


@dataclass(frozen=True)
class DoubleCrystalBall(Density):
    """Gaussian peak (mu, sigma) with a power law of its own for either tail, times amp."""

    formula = (
        "amp / N * exp(-z^2 / 2) for -alpha_left < z < alpha_right, "
        "else amp / N * exp(-alpha^2 / 2) * (1 + alpha * (|z| - alpha) / n)^-n "
        "with alpha and n of that side; z = (x - mu) / sigma, N so that the integral is amp"
    )
    reference = "Skwarnicki, DESY-F31-86-02 (1986), appendix E; ATLAS, PRL 113 (2014) 171801"
    example = Example(values=(1000.0, 5.0, 0.5, 1.5, 3.0, 2.0, 4.0), x_range=(0.25, 10.25))

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return (
            Parameter("mu", place=True),
            Parameter("sigma", lower=0.0),
            Parameter("alpha_left", lower=0.0),
            Parameter("n_left", lower=1.0),
            Parameter("alpha_right", lower=0.0),
            Parameter("n_right", lower=1.0),
        )

    def pdf(self, x: Array, *params: Array) -> Array:
        mu, sigma, alpha_left, n_left, alpha_right, n_right = params
        z = (x - mu) / sigma
        on_left = z < 0
        alpha, n = jnp.where(on_left, alpha_left, alpha_right), jnp.where(on_left, n_left, n_right)
        z = jnp.where(on_left, -z, z)
        in_core = z < alpha
        core = jnp.exp(-0.5 * jnp.where(in_core, z, 0.0) ** 2)
        tail = power_tail(jnp.where(in_core, 0.0, z - alpha), alpha, n)
        return jnp.where(in_core, core, tail) / (sigma * self._norm(*params[2:]))

    def probability(self, edges: Array, *params: Array) -> Array:
        mu, sigma, alpha_left, n_left, alpha_right, n_right = params
        z = (edges - mu) / sigma
        width = jnp.diff(edges) / sigma
        left = jnp.where(z < -alpha_left, -alpha_left - z, 0.0)
        right = jnp.where(z > alpha_right, z - alpha_right, 0.0)
        # of the width of a bin the parts in the tails, with all their digits
        in_left = jnp.where(z[1:] < -alpha_left, width, left[:-1])
        in_right = jnp.where(z[:-1] > alpha_right, width, right[1:])
        core = normal_area(
            jnp.where(z < -alpha_left, -alpha_left, jnp.where(z > alpha_right, alpha_right, z)),
            width - in_left - in_right,
        )
        tails = power_tail_area(left[1:], in_left, alpha_left, n_left)
        tails += power_tail_area(right[:-1], in_right, alpha_right, n_right)
        return (SQRT_2PI * core + tails) / self._norm(*params[2:])

    def _norm(self, *params: Array) -> Array:
        alpha_left, n_left, alpha_right, n_right = params
        tails = power_tail_beyond(0.0, alpha_left, n_left)
        tails += power_tail_beyond(0.0, alpha_right, n_right)
        return half_core(alpha_left) + half_core(alpha_right) + tails

    def landmarks(self, *params: Array) -> tuple[Array | float, ...]:
        mu, sigma, alpha_left, _, alpha_right, _ = params
        return mu - alpha_left * sigma, mu, mu + alpha_right * sigma

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        for mu, width, shrink in product(data.locations, data.widths, (1.0, 0.5)):
            yield mu, width * shrink, START_ALPHA, START_N, START_ALPHA, START_N
