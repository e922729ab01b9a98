"""Minima next to the one that was found, where the model has an edge, a kink or a jump.

The cost is smooth while such a place moves within a bin or between two points, and may have a
minimum there; at the next edge or point another piece begins, which no descent sees. A piece may be
lowest at its end, where the cost has no minimum but a corner, or a jump: with errors in x these
count for a point on one side of a kink and not on the other.
"""

import math
from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np

from fitting.data import Histogram
from fitting.padding import Floats
from fitting.problem import FitProblem
from fitting.search.corners import at_corner, small_step
from fitting.search.descent import SAME_COST, Descent
from fitting.search.newton import Minimum
from fitting.search.positions import Positions
from models.breaks import Break

MOST_STEPS = 20  # descents in all
MOST_DATA = 2000  # where a descent more is hardly noticed
WORTH_TELLING = 0.1  # of the cost

Cost = Callable[[Minimum], float]


class Neighbours:
    """The pieces next to a minimum; `lower` are breaks at whose corners the cost is lower."""

    def __init__(self, problem: FitProblem, descent: Descent, cost: Cost, minimum: Minimum):
        self.problem = problem
        self.descent = descent
        self.cost = cost
        self.lowest = minimum
        self.lower: dict[Break, float] = {}  # and by how much
        self._steps = 0

    def look(self) -> None:
        """For the lowest that steps from piece to piece lead to, as long as each goes down."""
        problem = self.problem
        breaks = [one for one in problem.model.breaks if self._position(one).breaks]
        if not breaks or problem.data.size > MOST_DATA:
            return
        borders = self._borders()
        for one in breaks:
            for way in (-1, 1):
                while (found := self._next(self.lowest, one, way, borders)) is not None:
                    self.lowest = found
        for one in breaks:
            corners = _corners(one.at(self.lowest.values), borders)
            gain = max((self._gain(self.lowest, one, x) for x in corners), default=0)
            if gain > WORTH_TELLING:
                self.lower[one] = gain

    def _position(self, one: Break) -> Positions:
        return Positions.of([one], self.problem.bounds)

    def _gain(self, minimum: Minimum, one: Break, x: float) -> float:
        """By how much the cost is lower with a break at x, all else at its best."""
        position, bounds = self._position(one), self.problem.bounds
        start = position.put(minimum.values, [x])
        objective = self.descent.objective
        if self._steps == MOST_STEPS or not (
            bounds.contain(start) and objective.can_start_at(start)
        ):
            return 0.0
        self._steps += 1
        found = self.descent.holding(position, start).run(position.coordinates(start))
        gain = (minimum.fval - found.fval) * found.scale  # of what the client is told
        inside = bounds.contain(position.params(found.values))
        return gain if inside and math.isfinite(gain) else 0.0

    def _next(self, minimum: Minimum, one: Break, way: int, borders: Floats) -> Minimum | None:
        """A certain minimum in the next piece, or at its corner, if it is lower."""
        side: Literal["left", "right"] = "right" if way < 0 else "left"  # of where it stands
        k = int(np.searchsorted(borders, one.at(minimum.values), side)) + way
        if self._steps == MOST_STEPS or not 0 < k < len(borders):
            return None
        middle = float(borders[k - 1] + borders[k]) / 2
        start = self._position(one).put(minimum.values, [middle])
        objective = self.descent.objective
        if not (self.problem.bounds.contain(start) and objective.can_start_at(start)):
            return None
        self._steps += 1
        found = at_corner(self.descent, self.descent.run(start))
        gain = self.cost(minimum) - self.cost(found)
        if not (found.defined and gain > SAME_COST * abs(self.cost(minimum))):
            return None
        return found if self.descent.is_certain(found) else None

    def _borders(self) -> Floats:
        """Where pieces begin and end."""
        data = self.problem.data
        if isinstance(data, Histogram):
            return data.edges[data.span.start : data.span.stop + 1]
        return np.unique(data.x[data.inside])


def _corners(place: float, borders: Floats) -> Iterator[float]:
    """Both sides of either end of the piece, or pieces, in which a break stands."""
    first, last = (np.searchsorted(borders, place, s) for s in ("left", "right"))
    for border in borders[max(first - 1, 0) : last + 1].tolist():
        distance = small_step(border, borders[-1] - borders[0])
        yield border - distance
        yield border + distance
