"""Minima at a corner of the cost, where a kink of the model passes one of the data.

On either side the cost has a slope there, and it rises both ways: a minimum, as good as any other,
although no gradient vanishes. About every sixth fit of a broken line ends there. The errors are
those of the derivatives all the same (J. Feder, Ann. Statist. 3 (1975) 49).
"""

import numpy as np

from fitting.data import Points
from fitting.search.descent import SAME_COST, Descent
from fitting.search.newton import Minimum

NEAR = 1e-6  # of the range of the data; a descent that ends at a corner comes much nearer
BESIDE = 1e-9  # of it


def at_corner(descent: Descent, ended: Minimum) -> Minimum:
    """The minimum at the corner where a descent ended; what ended elsewhere, as it was."""
    data, bounds = descent.problem.data, descent.problem.bounds
    places = [i for i in descent.problem.model.breaks if not bounds.fixed[i]]
    if not places or not isinstance(data, Points) or data.has_x_err or not ended.defined:
        return ended
    if descent.is_certain(ended):
        return ended
    x = data.x[data.inside]
    extent = float(np.ptp(x))
    start, corners = ended.values.copy(), []
    for i in places:
        nearest = x[np.abs(x - start[i]).argmin()]
        if abs(nearest - start[i]) < NEAR * extent and bounds.lower[i] < nearest < bounds.upper[i]:
            start[i] = nearest
            corners.append(i)
    if not corners:
        return ended
    held = descent.holding(corners, start)
    rest = held.run(start)
    if not held.is_certain(rest) or not all(
        _rises(descent, rest, i, beside(rest.values[i], extent)) for i in corners
    ):
        return ended
    return descent.certify(rest.values).at_corners(corners)


def beside(x: float, extent: float) -> float:
    """A distance from x that data of this extent do not notice, but a number does."""
    return float(max(BESIDE * extent, 4 * np.spacing(abs(x))))


def _rises(descent: Descent, minimum: Minimum, i: int, distance: float) -> bool:
    """Whether the cost does, both ways from here along parameter i."""
    objective, slopes = descent.objective, []
    for way in (-1, 1):
        moved = minimum.values.copy()
        moved[i] += way * distance
        cost, gradient = objective.evaluate(moved)
        if not cost >= minimum.cost - SAME_COST * abs(minimum.cost):
            return False
        slopes.append(way * gradient[i])
    return min(slopes) >= 0
