"""Which rows of a batch need nothing more: the measures of `verdict` and `strategy` on columns."""

from dataclasses import dataclass

import numpy as np

from fitting.batch.descent import Descended, Descent
from fitting.batch.objective import RowsObjective
from fitting.batch.question import Batch
from fitting.batch.rows import HistogramRows, PointsRows, field
from fitting.bounds import Bounds
from fitting.objective import ROWS, Objective
from fitting.padding import Flags, Floats, Places
from fitting.problem import SMALLEST
from fitting.search.determined import Minima
from fitting.search.errors_in_x import INFLATED
from fitting.search.newton import ILL_CONDITIONED
from fitting.search.verdict import (
    DEGENERATE,
    SUSPICIOUS,
    left_by_constant,
    stiffness_within,
    surprising,
)
from fitting.sparse import expected_chi2, is_unclear
from fitting.weightless import HEAVY, WITH_AND_WITHOUT, blunt

AMOUNTS = 16  # of events, between which what bins expect is interpolated


@dataclass(frozen=True, eq=False)
class Verdict:
    """`certain` rows are at a minimum; `sound` ones at one that nothing speaks against."""

    certain: Flags
    sound: Flags
    chi2: Floats


def judge_rows(
    batch: Batch,
    rows: RowsObjective,
    pooled: Objective,
    found: Descended,
    exact: Descended | None,
) -> Verdict:
    """`pooled` is the cost of the mean row; `exact`: with errors in x, the minima without them."""
    certain = found.settled & (found.stiffness < 1 / ILL_CONDITIONED)
    chi2 = found.cost.copy()
    sound = certain & ~found.unfinished & ~_vanish(batch, rows)
    if exact is not None:
        sound &= exact.settled & ~_is_inflated(batch, rows, found, exact.values, certain)
        sound &= ~_has_weightless(rows, found, sound)
        if isinstance(batch.rows, PointsRows) and batch.rows.berkson:
            places = np.flatnonzero(certain)
            pulls = rows.with_data(log_weight=np.asarray(0.0))
            chi2[places] = pulls.costs(places, found.values[places])
    # from where the cost does not curve upwards the method of a single fit may lead elsewhere
    sound &= ~(found.bent & (batch.is_led | (exact is not None)))
    if not batch.is_convex:
        sound &= ~_is_degenerate(batch, found, sound)
        sound &= ~_is_poor(batch, rows, pooled, found, sound)
    sound &= ~_is_vague(batch, rows, found, sound)
    return Verdict(certain, sound, chi2)


def _is_degenerate(batch: Batch, found: Descended, among: Flags) -> Flags:
    """See `verdict.is_degenerate`."""
    degenerate = ~(found.stiffness < 1 / DEGENERATE)
    places, free = np.flatnonzero(degenerate & among), ~batch.bounds.fixed
    covariance = found.inverse[places][:, free][:, :, free]
    within = stiffness_within(covariance, batch.pooled.linear[free], batch.pooled)
    degenerate[places] = ~(within < 1 / DEGENERATE)
    return degenerate


def _is_poor(
    batch: Batch, rows: RowsObjective, pooled: Objective, found: Descended, among: Flags
) -> Flags:
    """See `verdict.is_poor`."""
    cost, ndof = found.cost, batch.ndof_of_free
    if not batch.absolute_sigma:
        return cost > 0.5 * left_by_constant(*_points(rows))
    poor = np.asarray(cost > surprising(ndof))
    if isinstance(batch.rows, HistogramRows):
        sizes, events = batch.rows.sizes, rows.stack.sum(axis=1)
        unclear = is_unclear(cost, poor, ndof, sizes, events / sizes, SUSPICIOUS)
        places = np.flatnonzero(among & unclear)
        if len(places):
            excess = cost[places] - ndof[places]
            used = np.flatnonzero(batch.rows.shared().used)
            poor[places] = _exceed(excess, found.values[places], events[places], pooled, used)
    return poor


