"""Fraunhofer diffraction by one slit and by two; independent twin: numpy.sinc."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import jax.numpy as jnp
from jax import Array

from models.features import Features
from models.model import Example, Model
from models.parameter import Parameter
from models.quadrature import bin_integrals

NODES = 32  # good to 1e-10 in bins of up to four fringes
#: Of sin(b) / b in powers of b^2: good to 1e-16 below b = 1, and so are its derivatives.
SERIES = tuple((-1) ** k / math.factorial(2 * k + 1) for k in range(12))


@dataclass(frozen=True)
class SingleSlit(Model):
    """Intensity behind a slit: i0 at center, dark wherever slit * (x - center) is an integer.

    x is the sine of the angle if slit is its width in wavelengths; on a screen, slit is the width
    over wavelength and distance.
    """

    formula = "i0 * (sin(b) / b)^2 with b = pi slit (x - center)"
    reference = "E. Hecht, Optics (5th ed.), 10.2.1"
    example = Example(values=(100.0, 0.5, 0.3), x_range=(-5.05, 5.05))

    def declare(self) -> tuple[Parameter, ...]:
        return (
            Parameter("i0", lower=0.0, linear=True),
            Parameter("slit", lower=0.0),
            Parameter("center", place=True),
        )

    def value(self, x: Array, *params: Array) -> Array:
        i0, slit, center = params
        return i0 * sinc(math.pi * slit * (x - center)) ** 2

    def integral(self, edges: Array, *params: Array) -> Array:
        return bin_integrals(lambda x: self.value(x, *params), edges, NODES)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        # moments exaggerate the width by the wings, and put the centre off by part of it
        for place, width in product(data.locations, data.widths):
            for narrower, shift in product((0.9, 0.5, 0.25), (0.0, 0.4, -0.4)):
                yield 0.44 / (narrower * width), place + shift * width


@dataclass(frozen=True)
class DoubleSlit(Model):
    """Fringes of two slits, this separation apart, under the pattern of one.

    i0 is the intensity at center. slit and separation are in wavelengths if x is the sine of the
    angle; on a screen, both are over wavelength and distance.
    """

    formula = "i0 * (sin(b) / b)^2 * cos(pi separation (x - center))^2, b = pi slit (x - center)"
    reference = "E. Hecht, Optics (5th ed.), 10.2.2"
    example = Example(values=(100.0, 0.25, 0.9, 0.3), x_range=(-5.05, 5.05))

    def declare(self) -> tuple[Parameter, ...]:
        return (
            Parameter("i0", lower=0.0, linear=True),
            Parameter("slit", lower=0.0),
            Parameter("separation", lower=0.0),
            Parameter("center", place=True),
        )

    def value(self, x: Array, *params: Array) -> Array:
        i0, slit, separation, center = params
        across = math.pi * (x - center)
        return i0 * (sinc(slit * across) * jnp.cos(separation * across)) ** 2

    def integral(self, edges: Array, *params: Array) -> Array:
        return bin_integrals(lambda x: self.value(x, *params), edges, NODES)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        # slits do not overlap, and hide no more fringes than a pattern of 25 would show
        for place, width in product(data.locations, data.widths):
            for slit in (0.7 / width, 0.35 / width, 0.12 / width):
                yield slit, 3 * slit, place
                # about its centre the pattern is half as choosy as one from end to end
                for period in data.periods[3::2]:
                    if 0.04 / slit < period < 0.8 / slit:
                        # a fringe is known from its neighbours by the wings alone
                        for shift in (0.0, period / 3, -period / 3):
                            yield slit, 1 / period, place + shift


def sinc(b: Array) -> Array:
    """sin(b) / b."""
    near = jnp.abs(b) < 1
    small, large = jnp.where(near, b, 0.0), jnp.where(near, 1.0, b)
    square = small * small
    series = jnp.full_like(b, SERIES[-1])
    for coefficient in reversed(SERIES[:-1]):
        series = series * square + coefficient
    return jnp.where(near, series, jnp.sin(large) / large)
