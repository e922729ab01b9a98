"""Minima at a corner of the cost, where a kink of the model passes one of the data.

On either side the cost has a slope there, and it rises both ways: a minimum, as good as any other,
although no gradient vanishes. About every sixth fit of a broken line ends there. The errors are
those of the derivatives all the same (J. Feder, Ann. Statist. 3 (1975) 49).
"""

import numpy as np

from fitting.data import Points
from fitting.padding import Floats
from fitting.search.descent import SAME_COST, Descent
from fitting.search.newton import Minimum
from fitting.search.positions import Positions
from models.breaks import Break

NEAR = 1e-6  # of the range of the data; a descent that ends at a corner comes much nearer
BESIDE = 1e-9  # of it


def at_corner(descent: Descent, ended: Minimum) -> Minimum:
    """The minimum at the corner where a descent ended; what ended elsewhere, as it was."""
    data, bounds = descent.problem.data, descent.problem.bounds
    breaks = descent.problem.model.breaks
    if not breaks or not isinstance(data, Points) or data.has_x_err or not ended.defined:
        return ended
    if descent.is_certain(ended):
        return ended
    x = data.x[data.inside]
    extent = float(np.ptp(x))
    found: dict[Break, float] = {}
    for one in breaks:
        place = one.at(ended.values)
        nearest = float(x[np.abs(x - place).argmin()])
        if abs(nearest - place) < NEAR * extent:
            alone = Positions.of([one], bounds)
            if alone.breaks and alone.are_inside(alone.put(ended.values, [nearest]), bounds):
                found[one] = nearest
    if not found:
        return ended
    corners = Positions.of(list(found), bounds)
    start = corners.put(ended.values, [found[one] for one in corners.breaks])
    held = descent.holding(corners, start)
    rest = held.run(corners.coordinates(start))
    values = corners.params(rest.values)
    if not (held.is_certain(rest) and corners.are_inside(values, bounds)):
        return ended
    for one, way in zip(corners.breaks, corners.ways, strict=True):
        if not _rises(descent, values, rest.cost, small_step(found[one], extent) * way):
            return ended
    return descent.certify(values).at_corners(corners)


def small_step(x: float, extent: float) -> float:
    """A distance from x that data of this extent do not notice, but a number does."""
    return float(max(BESIDE * extent, 4 * np.spacing(abs(x))))


def _rises(descent: Descent, values: Floats, cost: float, step: Floats) -> bool:
    """Whether the cost does, both ways from parameters where it is known."""
    slopes = []
    for way in (step, -step):
        there, gradient = descent.objective.evaluate(values + way)
        if not there >= cost - SAME_COST * abs(cost):
            return False
        slopes.append(way @ gradient)
    return bool(min(slopes) >= 0)
