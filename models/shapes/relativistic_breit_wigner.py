"""Relativistic Breit-Wigner density; independent twin: scipy.stats.rel_breitwigner."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from models.features import Features
from models.model import Density, Example
from models.parameter import Parameter

FAR = 10.0  # in masses: from there on a series in (mass / x)^2, as the closed form would cancel
TERMS = 9


@dataclass(frozen=True)
class RelativisticBreitWigner(Density):
    """Resonance of a mass and a width in the energy x >= 0, zero below, times amp."""

    formula = (
        "amp * k / ((x^2 - mass^2)^2 + mass^2 width^2) for x >= 0, else 0; "
        "k = 2 sqrt(2) mass width g / (pi sqrt(mass^2 + g)), g = mass sqrt(mass^2 + width^2)"
    )
    reference = (
        "Bohm and Sato, Phys. Rev. D 71 (2005) 085018; Breit and Wigner, Phys. Rev. 49 (1936) 519"
    )
    example = Example(values=(1000.0, 91.2, 2.5), x_range=(80.0, 102.0))

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return Parameter("mass", lower=0.0), Parameter("width", lower=0.0)

    def pdf(self, x: Array, *params: Array) -> Array:
        mass, width = params
        inside = x >= 0
        x = jnp.where(inside, x, 0.0)
        denominator = ((x - mass) * (x + mass)) ** 2 + (mass * width) ** 2
        return jnp.where(inside, self._scale(mass, width) / denominator, 0.0)

    def probability(self, edges: Array, *params: Array) -> Array:
        mass, width = params
        # the ends of the near part need no slope: what one part gains, the other loses
        far = stop_gradient(FAR * jnp.sqrt(self._g(mass, width)))
        near_edges = jnp.where(edges < 0, 0.0, jnp.where(edges < far, edges, far))
        far_edges = jnp.where(edges < far, far, edges)
        return self._near(near_edges, mass, width) + self._far(far_edges, mass, width)

    def _g(self, mass: Array, width: Array) -> Array:
        return mass * jnp.sqrt(mass * mass + width * width)

    def _scale(self, mass: Array, width: Array) -> Array:
        g = self._g(mass, width)
        return 2 * math.sqrt(2) / math.pi * mass * width * g / jnp.sqrt(mass * mass + g)

    def _near(self, edges: Array, mass: Array, width: Array) -> Array:
        """By the logarithm of (x - c) / (x + c), where c = p + iq is the root of the denominator.

        Angles and ratios come from the widths of the bins: there is no difference to cancel.
        """
        h = jnp.diff(edges)
        p = jnp.sqrt((self._g(mass, width) + mass * mass) / 2)
        q = mass * width / (2 * p)
        # p - mass is small, and edges - mass are what counts for a narrow resonance
        minus = (edges - mass) - q * q / (p + mass)
        plus = edges + p
        angle = jnp.arctan2(q * h, minus[1:] * minus[:-1] + q * q)
        angle += jnp.arctan2(q * h, plus[1:] * plus[:-1] + q * q)
        of_minus, of_plus = minus * minus + q * q, plus * plus + q * q
        rise = h * (minus[1:] + minus[:-1])
        # the logarithm of a ratio, from the smaller of both sides up
        upwards = rise >= 0
        smaller = jnp.where(upwards, of_minus[:-1], of_minus[1:])
        ratio = jnp.log1p(jnp.where(upwards, rise, -rise) / smaller)
        ratio = jnp.where(upwards, ratio, -ratio)
        ratio -= jnp.log1p(h * (plus[1:] + plus[:-1]) / of_plus[:-1])
        return (angle - q / (2 * p) * ratio) / math.pi

    def _far(self, edges: Array, mass: Array, width: Array) -> Array:
        """By the series of 1 / (x^4 - 2 mass^2 x^2 + g^2) in 1 / x^2, term by term."""
        start = edges[:-1]
        shrink = start / edges[1:]
        power = shrink  # of shrink, odd
        powers_so_far = 1 + shrink + shrink * shrink  # 1 - shrink^3 over 1 - shrink
        inverse = 1 / (start * start)
        a, b = 2 * mass * mass * inverse, (self._g(mass, width) * inverse) ** 2
        previous, current = jnp.zeros_like(start), jnp.ones_like(start)
        total = jnp.zeros_like(start)
        for k in range(TERMS):
            total += current * powers_so_far / (2 * k + 3)
            previous, current = current, a * current - b * previous
            power = power * shrink * shrink
            powers_so_far += power * (1 + shrink)
        return self._scale(mass, width) * total * inverse / start * jnp.diff(edges) / edges[1:]

    def landmarks(self, *params: Array) -> tuple[Array | float, ...]:
        mass, _ = params
        return 0.0, mass

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        widths = [factor * width for width in data.widths for factor in (2.0, 0.6)]
        return product((abs(mean) for mean in data.locations), widths)
