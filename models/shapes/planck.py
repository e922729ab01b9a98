"""Black-body spectrum; independent twin: scipy.constants."""

from collections.abc import Iterable
from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from models.features import Features
from models.model import Example, Model
from models.parameter import Parameter
from models.quadrature import inverse_scale, scaled_integrals

PLANCK = 6.62607015e-34  # J s; these three are exact in the SI
LIGHT = 299792458.0  # m / s
BOLTZMANN = 1.380649e-23  # J / K
FIRST = 2 * PLANCK * LIGHT * LIGHT
SECOND = PLANCK * LIGHT / BOLTZMANN
WIEN = SECOND / 4.965114231744276  # wavelength of the maximum times temperature
#: Where the quadrature is cut in u = h c / (x k temperature), with poles at +-2 pi i: it goes like
#: u^3 exp(-u), which is 0 beyond the last.
BREAKS = (5.0, 11.0, 20.0, *(36.0 + 18.0 * i for i in range(41)))


@dataclass(frozen=True)
class Planck(Model):
    """Spectral radiance of a black body of this temperature in K, times amplitude.

    x is the wavelength in m; the radiance is in W / (m^2 sr m). Zero for x <= 0.
    """

    formula = "amplitude * 2 h c^2 / x^5 / (exp(h c / (x k temperature)) - 1)"
    reference = "M. Planck, Ann. Phys. 309 (1901) 553; BIPM, The International System of Units (9)"
    example = Example(values=(1e10, 2.7255), x_range=(0.0004, 0.005))

    def declare(self) -> tuple[Parameter, ...]:
        return Parameter("amplitude", linear=True), Parameter("temperature", lower=0.0)

    def value(self, x: Array, *params: Array) -> Array:
        amplitude, temperature = params
        return amplitude * self._radiance(x, temperature)

    def _radiance(self, x: Array, temperature: Array) -> Array:
        inside = x > 0
        wavelength = jnp.where(inside, x, 1.0)
        u = SECOND / (wavelength * temperature)
        # exp(-u), which vanishes where exp(u) would overflow
        photons = jnp.exp(-u) / -jnp.expm1(-u)
        return jnp.where(inside, FIRST * wavelength**-5 * photons, 0.0)

    def integral(self, edges: Array, *params: Array) -> Array:
        amplitude, temperature = params
        coldest = SECOND / BREAKS[-1] / jnp.where(edges[-1] > 0, edges[-1], 1.0)
        # what is colder does not shine here
        breaks = SECOND / (jnp.maximum(temperature, coldest) * jnp.array(BREAKS))
        least = stop_gradient(breaks[-1])
        x = jnp.where(edges > least, edges, least)
        area = scaled_integrals(lambda x: self._radiance(x, temperature), x, breaks, inverse_scale)
        return amplitude * area

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        """Wien's law, for a maximum near the middle of the light or off to either side."""
        high = data.high if data.high > 0 else 1.0
        inside = [place for place in data.locations if place > 0] or [high / 2]
        return ((WIEN / place * f,) for place in inside for f in (1.0, 0.3, 0.6, 1.5, 3.0, 8.0))
