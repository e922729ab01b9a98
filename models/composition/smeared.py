"""Convolution of a density with a Gaussian resolution."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import cond

from models.composition.point_masses import smeared_areas, smeared_moment
from models.composition.template import Template
from models.features import Features
from models.model import Density, Model, Table
from models.parameter import Parameter
from models.quadrature import everywhere
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

#: Nodes for all entries: in units of so many resolutions they are STEP apart, far from marks, and
#: near one in steps of a factor of exp(STEP), up to exp(-CROWDED), from where on steps grow.
UNIT = 3.2
STEP = 0.16  # at most
CROWDED, MARGIN = 11.0, 14.2
NODES_BETWEEN = 640  # two marks


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
    template, it is computed in closed form. Otherwise the density is replaced by point masses,
    the same for all entries, which crowd at its landmarks (`Density.landmarks`): it may be much
    narrower than the resolution, or have an edge. Nodes move with the landmarks, or a jump would
    have no slope. That is good to 1e-10 of the largest value, or bin, for a density no narrower
    than 1e-3 of the resolution.

    Where the data reach over so many resolutions that the masses would be too few (some hundreds),
    and for a density that may be infinite at an edge, each entry has nodes of its own: the integral
    over the smearing is split where a landmark comes by, with either edge of a bin, and bins are
    sums of probabilities. That takes some ten times as long; where the density is infinite (as
    1 / sqrt(x) is) it is good to 1e-4 for values and 1e-7 for bins.
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
        if x.ndim > 1:  # nodes of a quadrature
            return self.pdf(x.ravel(), *params).reshape(x.shape)
        *own, resolution = params
        if isinstance(self.density, Template):
            return self.density.smeared_pdf(x, *params)
        marks = self.density.normalised_landmarks(*own)

        def each() -> Array:
            z, weight = _nodes(x, [(x - mark) / resolution for mark in marks])
            return jnp.sum(weight * self.density.normalised_pdf(x - resolution * z, *own), axis=0)

        if not self.density.is_bounded:
            return each()
        t, weight, is_fine = _shared_nodes(jnp.min(x), jnp.max(x), marks, resolution)

        def shared() -> Array:
            mass = weight * self.density.normalised_pdf(t, *own)
            return smeared_moment(0, mass, t, x, resolution) / resolution

        return cond(everywhere(is_fine), shared, each)

    def probability(self, edges: Array, *params: Array) -> Array:
        if known := self._known(params):
            return known[0].probability(edges, *known[1])
        *own, resolution = params
        if isinstance(self.density, Template):
            return self.density.smeared_probability(edges, *params)
        marks = self.density.normalised_landmarks(*own)

        def of_one(pair: Array) -> Array:
            return self.density.normalised_probability(pair, *own)[0]

        def each() -> Array:
            low, high = edges[:-1], edges[1:]
            z, weight = _nodes(low, [(e - m) / resolution for m in marks for e in (low, high)])
            shifted = jnp.stack([low - resolution * z, high - resolution * z], axis=-1)
            # one node after the other: with a quadrature in each bin all take gigabytes
            inside = jax.lax.map(jax.vmap(of_one), shifted)
            return jnp.sum(weight * inside, axis=0)

        if not self.density.is_bounded:
            return each()
        t, weight, is_fine = _shared_nodes(edges[0], edges[-1], marks, resolution)

        def shared() -> Array:
            mass = weight * self.density.normalised_pdf(t, *own)
            return smeared_areas(mass, t, edges, resolution)

        return cond(everywhere(is_fine), shared, each)

    def landmarks(self, *params: Array) -> tuple[Array | float, ...]:
        return self.density.normalised_landmarks(*params[:-1])

    @property
    def is_slow(self) -> bool:
        is_known = self.density.normalised == "line" and type(self.density) in KNOWN
        return not is_known and not isinstance(self.density, Template)

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


def _shared_nodes(
    low: Array, high: Array, marks: tuple[Array | float, ...], resolution: Array
) -> tuple[Array, Array, Array]:
    """Positions t and weights, (nodes,), for all entries from low to high, and whether they are
    dense enough.

    The trapezoidal rule in s, of which t is a length of the same unit far from marks, and an
    exponential near them, at last a double one (H. Takahasi and M. Mori, Publ. RIMS 9 (1974) 721).
    """
    low, high = low + BORDERS[0] * resolution, high + BORDERS[-1] * resolution
    unit = UNIT * resolution
    borders = jnp.sort(jnp.stack([low, *(jnp.clip(mark, low, high) for mark in marks), high]))
    spans = jnp.diff(borders) / unit
    ends = jnp.cumsum(spans + 2 * MARGIN)
    number = NODES_BETWEEN * len(spans)
    step = ends[-1] / number
    s = step * (jnp.arange(number) + 0.5)
    piece = jnp.sum(s[:, None] > ends[:-1], axis=1)
    span = spans[piece]
    left = s - (ends - spans)[piece] + MARGIN
    right = span - left
    leap, back = jnp.exp(-left - CROWDED), jnp.exp(-right - CROWDED)
    is_left, slope = left < right, 1 + leap + back
    left, right = left - leap + back, right - back + leap
    from_left = jax.nn.softplus(left) - jax.nn.softplus(-right)
    from_right = jax.nn.softplus(right) - jax.nn.softplus(-left)
    t = jnp.where(
        is_left, borders[piece] + unit * from_left, borders[piece + 1] - unit * from_right
    )
    slope = slope * (jax.nn.sigmoid(left) - jax.nn.sigmoid(-right))
    return t, unit * step * slope, ends[-1] <= STEP * number
