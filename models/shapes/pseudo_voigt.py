"""Pseudo-Voigt density; independent twin: SciPy's cauchy and norm, mixed."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import jax.numpy as jnp
from jax import Array

from models.features import Features
from models.model import Density, Example
from models.parameter import Parameter
from models.shapes.lorentzian import lorentzian_area, lorentzian_density
from models.special import normal_area, normal_density

SIGMAS_PER_FWHM = 2 * math.sqrt(2 * math.log(2))
GAMMAS_PER_FWHM = 2.0


@dataclass(frozen=True)
class PseudoVoigt(Density):
    """Peak (mu, fwhm), a share eta of it Lorentzian and the rest Gaussian, times amp."""

    formula = (
        "amp * (eta * L(x) + (1 - eta) * G(x)), Lorentzian L and Gaussian G of one mean mu "
        "and one full width at half maximum, fwhm"
    )
    reference = "Wertheim, Butler, West and Buchanan, Rev. Sci. Instrum. 45 (1974) 1369"
    example = Example(values=(1000.0, 0.5, 2.0, 0.4), x_range=(-8.0, 9.0))

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return (
            Parameter("mu", place=True),
            Parameter("fwhm", lower=0.0),
            Parameter("eta", lower=0.0, upper=1.0),
        )

    def pdf(self, x: Array, *params: Array) -> Array:
        mu, fwhm, eta = params
        z = (x - mu) / fwhm
        lorentzian = GAMMAS_PER_FWHM * lorentzian_density(GAMMAS_PER_FWHM * z)
        gaussian = SIGMAS_PER_FWHM * normal_density(SIGMAS_PER_FWHM * z)
        return (eta * lorentzian + (1 - eta) * gaussian) / fwhm

    def probability(self, edges: Array, *params: Array) -> Array:
        mu, fwhm, eta = params
        z, width = (edges - mu) / fwhm, jnp.diff(edges) / fwhm
        lorentzian = lorentzian_area(GAMMAS_PER_FWHM * z, GAMMAS_PER_FWHM * width)
        gaussian = normal_area(SIGMAS_PER_FWHM * z, SIGMAS_PER_FWHM * width)
        return eta * lorentzian + (1 - eta) * gaussian

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        for mu, width, (factor, eta) in product(
            data.locations, data.widths, ((1.0, 0.2), (0.5, 0.8))
        ):
            yield mu, factor * SIGMAS_PER_FWHM * width, eta
