"""Which rows of a batch need nothing more: the measures of `verdict` and `strategy` on columns."""

from dataclasses import dataclass

import numpy as np

from fitting.batch.descent import Descended
from fitting.batch.objective import RowsObjective
from fitting.batch.question import Batch
from fitting.batch.rows import PointsRows
from fitting.padding import Flags, Floats
from fitting.search.errors_in_x import INFLATED
from fitting.search.newton import ILL_CONDITIONED, LONG, RISES
from fitting.search.verdict import DEGENERATE, surprising


@dataclass(frozen=True, eq=False)
class Verdict:
    """`certain` rows are at a minimum; `sound` ones at one that nothing speaks against."""

    certain: Flags
    sound: Flags
    chi2: Floats


def judge_rows(
    batch: Batch, rows: RowsObjective, found: Descended, exact: Descended | None
) -> Verdict:
    """`exact`: with errors in x, the minima without them."""
    certain = found.settled & (found.stiffness < 1 / ILL_CONDITIONED)
    chi2 = found.cost.copy()
    sound = certain & ~found.unfinished
    if exact is not None:
        sound &= exact.settled & ~_is_inflated(batch, rows, found, exact.values, certain)
        if isinstance(batch.rows, PointsRows) and batch.rows.berkson:
            places = np.flatnonzero(certain)
            pulls = rows.with_data(log_weight=np.asarray(0.0))
            chi2[places] = pulls.costs(places, found.values[places])
    # from where the cost does not curve upwards the method of a single fit may lead elsewhere
    sound &= ~(found.bent & (batch.is_led | (exact is not None)))
    if not batch.is_convex:
        sound &= (found.stiffness < 1 / DEGENERATE) & ~_is_poor(batch, rows, found.cost)
    sound &= ~_is_vague(batch, rows, found, sound)
    return Verdict(certain, sound, chi2)


def _is_poor(batch: Batch, rows: RowsObjective, cost: Floats) -> Flags:
    """See `verdict.is_poor`."""
    if batch.absolute_sigma:
        return cost > surprising(batch.ndof)
    length = batch.rows.length
    y, y_err, used = (rows.stack[:, k * length : (k + 1) * length] for k in (1, 3, 5))
    pulls = np.where(used > 0, y / y_err, 0.0)
    mean = pulls.sum(axis=1) / used.sum(axis=1)
    squares = np.sum(np.where(used > 0, pulls - mean[:, None], 0.0) ** 2, axis=1)
    return cost > 0.5 * squares


def _is_vague(batch: Batch, rows: RowsObjective, found: Descended, among: Flags) -> Flags:
    """See `newton.undetermined`."""
    vague = np.zeros(len(among), dtype=bool)
    diagonal = np.einsum("rii->ri", found.inverse)
    sigmas = np.sqrt(2 * np.maximum(diagonal, 0.0) / found.scale[:, None])
    long = (sigmas >= LONG * np.abs(found.values)) & ~batch.bounds.fixed & among[:, None]
    for k in np.flatnonzero(long.any(axis=0)):
        places = np.flatnonzero(long[:, k])
        along = 2 * found.inverse[places, :, k] / found.scale[places, None]
        along = along / sigmas[places, k][:, None]
        open_ = np.ones(len(places), dtype=bool)
        for side in (-1, 1):
            left = np.flatnonzero(open_)
            if len(left):
                chosen = places[left]
                cost = rows.costs(chosen, found.values[chosen] + side * along[left])
                rise = (cost - found.cost[chosen]) * found.scale[chosen]
                open_[left] = ~((rise > RISES[0]) & (rise < RISES[1]))
        vague[places] |= open_
    return vague


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
