"""What polynomials of every kind share: a degree, and bins that a Gauss rule integrates exactly."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Interval
from jax import Array

from models.features import Features
from models.model import Model
from models.quadrature import bin_integrals

HIGHEST_DEGREE = 20
Degree = Annotated[int, Interval(ge=0, le=HIGHEST_DEGREE)]


@dataclass(frozen=True)
class Series(Model):
    """A polynomial in x, linear in its coefficients."""

    degree: Degree = 2

    def integral(self, edges: Array, *params: Array) -> Array:
        # exact at this order, and free of the antiderivative's cancellation
        return bin_integrals(lambda x: self.value(x, *params), edges, self.degree // 2 + 1)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        return ((),)
