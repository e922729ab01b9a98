"""A histogram as a model: the shape of a simulation or of a control sample."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import jax.numpy as jnp
from jax import Array

from models.features import Features
from models.model import Density, Model, Table
from models.parameter import Parameter


@dataclass(frozen=True)
class Template(Density):
    """`amp` times a histogram of `size` bins, normalised, flat within each bin.

    Its edges and the running sum of its contents (both size + 1) are data of the kernel, so that
    another template of the same size compiles nothing. Statistical errors of the template are not
    part of the fit.
    """

    size: int = 0
    edges: Table = field(default=None, compare=False, repr=False)
    below: Table = field(default=None, compare=False, repr=False)

    formula = "amp * (content of the template's bin) / (sum of its contents) / (width of the bin)"
    reference = "R. Barlow and C. Beeston, Comput. Phys. Commun. 77 (1993) 219, without errors"

    def pdf_parameters(self) -> tuple[Parameter, ...]:
        return ()

    @property
    def tables(self) -> tuple[Table, ...]:
        return self.edges, self.below

    def with_tables(self, tables: Iterator[Table]) -> Model:
        return replace(self, edges=next(tables), below=next(tables))

    def pdf(self, x: Array, *params: Array) -> Array:
        upper = jnp.clip(jnp.searchsorted(self.edges, x, side="right"), 1, self.size)
        width = self.edges[upper] - self.edges[upper - 1]
        inside = (x >= self.edges[0]) & (x <= self.edges[self.size]) & (width > 0)
        content = self.below[upper] - self.below[upper - 1]
        return jnp.where(inside, content / jnp.where(inside, width, 1.0), 0.0) / self.below[-1]

    def probability(self, edges: Array, *params: Array) -> Array:
        return jnp.diff(jnp.interp(edges, self.edges, self.below)) / self.below[-1]

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        return ((),)
