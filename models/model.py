"""What every fit model is: parameters, value at x, integral over bins, candidate starts."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import ClassVar

from jax import Array

from models.features import Features
from models.parameter import Parameter
from models.quadrature import bin_integrals

QUADRATURE_ORDER = 16


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

    @abstractmethod
    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        """Candidate values of the parameters that are not linear, in order."""

    @property
    def components(self) -> tuple["Model", ...]:
        """The terms of a sum; a plain shape is its own only term."""
        return (self,)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters by the names that the client sees."""
        declared = self.declare()
        if not self.prefix:
            return declared
        return tuple(replace(p, name=self.prefix + p.name) for p in declared)


@dataclass(frozen=True)
class Density(Model):
    """`amp` times a normalised pdf; amp is the number of events, or the area of a peak."""

    amplitude: ClassVar[Parameter] = Parameter("amp", linear=True, events=True)

    def declare(self) -> tuple[Parameter, ...]:
        return (self.amplitude, *self.pdf_parameters())

    @abstractmethod
    def pdf_parameters(self) -> tuple[Parameter, ...]:
        """The parameters of the pdf, without amp."""

    @abstractmethod
    def pdf(self, x: Array, *params: Array) -> Array:
        """Probability density at x."""

    def probability(self, edges: Array, *params: Array) -> Array:
        """Probability of each bin; exact where there is a cdf."""
        return bin_integrals(lambda x: self.pdf(x, *params), edges, QUADRATURE_ORDER)

    def value(self, x: Array, *params: Array) -> Array:
        amp, *rest = params
        return amp * self.pdf(x, *rest)

    def integral(self, edges: Array, *params: Array) -> Array:
        amp, *rest = params
        return amp * self.probability(edges, *rest)
