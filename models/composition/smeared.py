"""Convolution of a density with a Gaussian resolution."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
from jax import Array

from models.composition.template import Template
from models.features import Features
from models.model import Density, Model, Table
from models.parameter import Parameter
from models.shapes.exponential import Exponential
from models.shapes.exponentially_modified_gaussian import ExponentiallyModifiedGaussian
from models.shapes.gaussian import Gaussian
from models.shapes.lorentzian import Lorentzian
from models.shapes.voigt import Voigt

BORDERS = (-38.0, -7.0, 7.0, 38.0)  # sigma; the Gaussian underflows beyond


def rule(reach: float = 10.0, number: int = 200) -> tuple[list[float], list[float]]:
    """Nodes and weights on [-1, 1] that crowd at both ends, in steps of a constant factor.

    The trapezoidal rule in t of x = tanh t (F. Stenger, SIAM Rev. 23 (1981) 165), which is good
    for functions that are rough at the ends on whatever scale; the outermost nodes get what is
    left, and not the ends themselves, where a density may jump.
    """
    step = 2 * reach / (number - 1)
    t = [step * i - reach for i in range(number)]
    weights = [step / math.cosh(s) ** 2 for s in t]
    rest = 1 - sum(weights) / 2
    weights[0] += rest
    weights[-1] += rest
    return [math.tanh(s) for s in t], weights


NODES, WEIGHTS = rule()


def wider(sigma: Array, resolution: Array) -> Array:
    """Standard deviation of a Gaussian smeared by another."""
    return jnp.sqrt(sigma * sigma + resolution * resolution)


#: Smeared densities that are again a shape: its class, and its parameters from ours.
KNOWN: dict[type[Density], tuple[type[Density], Callable[..., tuple[Array, ...]]]] = {
    Gaussian: (Gaussian, lambda mu, sigma, r: (mu, wider(sigma, r))),
    Lorentzian: (Voigt, lambda mu, gamma, r: (mu, r, gamma)),
    Voigt: (Voigt, lambda mu, sigma, gamma, r: (mu, wider(sigma, r), gamma)),
    Exponential: (
        ExponentiallyModifiedGaussian,
        lambda tau, r: (jnp.zeros_like(tau), r, tau),
    ),
    ExponentiallyModifiedGaussian: (
        ExponentiallyModifiedGaussian,
        lambda mu, sigma, tau, r: (mu, wider(sigma, r), tau),
    ),
}


@dataclass(frozen=True)
class Smeared(Density):
    """`amp` times a density, smeared by a Gaussian of standard deviation `resolution`.

    Where the result is again a shape (a Voigt profile, for instance), or where the density is a
    template, it is computed in closed form. Otherwise the integral over the smearing is split
    where a landmark of the density (`Density.landmarks`) comes by, with either edge of a bin, and
    each stretch is integrated by a rule whose nodes crowd at its ends: a density may be much
    narrower than the resolution, or have an edge. Nodes move with the landmarks, or a jump would
    have no slope. That is good to 1e-10 of the largest value, or bin, for a density no narrower
    than 1e-3 of the resolution; where a density is infinite at an edge (as 1 / sqrt(x) is) to 1e-4
    for values and 1e-7 for bins. It takes some hundred times as long as a shape of its own.
    """

    density: Density = field(default_factory=Gaussian)

    formula = "amp * integral of density(x - t) exp(-t^2 / (2 resolution^2)) dt, normalised"
    reference = "-"

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return (*self.density.parameters[1:], Parameter("resolution", lower=0.0))

    def _known(self, params: tuple[Array, ...]) -> tuple[Density, tuple[Array, ...]] | None:
        found = KNOWN.get(type(self.density)) if self.density.normalised == "line" else None
        return found and (found[0](), found[1](*map(jnp.asarray, params)))

    def pdf(self, x: Array, *params: Array) -> Array:
        if known := self._known(params):
            return known[0].pdf(x, *known[1])
        *own, resolution = params
        if isinstance(self.density, Template):
            return self.density.smeared_pdf(x, *params)
        marks = self.density.normalised_landmarks(*own)
        z, weight = _nodes(x, [(x - mark) / resolution for mark in marks])
        return jnp.sum(weight * self.density.normalised_pdf(x - resolution * z, *own), axis=0)

    def probability(self, edges: Array, *params: Array) -> Array:
        if known := self._known(params):
            return known[0].probability(edges, *known[1])
        *own, resolution = params
        if isinstance(self.density, Template):
            return self.density.smeared_probability(edges, *params)
        low, high = edges[:-1], edges[1:]
        marks = self.density.normalised_landmarks(*own)
        z, weight = _nodes(low, [(e - m) / resolution for m in marks for e in (low, high)])
        shifted = jnp.stack([low - resolution * z, high - resolution * z], axis=-1)

        def of_one(pair: Array) -> Array:
            return self.density.normalised_probability(pair, *own)[0]

        inside = jax.vmap(jax.vmap(of_one))(shifted)
        return jnp.sum(weight * inside, axis=0)

    def landmarks(self, *params: Array) -> tuple[Array | float, ...]:
        return self.density.normalised_landmarks(*params[:-1])

    @property
    def given_names(self) -> frozenset[str]:
        return super().given_names | self.density.given_names

    @property
    def tables(self) -> tuple[Table, ...]:
        return self.density.tables

    def with_tables(self, tables: Iterator[Table]) -> Model:
        inner = self.density.with_tables(tables)
        assert isinstance(inner, Density)
        return replace(self, density=inner)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        for candidate in self.density.starts(data):
            for width in data.widths:
                yield (*candidate, 0.5 * width)


def _nodes(like: Array, marks: list[Array]) -> tuple[Array, Array]:
    """Positions z and weights (with the Gaussian), (nodes, entries), of entries such as `like`."""
    moving = [jnp.clip(mark, BORDERS[0], BORDERS[-1]) for mark in marks]
    fixed = [jnp.full_like(like, border) for border in BORDERS]
    borders = jnp.sort(jnp.stack([*moving, *fixed]), axis=0)
    half = jnp.diff(borders, axis=0)[:, None] / 2
    middle = (borders[1:] + borders[:-1])[:, None] / 2
    z = middle + half * jnp.array(NODES)[None, :, None]
    density = jnp.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    weight = density * half * jnp.array(WEIGHTS)[None, :, None]
    flat = (-1, borders.shape[1])
    return z.reshape(flat), weight.reshape(flat)
