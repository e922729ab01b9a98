"""Amplitude of a driven damped oscillator; independent twin: NumPy's complex numbers."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import jax.numpy as jnp
from jax import Array

from models.features import Features
from models.model import Example, Model
from models.parameter import Parameter
from models.quadrature import linear_scale, scaled_integrals

FACTOR = 4.0
BEFORE, BEYOND = 13, 32  # enough for q = 1e7, and for edges 1e12 times as far off as f0


@dataclass(frozen=True)
class Resonance(Model):
    """Amplitude of a driven damped oscillator of frequency f0 and quality q.

    amplitude is that of a slow force, at x = 0; at x = f0 it is q times as large.
    """

    formula = "amplitude / sqrt((1 - (x / f0)^2)^2 + (x / (q f0))^2)"
    reference = "L. D. Landau and E. M. Lifshitz, Mechanics (3rd ed.), section 26"
    example = Example(values=(10.0, 5.0, 8.0), x_range=(2.0, 8.0))

    def declare(self) -> tuple[Parameter, ...]:
        return (
            Parameter("amplitude", linear=True),
            Parameter("f0", lower=0.0),
            Parameter("q", lower=0.0),
        )

    def value(self, x: Array, *params: Array) -> Array:
        amplitude, f0, q = params
        detuning = (f0 - x) * (f0 + x) / (f0 * f0)  # 1 - r^2 would lose digits at the peak
        r = x / (q * f0)
        return amplitude / jnp.sqrt(detuning * detuning + r * r)

    def integral(self, edges: Array, *params: Array) -> Array:
        # the antiderivative is an elliptic integral, which takes twenty times as long to compile
        amplitude, f0, q = params
        return amplitude * scaled_integrals(
            lambda x: self.value(x, jnp.ones(()), f0, q), edges, _breaks(f0, q), linear_scale
        )

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        places = [place for place in data.locations if place > 0] or [1.0]
        return product(places, (3.0, 1.0, 10.0, 30.0, 100.0, 300.0, 1000.0))


def _breaks(f0: Array, q: Array) -> Array:
    """At distances from the real parts of the poles that grow by FACTOR from the imaginary part.

    The poles are at f0 (+-p +- i h), and for q < 1 / 2 all on the imaginary axis.
    """
    damping = 1 / (2 * q)
    root = jnp.sqrt(jnp.abs(1 - damping * damping))
    light = damping < 1
    p, h = jnp.where(light, root, 0.0), jnp.where(light, damping, 1 / (damping + root))
    right = p + h * FACTOR ** jnp.arange(0.0, BEYOND)
    left = jnp.maximum(p - h * FACTOR ** jnp.arange(0.0, BEFORE), 0.0)
    half = jnp.concatenate([jnp.reshape(p, 1), left, right])
    return f0 * jnp.concatenate([-half, half])
