"""What every fit model is: parameters, value at x, integral over bins, candidate starts."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, ClassVar, Literal

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from models.breaks import Break
from models.features import Features
from models.parameter import ENDS, Parameter
from models.quadrature import bin_integrals

QUADRATURE_ORDER = 16

Table = Any  # a NumPy array on the host, a JAX array inside a kernel


@dataclass(frozen=True)
class Example:
    """Parameter values and an x range on which the shape looks like itself."""

    values: tuple[float, ...]
    x_range: tuple[float, float]


@dataclass(frozen=True)
class Model(ABC):
    """A function of x and parameters, immutable and hashable.

    Two models that compute the same thing are equal whatever their parameters are called
    (`prefix` takes no part in the comparison), so they share one compiled kernel.
    """

    prefix: str = field(default="", compare=False, kw_only=True)
    rename: tuple[tuple[str, str], ...] = field(default=(), compare=False, kw_only=True)

    formula: ClassVar[str]
    reference: ClassVar[str]
    example: ClassVar[Example]

    @abstractmethod
    def declare(self) -> tuple[Parameter, ...]:
        """The parameters, without prefix, in the order in which `value` takes them."""

    @abstractmethod
    def value(self, x: Array, *params: Array) -> Array:
        """Value at x, of the shape of x."""

    def integral(self, edges: Array, *params: Array) -> Array:
        """Integral over each bin, (bins + 1,) edges to (bins,); exact where a shape can."""
        return bin_integrals(lambda x: self.value(x, *params), edges, QUADRATURE_ORDER)

    def cuts(self, *params: Array) -> tuple[Array | float, ...]:
        """Places, or arrays of them, at which a quadrature of a product with it has to be cut."""
        return ()

    @abstractmethod
    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        """Candidate values of the `searched` parameters, in order."""

    def starts_beside(
        self, data: Features, known: Mapping[int, float]
    ) -> Iterable[tuple[float, ...]]:
        """The same of those whose values are not known by their place, the others being so."""
        own = [k for k, place in enumerate(self.searched) if place not in known]
        return dict.fromkeys(tuple(row[k] for k in own) for row in self.starts(data))

    @property
    def searched(self) -> list[int]:
        """The places of the parameters that are neither linear nor an end of the range."""
        return [i for i, p in enumerate(self.declare()) if not p.linear and p.end is None]

    def coordinates(
        self, low: float, high: float
    ) -> "tuple[Model, Sequence[Sequence[Fraction]]] | None":
        """A model of the same functions in parameters that depend less on each other, if known.

        From `low` to `high` the data lie. The matrix, upper triangular, makes the parameters of
        this model from those of that one, whose ends of its range come last and are no part of it.
        """
        return None

    @property
    def has_coordinates(self) -> bool:
        """Whether it may know such a model."""
        return type(self).coordinates is not Model.coordinates

    @property
    def inputs(self) -> int:
        """Number of predictors; for several, x of `value` is (inputs, points), or their list."""
        return 1

    @property
    def parts(self) -> tuple[tuple["Model", tuple[int, ...]], ...]:
        """The terms of a sum, each with the places of its parameters; else the whole model."""
        return ((self, tuple(range(len(self.declare())))),)

    @property
    def relative(self) -> Mapping[int, int]:
        """Places of parameters a and of linear ones n: the model is affine in n and a*n, too."""
        return {}

    @property
    def breaks(self) -> tuple[Break, ...]:
        """Where the model has an edge, kink or jump."""
        return tuple(Break(((i, 1.0),)) for i, p in enumerate(self.declare()) if p.end is not None)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters by the names that the client sees."""
        declared = self.declare()
        if not self.prefix and not self.rename:
            return declared
        renamed = dict(self.rename)
        return tuple(replace(p, name=renamed.get(p.name, self.prefix + p.name)) for p in declared)

    @property
    def given_names(self) -> frozenset[str]:
        """Parameter names that the client chose in full: these may be shared between terms."""
        return frozenset(new for _, new in self.rename)

    @property
    def is_custom(self) -> bool:
        """Whether clients wrote it: nobody knows how long such a thing takes to compile."""
        return False

    @property
    def by_quadrature(self) -> bool:
        """Whether what is narrow inside a bin may be missed by its integral."""
        return type(self).integral is Model.integral

    @property
    def is_slow(self) -> bool:
        """Whether one evaluation takes so long that many at once would keep a deadline waiting."""
        return False

    @property
    def breadth(self) -> int:
        """How many terms and factors are compiled one by one."""
        return 1

    @property
    def tables(self) -> tuple[Table, ...]:
        """Data of the model's own (templates), which are arguments of a kernel like other data."""
        return ()

    def with_tables(self, tables: Iterator[Table]) -> "Model":
        """The same model on these tables, taken from the iterator in order."""
        return self


