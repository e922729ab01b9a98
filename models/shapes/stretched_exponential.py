"""Stretched exponential; independent twin: NumPy's closed form."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import jax.numpy as jnp
from jax import Array

from models.features import Features
from models.model import Example, Model
from models.parameter import Parameter
from models.shapes.hill import integrals_of_powers

NODES = 32
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
        area = integrals_of_powers(lambda x: relaxation(x, tau, beta), edges, NODES)
        return offset * jnp.diff(edges) + amplitude * area

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        high = data.high if data.high > 0 else 1.0
        return product((high * f for f in (0.2, 0.01, 0.05, 0.6, 2.0)), (0.7, 1.3))


def relaxation(x: Array, tau: Array, beta: Array) -> Array:
    """exp(-(x / tau)^beta), 1 for x <= 0."""
    positive = x > 0
    u = beta * (jnp.log(jnp.where(positive, x, 1.0)) - jnp.log(tau))
    return jnp.where(positive, jnp.exp(-jnp.exp(jnp.where(u < GONE, u, GONE))), 1.0)
