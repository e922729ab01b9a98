"""What all models made of several terms share: whose parameter is whose."""

import math
from collections import ChainMap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TypeVar

import jax.numpy as jnp
from jax import Array

from models.breaks import Break
from models.features import Features
from models.model import Model, Table
from models.parameter import Parameter, merge

MOST_QUICK = 6  # terms and factors; twenty took 15 s to compile
MOST_STARTS = 60

T = TypeVar("T")


@dataclass(frozen=True)
class Composite(Model):
    """Several terms; parameters of one name are one parameter.

    `layout` holds for each term the places of its parameters among those of the whole. Names take
    no part in a comparison of models, so it is what tells shared parameters from separate ones.
    """

    terms: tuple[Model, ...] = ()
    layout: tuple[tuple[int, ...], ...] = field(init=False)

    def __post_init__(self) -> None:
        places = {p.name: i for i, p in enumerate(self.declare())}
        layout = tuple(tuple(places[p.name] for p in taken) for _, taken in self.taking())
        object.__setattr__(self, "layout", layout)

    def taking(self) -> list[tuple[Model, tuple[Parameter, ...]]]:
        """Each term with the parameters that it takes."""
        return [(term, term.parameters) for term in self.terms]

    def own(self) -> tuple[Parameter, ...]:
        """Parameters of the whole alone, before those of the terms."""
        return ()

    def declare(self) -> tuple[Parameter, ...]:
        merged = {p.name: p for p in self.own()}
        for _, taken in self.taking():
            for parameter in taken:
                known = merged.get(parameter.name, parameter)
                merged[parameter.name] = merge(known, parameter)
        return tuple(merged.values())

    def split(self, params: tuple[Array, ...]) -> list[tuple[Model, tuple[Array, ...]]]:
        """Each term with what it takes."""
        return [
            (term, tuple(params[i] for i in places))
            for term, places in zip(self.terms, self.layout, strict=True)
        ]

    def cuts(self, *params: Array) -> tuple[Array | float, ...]:
        """Those of its terms; an amount that a term does not take moves none of them."""
        amount = [jnp.ones(())]
        return tuple(
            cut
            for term, own in self.split(params)
            for cut in term.cuts(*amount * (len(term.declare()) - len(own)), *own)
        )

    def combined_starts(
        self, data: Features, others: dict[str, float]
    ) -> Iterator[tuple[float, ...]]:
        """Combinations of the terms' own candidates, and values of the other parameters."""
        choices = [
            [dict(zip(searched_names(term), c, strict=True)) for c in term.starts(data)]
            for term in self.terms
        ]
        names = searched_names(self)
        for combination in spread(choices, MOST_STARTS):
            merged = ChainMap(*combination, others)  # of a shared one the first term says
            yield tuple(merged[name] for name in names)

    @property
    def given_names(self) -> frozenset[str]:
        return super().given_names.union(*(term.given_names for term in self.terms))

    @property
    def breaks(self) -> tuple[Break, ...]:
        found = list[Break]()
        for (term, taken), places in zip(self.taking(), self.layout, strict=True):
            own = dict(enumerate(places, len(term.declare()) - len(taken)))
            known = (b for b in term.breaks if all(i in own for i, _ in b.factors))
            found += [b.among(own) for b in known]
        return tuple(dict.fromkeys(found))

    @property
    def is_custom(self) -> bool:
        return self.breadth > MOST_QUICK or any(term.is_custom for term in self.terms)

    @property
    def is_slow(self) -> bool:
        return any(term.is_slow for term in self.terms)

    @property
    def by_quadrature(self) -> bool:
        return any(term.by_quadrature for term in self.terms)

    @property
    def breadth(self) -> int:
        """Equal terms are compiled once."""
        return sum(term.breadth for term in set(self.terms))

    @property
    def tables(self) -> tuple[Table, ...]:
        return tuple(table for term in self.terms for table in term.tables)

    def with_tables(self, tables: Iterator[Table]) -> Model:
        return replace(self, terms=tuple(term.with_tables(tables) for term in self.terms))


def searched_names(model: Model) -> list[str]:
    """The names of the parameters of which `starts` gives candidates, in order."""
    return [model.parameters[i].name for i in model.searched]


def spread(choices: Sequence[Sequence[T]], most: int) -> Iterator[tuple[T, ...]]:
    """All combinations of one of each; of many the first, and others from everywhere.

    By multiples of the powers of a generalised golden section (H. Niederreiter, Random Number
    Generation and Quasi-Monte Carlo Methods, SIAM 1992, sec. 3.1: a Kronecker sequence).
    """
    if math.prod(map(len, choices)) <= most:
        yield from product(*choices)
        return
    ratio = 2.0
    for _ in range(60):
        ratio = (1 + ratio) ** (1 / (1 + len(choices)))
    steps = [ratio ** -(i + 1) for i in range(len(choices))]
    for k in range(most):
        yield tuple(
            options[int(k * step % 1 * len(options))]
            for step, options in zip(steps, choices, strict=True)
        )