@dataclass(frozen=True)
class Density(Model):
    """`amp` times a normalised pdf; amp is the number of events, or the area of a peak.

    With `normalised="range"` the pdf is truncated to the interval from `low` to `high`, two more
    parameters, which are fixed at the ends of the fitted data unless the client says otherwise;
    amp is then the number of events inside.
    """

    normalised: Literal["line", "range"] = field(
        default="line",
        kw_only=True,
        metadata={
            "doc": "line: the density has its integral on the whole line; range: on the fit range, "
            "from low to high, which become parameters; amp is the number of events there"
        },
    )

    amplitude: ClassVar[Parameter] = Parameter("amp", linear=True, events=True)
    is_bounded: ClassVar[bool] = True  # or the pdf, or its slope, may be infinite at an edge

    def declare(self) -> tuple[Parameter, ...]:
        ends = ENDS if self.normalised == "range" else ()
        return (self.amplitude, *self.pdf_parameters(), *ends)

    @property
    def by_quadrature(self) -> bool:
        kind = type(self)
        return (
            kind.probability is Density.probability
            and kind.normalised_probability is Density.normalised_probability
        )

    @abstractmethod
    def pdf_parameters(self) -> tuple[Parameter, ...]:
        """The parameters of the pdf, without amp and the ends of the range."""

    @abstractmethod
    def pdf(self, x: Array, *params: Array) -> Array:
        """Probability density at x; on the whole line, or unnormalised if it has no integral."""

    def probability(self, edges: Array, *params: Array) -> Array:
        """Integral of the pdf over each bin; exact where there is a cdf."""
        return bin_integrals(lambda x: self.pdf(x, *params), edges, QUADRATURE_ORDER)

    def landmarks(self, *params: Array) -> tuple[Array | float, ...]:
        """Where the pdf has an edge or a kink, or is at its narrowest, within a few widths.

        A convolution is cut there. Derivatives need edges and kinks to move as parameters do.
        """
        named = zip(self.pdf_parameters(), params, strict=True)
        return tuple(place for parameter, place in named if parameter.name == "mu")

    def cuts(self, *params: Array) -> tuple[Array | float, ...]:
        """The ends of its range, and its landmarks if they are not just the place of a peak."""
        _, *own = params
        named = zip(self.declare()[1:], own, strict=True)
        ends = [place for parameter, place in named if parameter.end is not None]
        has_more = type(self).landmarks is not Density.landmarks
        return *ends, *(self.normalised_landmarks(*own) if has_more else ())

    def value(self, x: Array, *params: Array) -> Array:
        amp, *rest = params
        return amp * self.normalised_pdf(x, *rest)

    def integral(self, edges: Array, *params: Array) -> Array:
        amp, *rest = params
        return amp * self.normalised_probability(edges, *rest)

    def normalised_pdf(self, x: Array, *params: Array) -> Array:
        """The pdf, on the range if it is normalised there."""
        if self.normalised == "line":
            return self.pdf(x, *params)
        *own, low, high = params
        inside = (x >= low) & (x <= high)
        # where the density is not wanted it must not spoil the gradient
        density = self.pdf(jnp.where(inside, x, low), *own)
        total = self._total(low, high, own)
        # the slope of a quotient has the square of a divisor, here of 1: a total may be tiny
        scale = stop_gradient(total)
        return jnp.where(inside, density, 0.0) / scale / (total / scale)

    def normalised_probability(self, edges: Array, *params: Array) -> Array:
        """The probability of each bin, on the range if it is normalised there."""
        if self.normalised == "line":
            return self.probability(edges, *params)
        *own, low, high = params
        clipped = jnp.where(edges < low, low, jnp.where(edges > high, high, edges))
        # the range, too, in these bins: a second integral would be compiled once more
        ends = jnp.reshape(low, 1), jnp.reshape(high, 1)
        parts = self.probability(jnp.concatenate([ends[0], clipped, ends[1]]), *own)
        # again with a divisor of 1
        parts = parts / stop_gradient(jnp.sum(parts))
        return parts[1:-1] / jnp.sum(parts)

    def normalised_landmarks(self, *params: Array) -> tuple[Array | float, ...]:
        """Those of the pdf, and the ends of the range if it is normalised there."""
        if self.normalised == "line":
            return self.landmarks(*params)
        *own, low, high = params
        return *self.landmarks(*own), low, high

    def _total(self, low: Array, high: Array, params: Sequence[Array]) -> Array:
        return self.probability(jnp.stack([jnp.asarray(low), jnp.asarray(high)]), *params)[0]
