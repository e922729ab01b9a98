"""What tells kernels apart."""

from typing import NamedTuple

from fitting.kernels.costs import COSTS, OfPrediction
from models.model import Model

FEW = 64  # entries, up to which a matrix more costs next to nothing
LONG = 512  # entries, from which on time goes to them and not to the number of operations


class KernelKey(NamedTuple):
    """What is compiled separately; models that differ in names only are equal."""

    cost: str
    model: Model
    length: int

    @property
    def has_all_in_one(self) -> bool:
        """Whether `derivatives` give the information, too.

        To compile that and `linearised` takes 1.5 times as long as to compile it alone, and over
        few entries an evaluation is hardly longer. Errors in x need derivatives of a higher order.
        """
        return self.length <= FEW and isinstance(COSTS[self.cost], OfPrediction)

    @property
    def is_long(self) -> bool:
        """Whether it is worth more compilation, and other code, to spend less on an entry."""
        return self.length >= LONG
