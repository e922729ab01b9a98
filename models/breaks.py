"""Where a model is not smooth in x, as far as its parameters say so in a simple way."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Break:
    """An x at which a model has an edge, a kink or a jump: offset + sum of factor * parameter.

    `factors` are in pairs with the places of the parameters.
    """

    factors: tuple[tuple[int, float], ...]
    offset: float = 0.0

    def at(self, values: Iterable[float]) -> float:
        """Where it is, of all parameters' values."""
        known = tuple(values)
        return self.offset + sum(factor * float(known[i]) for i, factor in self.factors)

    def among(self, places: Mapping[int, int]) -> "Break":
        """The same of a larger model, in which the parameters have these places."""
        return Break(tuple((places[i], factor) for i, factor in self.factors), self.offset)

    def text(self, names: Sequence[str]) -> str:
        """In the client's words."""
        signs = {1.0: "", -1.0: "-"}
        terms = [signs.get(f, f"{f:g}*") + names[i] for i, f in self.factors]
        terms += [f"{self.offset:g}"] if self.offset else []
        return " + ".join(terms).replace("+ -", "- ")
