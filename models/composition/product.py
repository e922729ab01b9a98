"""Product of models."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from operator import mul

import jax.numpy as jnp
from jax import Array

from models.composition.composite import Composite, searched_names
from models.composition.sum import Sum
from models.features import Features
from models.model import QUADRATURE_ORDER, Density, Model
from models.parameter import Parameter
from models.quadrature import cut_integrals


@dataclass(frozen=True)
class Product(Composite):
    """Factors multiplied: densities without their amp, other models as they are.

    Only one scale can be told from the data. The first factor that is no density keeps its own;
    if all are densities, the product has an `amp` of its own, the factor in front (no number of
    events: a product of densities is not normalised).
    """

    formula = "the product of its factors"
    reference = "-"

    def taking(self) -> list[tuple[Model, tuple[Parameter, ...]]]:
        scale = self._scale
        return [
            (
                term,
                tuple(
                    replace(p, linear=p.linear and i == scale, events=False)
                    for p in term.parameters[isinstance(term, Density) :]
                ),
            )
            for i, term in enumerate(self.terms)
        ]

    @property
    def by_quadrature(self) -> bool:
        return True

    @property
    def breadth(self) -> int:
        """Equal factors, too, are compiled one by one."""
        return sum(term.breadth for term in self.terms)

    @property
    def _scale(self) -> int:
        """The factor whose linear parameters are those of the product, a sum first; -1: its amp."""
        others = [i for i, term in enumerate(self.terms) if not isinstance(term, Density)]
        sums = [i for i in others if isinstance(self.terms[i], Sum)]
        return next(iter([*sums, *others]), -1)

    def own(self) -> tuple[Parameter, ...]:
        return (Parameter("amp", linear=True),) if self._scale < 0 else ()

    def value(self, x: Array, *params: Array) -> Array:
        factors = [
            term.normalised_pdf(x, *own) if isinstance(term, Density) else term.value(x, *own)
            for term, own in self.split(params)
        ]
        scale = [params[0]] if self._scale < 0 else []
        return reduce(mul, [*scale, *factors])

    def integral(self, edges: Array, *params: Array) -> Array:
        """By quadrature, with bins cut where a factor has an edge."""
        cuts = self.cuts(*params)
        if not cuts:
            return super().integral(edges, *params)
        middle = (edges[0] + edges[-1]) / 2

        def inside_pieces(x: Array, _: Array) -> Array:
            some = x[:, :1] != x[:, -1:]  # at its edge a density may be infinite
            return jnp.where(some, self.value(jnp.where(some, x, middle), *params), 0.0)

        places = jnp.concatenate([jnp.ravel(jnp.asarray(cut, dtype=float)) for cut in cuts])
        places = jnp.where(jnp.isfinite(places), places, edges[-1])
        return cut_integrals(inside_pieces, edges, places, QUADRATURE_ORDER)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        """Combinations of the factors' own; coefficients of all but one factor begin at 1."""
        return self.combined_starts(data, dict.fromkeys(searched_names(self), 1.0))
