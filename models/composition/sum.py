"""Sum of models."""

from collections.abc import Iterable
from dataclasses import dataclass

from jax import Array

from models.composition.composite import Composite
from models.features import Features
from models.model import Model


@dataclass(frozen=True)
class Sum(Composite):
    """Terms added, each with an amount of its own."""

    formula = "the sum of its terms"
    reference = "-"

    @property
    def parts(self) -> tuple[tuple[Model, tuple[int, ...]], ...]:
        return tuple(
            (leaf, tuple(places[i] for i in inner))
            for term, places in zip(self.terms, self.layout, strict=True)
            for leaf, inner in term.parts
        )

    def value(self, x: Array, *params: Array) -> Array:
        return add_arrays(term.value(x, *own) for term, own in self.split(params))

    def integral(self, edges: Array, *params: Array) -> Array:
        return add_arrays(term.integral(edges, *own) for term, own in self.split(params))

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        """None: the terms are searched for one after the other, by their own candidates."""
        return ()


def add_arrays(arrays: Iterable[Array]) -> Array:
    """Sum of at least one array."""
    first, *rest = arrays
    for array in rest:
        first = first + array
    return first
