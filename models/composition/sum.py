"""Sum of models."""

from collections.abc import Iterable
from dataclasses import dataclass

from jax import Array

from models.features import Features
from models.model import Model
from models.parameter import Parameter


@dataclass(frozen=True)
class Sum(Model):
    """Terms added; the parameters of each term follow those of the one before."""

    terms: tuple[Model, ...] = ()

    formula = "the sum of its components"
    reference = "-"

    @property
    def components(self) -> tuple[Model, ...]:
        return tuple(leaf for term in self.terms for leaf in term.components)

    def declare(self) -> tuple[Parameter, ...]:
        return tuple(p for term in self.terms for p in term.parameters)

    def split(self, params: tuple[Array, ...]) -> list[tuple[Model, tuple[Array, ...]]]:
        """Each term with its own parameters."""
        pairs, first = [], 0
        for term in self.terms:
            last = first + len(term.declare())
            pairs.append((term, params[first:last]))
            first = last
        return pairs

    def value(self, x: Array, *params: Array) -> Array:
        return sum_arrays(term.value(x, *own) for term, own in self.split(params))

    def integral(self, edges: Array, *params: Array) -> Array:
        return sum_arrays(term.integral(edges, *own) for term, own in self.split(params))

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        """None: the terms are searched for one after the other, by their own candidates."""
        return ()


def sum_arrays(arrays: Iterable[Array]) -> Array:
    """Sum of at least one array."""
    first, *rest = arrays
    for array in rest:
        first = first + array
    return first
