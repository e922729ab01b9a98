"""Logistic step; independent twin: scipy.special.expit."""

from collections.abc import Iterable
from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array
from jax.nn import sigmoid, softplus

from models.features import Features, steps
from models.model import Example, Model
from models.parameter import Parameter

NARROW = 1.0  # below it softplus(b) - softplus(a) cancels


@dataclass(frozen=True)
class Logistic(Model):
    """Logistic step of this height at mu, rising over width, on an offset.

    A falling step has a negative height.
    """

    formula = "offset + height / (1 + exp(-(x - mu) / width))"
    reference = "P.-F. Verhulst, Corr. Math. Phys. 10 (1838) 113"
    example = Example(values=(50.0, 4.0, 0.8, 20.0), x_range=(0.0, 10.0))

    def declare(self) -> tuple[Parameter, ...]:
        return (
            Parameter("height", linear=True),
            Parameter("mu", place=True),
            Parameter("width", lower=0.0),
            Parameter("offset", linear=True),
        )

    def value(self, x: Array, *params: Array) -> Array:
        height, mu, width, offset = params
        return offset + height * sigmoid((x - mu) / width)

    def integral(self, edges: Array, *params: Array) -> Array:
        height, mu, width, offset = params
        z, d = (edges - mu) / width, jnp.diff(edges) / width
        a, b = z[:-1], z[1:]
        # softplus(b) - softplus(a) in three forms, none of which cancels where it is used
        narrow = d < NARROW
        short = jnp.log1p(sigmoid(a) * jnp.expm1(jnp.where(narrow, d, 0.0)))
        left = softplus(b) - softplus(a)
        right = d + softplus(-b) - softplus(-a)
        step = jnp.where(narrow, short, jnp.where(a >= 0, right, left))
        return offset * jnp.diff(edges) + height * width * step

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        return steps(data)
