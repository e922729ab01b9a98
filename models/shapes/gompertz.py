"""Gompertz growth curve; independent twin: scipy.stats.gumbel_r.cdf."""

from collections.abc import Iterable
from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array

from models.features import Features, steps
from models.model import Example, Model
from models.parameter import Parameter
from models.quadrature import bin_integrals

NODES = 32
GONE = 20.0  # exp(-exp(20)) is 0 in any float, and so is every derivative


@dataclass(frozen=True)
class Gompertz(Model):
    """Gompertz growth by height from offset; steepest at x = mu, where it has reached height / e.

    width is the inverse of the rate: in Zwietering's form the maximal slope is height / (e width)
    and the lag mu - width.
    """

    formula = "offset + height * exp(-exp(-(x - mu) / width))"
    reference = "B. Gompertz, Phil. Trans. 115 (1825) 513; M. H. Zwietering et al., "
    reference += "Appl. Environ. Microbiol. 56 (1990) 1875"
    example = Example(values=(50.0, 3.0, 1.2, 20.0), x_range=(0.0, 10.0))

    def declare(self) -> tuple[Parameter, ...]:
        return (
            Parameter("height", linear=True),
            Parameter("mu", place=True),
            Parameter("width", lower=0.0),
            Parameter("offset", linear=True),
        )

    def value(self, x: Array, *params: Array) -> Array:
        height, mu, width, offset = params
        u = -(x - mu) / width
        return offset + height * jnp.exp(-jnp.exp(jnp.where(u < GONE, u, GONE)))

    @property
    def by_quadrature(self) -> bool:
        return True

    def integral(self, edges: Array, *params: Array) -> Array:
        # the antiderivative is an exponential integral, dear and cancelling
        return bin_integrals(lambda x: self.value(x, *params), edges, NODES)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        return steps(data)
