"""Stretched exponential; independent twin: NumPy's closed form."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from models.features import Features
from models.model import Example, Model
from models.parameter import Parameter
from models.quadrature import log_scale, scaled_integrals

FALL = 16.0  # of the exponent over a piece of the quadrature, at most
FIRST = math.exp(-60.0)  # of the last edge; a smaller tau is none
LAST = 500.0  # of log(x / tau): no edge is farther off
GONE = 20.0  # exp(-exp(20)) is 0 in any float, and so is every derivative


@dataclass(frozen=True)
class StretchedExponential(Model):
    """Kohlrausch's decay from offset + amplitude at x = 0, over tau, stretched for beta < 1.

    Below x = 0 it stays at its value there.
    """

    formula = "offset + amplitude * exp(-(x / tau)^beta) for x >= 0"
    reference = "R. Kohlrausch, Ann. Phys. 167 (1854) 179; G. Williams and D. C. Watts, "
    reference += "Trans. Faraday Soc. 66 (1970) 80"
    example = Example(values=(50.0, 2.0, 0.7, 10.0), x_range=(0.2, 12.2))

    def declare(self) -> tuple[Parameter, ...]:
        return (
            Parameter("amplitude", linear=True),
            Parameter("tau", lower=0.0),
            Parameter("beta", lower=0.0),
            Parameter("offset", linear=True),
        )

    def value(self, x: Array, *params: Array) -> Array:
        amplitude, tau, beta, offset = params
        return offset + amplitude * relaxation(x, tau, beta)

    def integral(self, edges: Array, *params: Array) -> Array:
        amplitude, tau, beta, offset = params
        breaks = _breaks(jnp.maximum(tau, FIRST * jnp.where(edges[-1] > 0, edges[-1], 1.0)), beta)
        fall = stop_gradient(jnp.min(breaks))
        flat = jnp.diff(jnp.where(edges <= fall, edges, fall))
        x = jnp.where(edges > fall, edges, fall)
        area = scaled_integrals(lambda x: relaxation(x, tau, beta), x, breaks, log_scale)
        return offset * jnp.diff(edges) + amplitude * (flat + area)

    def cuts(self, *params: Array) -> tuple[Array | float, ...]:
        return (0.0,)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        high = data.high if data.high > 0 else 1.0
        return product((high * f for f in (0.2, 0.01, 0.05, 0.6, 2.0)), (0.7, 1.3))


def relaxation(x: Array, tau: Array, beta: Array) -> Array:
    """exp(-(x / tau)^beta), 1 for x <= 0."""
    positive = x > 0
    u = beta * (jnp.log(jnp.where(positive, x, 1.0)) - jnp.log(tau))
    return jnp.where(positive, jnp.exp(-jnp.exp(jnp.where(u < GONE, u, GONE))), 1.0)


def _breaks(tau: Array, beta: Array) -> Array:
    """Where (x / tau)^beta is about FALL * j for j > 0, and before that grows by a factor.

    From 1e-16, before which nothing falls, to 745, beyond which nothing is left. If beta is small
    that is too long a way, and it is the growth of x that counts.
    """
    step = jnp.minimum(1.5, FALL * beta)
    exponents = FALL / step * jnp.logaddexp(step * jnp.arange(-26, 47), 0.0)
    growth = jnp.concatenate([jnp.log(exponents) / beta, FALL * jnp.arange(-6, 7)])
    return tau * jnp.exp(jnp.clip(growth, -LAST, LAST))
