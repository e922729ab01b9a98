"""What a shape may ask about the data to estimate its starting values."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Features:
    """Candidate positions and lengths, in units of x, best guess first.

    A plain fit of one shape offers few candidates, a sum many (its components are searched
    for one after the other); a shape need not know which, it only combines them.

    `locations`: where a peak could be. `widths`: standard deviations that a peak could have.
    `decay_lengths`: distances over which the data could fall by a factor e. `periods`: lengths
    after which the data could repeat. `low`, `high`: where the fitted data begin and end.
    `others`: the same along the other predictors, where there are several.
    """

    locations: tuple[float, ...]
    widths: tuple[float, ...]
    decay_lengths: tuple[float, ...]
    periods: tuple[float, ...]
    low: float
    high: float
    others: tuple["Features", ...] = ()