def _exceed(
    excess: Floats, values: Floats, events: Floats, pooled: Objective, used: Places
) -> Flags:
    """Whether chi-squares exceed ndof by more than bins of few events do, those of each row."""
    typical = pooled.jacobian(np.median(values, axis=0))[0][used]
    found = ~(excess <= _usual_excess(typical, events))
    places = np.flatnonzero(found)
    for first in range(0, len(places), ROWS):  # predictions of all are much memory
        these = places[first : first + ROWS]
        mean, spread = expected_chi2(pooled.predictions(values[these])[:, used], 0.0)
        found[these] = excess[these] > mean + SUSPICIOUS * spread
    return found


@np.errstate(divide="ignore", invalid="ignore")  # of what expects nothing nothing is usual
def _usual_excess(typical: Floats, events: Floats) -> Floats:
    """What needs no second look (rows,): one standard deviation above the mean for bins with a
    row's number of events, distributed as in a `typical` row, (bins,)."""
    total = typical.sum()
    amounts = np.geomspace(events.min(), events.max(), AMOUNTS)
    mean, spread = expected_chi2(typical * (amounts / total)[:, None], 0.0)
    return np.interp(events, amounts, mean + spread)


def _vanish(batch: Batch, rows: RowsObjective) -> Flags:
    """See `FitProblem.vanishes`."""
    if batch.absolute_sigma:
        return np.zeros(len(batch), dtype=bool)
    y, y_err, used = _points(rows)
    largest = np.abs(np.where(used, y / y_err, 0.0)).max(axis=1)
    return (largest > 0) & (largest < SMALLEST)


def _points(rows: RowsObjective) -> tuple[Floats, Floats, Flags]:
    """y and its errors, (rows, length), and which of these are fitted."""
    y, y_err, used = (field(rows.stack, name) for name in ("y", "y_err", "used"))
    return y, y_err, used > 0


@np.errstate(divide="ignore", invalid="ignore")  # costs of 0 have no scale: such rows go alone
def _is_vague(batch: Batch, rows: RowsObjective, found: Descended, among: Flags) -> Flags:
    """See `determined`."""
    scale = found.scale
    ndof = None if batch.absolute_sigma else batch.ndof_of_free

    def rises(places: Places, points: Floats) -> Floats:
        return (rows.costs(places, points) - found.cost[places]) * scale[places]

    def settled(places: Places, points: Floats, held: Bounds) -> Floats:
        starts = found.values.copy()
        starts[places] = points
        ends = Descent(rows, held, ndof).run(starts, rows=places)
        rise = (ends.cost[places] - found.cost[places]) * scale[places]
        return np.where(ends.settled[places], rise, np.nan)

    covariance = 2 * found.inverse / scale[:, None, None]
    curvature = found.curvature * scale[:, None]
    reach = batch.pooled.reach
    minima = Minima(found.values, covariance, curvature, batch.bounds, rises, settled, reach)
    return np.asarray(minima.undetermined(among).any(axis=1))


def _has_weightless(rows: RowsObjective, found: Descended, among: Flags) -> Flags:
    """Rows of `among` with points that say nothing, see `weightless`."""
    places, has = np.flatnonzero(among), np.zeros_like(among)
    stack = rows.stack.copy()
    field(stack, "y_err")[:] = blunt(*_points(rows))
    costs = [
        rows.with_data(stack, log_weight=weight).costs(places, found.values[places])
        for weight in WITH_AND_WITHOUT
    ]
    has[places] = costs[0] - costs[1] > HEAVY
    return has


def _is_inflated(
    batch: Batch, rows: RowsObjective, found: Descended, start: Floats, among: Flags
) -> Flags:
    """See `errors_in_x`: errors in x have grown more than the fit without them explains."""
    places = np.flatnonzero(among)
    logarithms = []
    for values in (start, found.values):
        with_log, without = (
            rows.with_data(log_weight=np.asarray(weight)).costs(places, values[places])
            for weight in (1.0, 0.0)
        )
        logarithms.append(with_log - without)
    inflated = np.ones(len(among), dtype=bool)
    with np.errstate(invalid="ignore"):
        inflated[places] = ~(logarithms[1] < logarithms[0] + INFLATED * batch.rows.sizes[places])
    return inflated
