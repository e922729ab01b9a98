"""Amplitude of a driven damped oscillator; independent twin: NumPy's complex numbers."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import jax.numpy as jnp
from jax import Array

from models.features import Features
from models.model import Example, Model
from models.parameter import Parameter
from models.quadrature import bin_integrals

NODES = 32


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
        return bin_integrals(lambda x: self.value(x, *params), edges, NODES)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        places = [place for place in data.locations if place > 0] or [1.0]
        return product(places, (3.0, 1.0, 10.0, 30.0, 100.0, 300.0, 1000.0))
