"""What a shape may ask about the data to estimate its starting values."""

from collections.abc import Sequence
from typing import Protocol


class Features(Protocol):
    """Candidate positions and lengths, in units of x, best guess first.

    A plain fit of one shape offers few candidates, a sum many (its components are searched
    for one after the other); a shape need not know which, it only combines them.
    """

    @property
    def locations(self) -> Sequence[float]:
        """Where a peak could be."""

    @property
    def widths(self) -> Sequence[float]:
        """Standard deviations that a peak could have."""

    @property
    def decay_lengths(self) -> Sequence[float]:
        """Distances over which the data could fall by a factor e."""

    @property
    def periods(self) -> Sequence[float]:
        """Lengths after which the data could repeat."""

    @property
    def low(self) -> float:
        """Where the fitted data begin."""

    @property
    def high(self) -> float:
        """Where the fitted data end."""

    @property
    def others(self) -> Sequence["Features"]:
        """The same along the other predictors, where there are several."""
