"""Mixture of densities: one number of events, shared out by fractions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from jax import Array

from models.composition.composite import Composite
from models.composition.sum import Sum, add_terms
from models.features import Features
from models.model import Density, Model
from models.parameter import Parameter

ROUNDED = 1e-12  # a share that is nothing


@dataclass(frozen=True)
class Mixture(Composite):
    """amp (f1 p1 + f2 p2 + ... + (1 - f1 - f2 - ...) pn), densities p.

    The fraction of a term is called its prefix and `fraction`, or fraction1, fraction2, ... of
    terms without one; the last term has none, because it gets what the others leave.
    """

    formula = "amp * (f1 p1 + f2 p2 + ... + (1 - f1 - f2 - ...) pn)"
    reference = "-"

    def taking(self) -> list[tuple[Model, tuple[Parameter, ...]]]:
        return [(term, term.parameters[1:]) for term in self.terms]

    def own(self) -> tuple[Parameter, ...]:
        return (Density.amplitude, *(Parameter(name, 0.0, 1.0) for name in self._fractions()))

    def _fractions(self) -> list[str]:
        return [
            f"{term.prefix}fraction" if term.prefix else f"fraction{i + 1}"
            for i, term in enumerate(self.terms[:-1])
        ]

    def _with_amounts(self, params: tuple[Array, ...]) -> list[tuple[Model, tuple[Array, ...]]]:
        amp, *fractions = params[: len(self.terms)]
        shares = (*fractions, 1.0 - sum(fractions))
        parts = zip(shares, self.split(params), strict=True)
        return [(term, (amp * share, *own)) for share, (term, own) in parts]

    def value(self, x: Array, *params: Array) -> Array:
        return add_terms("value", x, self._with_amounts(params))

    def integral(self, edges: Array, *params: Array) -> Array:
        return add_terms("integral", edges, self._with_amounts(params))

    def shares(self, params: Sequence[float]) -> list[float]:
        """Those of all terms; that of the last is negative where the fractions exceed 1."""
        fractions = params[1 : len(self.terms)]
        return [*fractions, 1.0 - sum(fractions)]

    @property
    def with_yields(self) -> Sum:
        """The same terms, each with its own amount: linear, so the better model to start from."""
        return Sum(terms=self.terms)

    def from_yields(self, values: Mapping[str, float]) -> tuple[float, ...]:
        """Parameters, by those of `with_yields`."""
        amounts = [values[term.parameters[0].name] for term in self.terms]
        total = sum(amounts) or 1.0
        shares = [amount / total for amount in amounts[:-1]]
        found = dict(zip([p.name for p in self.own()], [total, *shares], strict=True))
        return tuple(found.get(p.name, values.get(p.name, 0.0)) for p in self.declare())

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        """Equal shares of terms at their own first candidates: inside other models.

        A mixture that stands alone is better started by way of `with_yields`.
        """
        shares = {name: 1 / len(self.terms) for name in self._fractions()}
        return self.combined_starts(data, shares)


def negative_shares(model: Model, params: Sequence[float]) -> Iterator[tuple[Mixture, float]]:
    """The mixtures in a model whose last terms have a negative share, and how large it is."""
    if not isinstance(model, Composite):
        return
    if isinstance(model, Mixture):
        last = model.shares(params)[-1]
        if last < -ROUNDED:
            yield model, last
        return  # its terms are densities
    for term, places in zip(model.terms, model.layout, strict=True):
        yield from negative_shares(term, [params[i] for i in places])
