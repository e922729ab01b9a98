"""Sum of models."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax import Array

from models.composition.composite import Composite
from models.features import Features
from models.model import Model

MANY = 3  # equal terms, from which on their one call is worth it


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
        return add_terms("value", x, self.split(params))

    def integral(self, edges: Array, *params: Array) -> Array:
        return add_terms("integral", edges, self.split(params))

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        """Combinations of the terms' own: inside other models.

        The terms of a sum that stands alone are searched for one after the other.
        """
        return self.combined_starts(data, {})


def add_terms(
    method: Literal["value", "integral"], x: Array, terms: Iterable[tuple[Model, tuple[Array, ...]]]
) -> Array:
    """Sum of value or integral of terms, each with its parameters; many equal ones are one call.

    They are compiled once then, however many there are.
    """
    single, arrays = [], []
    for term, rows in grouped(terms):
        if len(rows) < MANY:
            single += [(term, params) for params in rows]
            continue
        function = partial(getattr(term, method), x)
        arrays.append(jax.vmap(function)(*map(jnp.stack, zip(*rows, strict=True))).sum(axis=0))
    return add_arrays([*(getattr(term, method)(x, *params) for term, params in single), *arrays])


def grouped(
    terms: Iterable[tuple[Model, tuple[Any, ...]]],
) -> list[tuple[Model, list[tuple[Any, ...]]]]:
    """Equal terms, each once, with the parameters of all, or with their places.

    One with tables stays alone: it is equal to others of its size, whatever is in them.
    """
    alike: dict[tuple[Model, int | None], list[tuple[Any, ...]]] = {}
    for i, (term, params) in enumerate(terms):
        alike.setdefault((term, i if term.tables else None), []).append(params)
    return [(term, rows) for (term, _), rows in alike.items()]


def add_arrays(arrays: Iterable[Array]) -> Array:
    """Sum of at least one array."""
    first, *rest = arrays
    for array in rest:
        first = first + array
    return first
