"""Step in the form of the normal cdf; independent twin: scipy.special.ndtr."""

from collections.abc import Iterable
from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array

from models.features import Features, steps
from models.model import Example, Model
from models.parameter import Parameter
from models.quadrature import bin_integrals
from models.special import normal_cdf, normal_cdf_area

NARROW = 2.0  # exponents over which the step may vary for NODES to be good to 1e-13
NODES = 8


@dataclass(frozen=True)
class ErrorFunctionStep(Model):
    """Step of this height at mu, smeared by a Gaussian of sigma, on an offset.

    A falling step has a negative height.
    """

    formula = "offset + height / 2 * erfc(-(x - mu) / (sqrt(2) sigma))"
    reference = "Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1"
    example = Example(values=(50.0, 4.0, 0.9, 20.0), x_range=(0.0, 10.0))

    def declare(self) -> tuple[Parameter, ...]:
        return (
            Parameter("height", linear=True),
            Parameter("mu", place=True),
            Parameter("sigma", lower=0.0),
            Parameter("offset", linear=True),
        )

    def value(self, x: Array, *params: Array) -> Array:
        height, mu, sigma, offset = params
        return offset + height * normal_cdf((x - mu) / sigma)

    def integral(self, edges: Array, *params: Array) -> Array:
        height, mu, sigma, offset = params
        widths = jnp.diff(edges)
        z, d = (edges - mu) / sigma, widths / sigma
        a, b = z[:-1], z[1:]
        # a long way is the corner of the sharp step, rounded off at both ends
        rounded = jnp.where(z >= 0, normal_cdf_area(-z), normal_cdf_area(z))
        corner = jnp.where(a >= 0, d, jnp.where(b >= 0, b, 0.0))
        long = corner + rounded[1:] - rounded[:-1]
        short = bin_integrals(lambda x: normal_cdf((x - mu) / sigma), edges, NODES)
        farther = jnp.maximum(jnp.abs(a), jnp.abs(b))
        step = jnp.where(d * (1 + farther) < NARROW, short, sigma * long)
        return offset * widths + height * step

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        return steps(data)
