"""What a shape may ask about the data to estimate its starting values."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True)
class Features:
    """Candidate positions and lengths, in units of x, best guess first.

    A plain fit of one shape offers few candidates, a sum many (its components are searched
    for one after the other); a shape need not know which, it only combines them.

    `locations`: where a peak could be. `widths`: standard deviations that a peak could have.
    `decay_lengths`: distances over which the data could fall by a factor e. `periods`: lengths
    after which the data could repeat. `low`, `high`: where the fitted data begin and end.
    `others`: the same along the other predictors, where there are several. `height`: the largest
    of the data, of counts per unit of x.
    """

    locations: tuple[float, ...]
    widths: tuple[float, ...]
    decay_lengths: tuple[float, ...]
    periods: tuple[float, ...]
    low: float
    high: float
    others: tuple["Features", ...] = ()
    height: float = 1.0

    @property
    def extent(self) -> float:
        """From where the fitted data begin to where they end; 1 where all is in one place."""
        return (self.high - self.low) or 1.0


def two_sided(data: Features, *sides: tuple[float, float]) -> Iterator[tuple[float, float, float]]:
    """Position of a peak and the widths of its left and right side, these in units of its width."""
    for mu, width, (left, right) in product(data.locations, data.widths, sides):
        # the mean lies off the peak, by sqrt(2 / pi) times the difference of the widths
        yield mu - 0.8 * (right - left) * width, left * width, right * width


def steps(data: Features) -> Iterator[tuple[float, float]]:
    """Places and widths of a step: moments say little of it, so a grid over the range."""
    extent = data.extent
    places = tuple(data.low + extent * (k + 0.5) / 8 for k in range(8))
    return product(places, (0.03 * extent, 0.15 * extent))
