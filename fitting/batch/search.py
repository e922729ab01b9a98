"""The search for the minima of all rows: from where they start, and from where else it is worth it.

With errors in x everything is first done without them, as in `errors_in_x`.
"""

import numpy as np

from fitting.batch.descent import Descended, Descent
from fitting.batch.objective import RowsObjective
from fitting.batch.question import Batch
from fitting.batch.rows import PointsRows
from fitting.batch.starts import starts_of_rows
from fitting.objective import Objective
from fitting.padding import Floats

GAIN = 8.0  # what a descent from a place may gain; a candidate is a part of a width off
SAME = 1e-6  # of a cost


def search(
    batch: Batch, rows: RowsObjective, pooled: Objective, origin: Floats | None, until: float
) -> tuple[Descended, Descended | None]:
    """The minima, and with errors in x those without them."""
    ndof = None if batch.absolute_sigma else batch.ndof_of_free
    descent = Descent(rows, batch.bounds, ndof)
    if batch.cost != "effective-variance":
        return lowest(batch, descent, pooled, origin, until), None
    assert isinstance(batch.rows, PointsRows)
    without = rows.with_data(batch.rows.stack(exact=True), log_weight=np.asarray(0.0))
    exact = lowest(batch, Descent(without, batch.bounds, ndof), pooled, origin, until)
    late = np.flatnonzero(exact.unfinished)
    exact.settled[late] = False
    found = descent.run(exact.values, until, np.flatnonzero(exact.settled))
    found.take(late, exact)
    return found, exact


def lowest(
    batch: Batch, descent: Descent, pooled: Objective, origin: Floats | None, until: float
) -> Descended:
    """From the best start of each row, and from others that promise a lower cost."""
    started = starts_of_rows(batch, pooled, descent, origin, until)
    points = started.points
    if batch.resume is not None:
        points = np.where(batch.is_resumed[:, None], batch.resume, points)
    found = descent.run(points, until)
    for other, cost in started.others:
        _try(descent, found, other, cost, until)
    return found


def _try(descent: Descent, found: Descended, points: Floats, cost: Floats, until: float) -> None:
    """Lower minima in place of those found, where descents from these points lead to them."""
    with np.errstate(invalid="ignore"):  # where there is neither
        places = np.flatnonzero(found.settled & ((cost - found.cost) * found.scale < GAIN))
    if not len(places):
        return
    other = descent.run(points, until, places)
    ended = other.cost[places].copy()
    open_ = ~other.settled[places]
    ended[open_] = descent.objective.costs(places[open_], other.values[places[open_]])
    slack = SAME * (1 / found.scale[places] + np.abs(found.cost[places]))
    late, lower = other.unfinished[places], ended < found.cost[places] - slack
    found.take(places[lower & ~open_], other)
    found.settled[places[lower & open_ & ~late]] = False  # there is something, and who knows what
    found.unfinished[places[late]] = True  # a minimum is known, until it comes again
