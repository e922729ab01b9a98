"""Damped oscillation; independent twin: NumPy's complex exponential."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import jax.numpy as jnp
from jax import Array

from models.features import Features
from models.model import Example, Model
from models.parameter import Parameter
from models.quadrature import bin_integrals
from models.shapes.sine import PHASES, TWO_PI

NARROW = 1.0  # of |s| times the bin; NODES are good to 1e-15 below it
NODES = 8


@dataclass(frozen=True)
class DampedOscillation(Model):
    """Oscillation of this frequency and phase that dies away over tau, about an offset.

    amplitude and phase (in rad) are those at x = 0; a negative amplitude is the same as a phase
    moved by pi.
    """

    formula = "offset + amplitude * exp(-x / tau) * sin(2 pi frequency x + phase)"
    reference = "L. D. Landau and E. M. Lifshitz, Mechanics (3rd ed.), section 25"
    example = Example(values=(40.0, 5.0, 0.4, 0.6, 60.0), x_range=(0.0, 10.0))

    def declare(self) -> tuple[Parameter, ...]:
        return (
            Parameter("amplitude", linear=True),
            Parameter("tau", lower=0.0),
            Parameter("frequency", lower=0.0),
            Parameter("phase"),
            Parameter("offset", linear=True),
        )

    def value(self, x: Array, *params: Array) -> Array:
        amplitude, tau, frequency, phase, offset = params
        return offset + amplitude * jnp.exp(-x / tau) * jnp.sin(TWO_PI * frequency * x + phase)

    def integral(self, edges: Array, *params: Array) -> Array:
        amplitude, tau, frequency, phase, offset = params
        widths = jnp.diff(edges)
        short = bin_integrals(
            lambda x: jnp.exp(-x / tau) * jnp.sin(TWO_PI * frequency * x + phase), edges, NODES
        )
        # imaginary part of exp(s x) / s with s = -1 / tau + i omega, taken at both edges
        omega = TWO_PI * frequency
        square = 1 / (tau * tau) + omega * omega
        angle = omega * edges + phase
        wave = jnp.exp(-edges / tau) * (jnp.sin(angle) / tau + omega * jnp.cos(angle)) / square
        narrow = widths * widths * square < NARROW
        wave_area = jnp.where(narrow, short, wave[:-1] - wave[1:])
        return offset * widths + amplitude * wave_area

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        tau = 0.4 * data.extent
        return product((tau,), (1 / period for period in data.periods), PHASES)
