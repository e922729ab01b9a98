"""Candidates for the ends of a shape's range, where the client leaves them free.

At an end the expectation drops to nothing, so the cost has a minimum of its own for nearly every
bin that the end may lie in, and is infinite where it leaves counts outside.
"""

from collections.abc import Mapping
from itertools import product

import numpy as np

from fitting.bounds import Bounds
from fitting.entries import Ranges
from models.parameter import Parameter

FINE, ROUGH = 24, 6  # places of one end
MOST = 600  # combinations; of many ends each has fewer places


def ends_of_range(
    ends: Mapping[int, Parameter], bounds: Bounds, data: Ranges, *, fine: bool
) -> list[dict[int, float]]:
    """Combinations of places for these parameters, by their index; the widest range first.

    `fine`: many of them, where nothing else is searched for.
    """
    if not ends:
        return []
    places = min(FINE if fine else ROUGH, int(MOST ** (1 / len(ends))))
    grids = []
    for i, parameter in ends.items():
        low, high = np.clip(data[parameter.column], bounds.lower[i], bounds.upper[i])
        grid = np.linspace(low, high, places, endpoint=False)
        grids.append(grid if parameter.end == "low" else low + high - grid)
    ranked = sorted(product(*map(enumerate, grids)), key=lambda row: sum(r for r, _ in row))
    rows = [dict(zip(ends, (float(v) for _, v in row), strict=True)) for row in ranked]
    return [row for row in rows if _are_in_order(row, ends)] or rows[:1]


def _are_in_order(row: Mapping[int, float], ends: Mapping[int, Parameter]) -> bool:
    """Whether each low end is below every high one of the same predictor."""
    pairs = product(row.items(), repeat=2)
    return all(
        low < high
        for (i, low), (k, high) in pairs
        if (ends[i].end, ends[k].end) == ("low", "high") and ends[i].column == ends[k].column
    )
