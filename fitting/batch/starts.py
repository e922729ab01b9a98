"""Starting values of all rows of a batch.

First those of all rows together: the minimum of their mean (`pooled`). From there one step of
Fisher's scoring, in the metric of the pooled data, brings each row near its own minimum: one
product of matrices for all rows. Where they are many, polynomials bring them on (`surrogate`). For
rows that are far from the others the step is compared with one in the linear parameters alone, and
with what the row's own moments say; the lowest cost wins.
"""

from dataclasses import dataclass, replace

import numpy as np

from fitting.batch.descent import Descent
from fitting.batch.library import library_of
from fitting.batch.objective import RowsObjective
from fitting.batch.question import Batch
from fitting.batch.rows import PointsRows
from fitting.batch.scoring import Scoring
from fitting.batch.surrogate import refine
from fitting.data import Bins
from fitting.kernels.cache import KernelCache
from fitting.objective import Objective
from fitting.padding import Flags, Floats, Places
from fitting.problem import starts_of
from fitting.search.levenberg import approach
from fitting.search.starts import starting_values
from fitting.search.trials import inside
from models.features import Features

FAR = 25.0  # of a step in units of its own covariance: five standard deviations
NEAR = 1e-5


@dataclass(frozen=True, eq=False)
class Started:
    """Where rows begin, (rows, parameters), and `others` that may lead to a lower minimum."""

    points: Floats
    others: list[tuple[Floats, Floats]]  # with their costs, infinite where there is none


def origin_of(batch: Batch, pooled: Objective, kernels: KernelCache) -> Floats:
    """The minimum of the pooled data, whose objective is `pooled`; about (parameters,)."""
    problem, bounds = batch.pooled, batch.bounds
    start = starting_values(problem, pooled, kernels)
    free = ~bounds.fixed & np.isnan(batch.given).any(axis=0)
    found, _ = approach(pooled.linearised, start, bounds, free, near=NEAR, linear=problem.scales)
    return found


def starts_of_rows(
    batch: Batch, pooled: Objective, descent: Descent, start: Floats | None, until: float
) -> Started:
    """By way of the origin `start`; the objective of `descent` has no errors in x.

    What is given stays as it is, and the rest is where it is best with that.
    """
    given, bounds, rows = batch.given, batch.bounds, descent.objective
    if start is None:  # everything is given
        return Started(_clipped(given, batch), [])
    known = bounds.fixed | ~np.isnan(given).any(axis=0)
    near = _near_origin(batch, pooled, rows, start, ~known)
    candidates, costs = [near], np.zeros((1, len(given)))
    certain = batch.is_convex or batch.has_one_place
    library = None if certain else library_of(batch, pooled, rows, start, known)
    if library is not None:
        own = [np.where(np.isnan(given), point, given) for point in library.best()]
        candidates += [_clipped(np.where(bounds.fixed, near, point), batch) for point in own]
        costs = np.array([_costs(rows, candidate) for candidate in candidates])
        best, every = costs.argmin(axis=0), np.arange(len(near))
        near = np.array(candidates)[best, every]
        costs[best, every] = np.inf
    if (known & ~bounds.fixed).any():
        held = Descent(rows, replace(bounds, fixed=known), descent.ndof)
        return Started(held.run(near, until).values, [])
    return Started(near, list(zip(candidates[1:], costs[1:], strict=True)))


def _near_origin(
    batch: Batch, pooled: Objective, rows: RowsObjective, start: Floats, free: Flags
) -> Floats:
    """Of all rows, those that are far from it included."""
    given, problem, bounds = batch.given, batch.pooled, batch.bounds
    found = np.where(np.isnan(given), start, given)
    found = np.where(bounds.fixed & np.isnan(given), own_ends(batch, start), found)
    if isinstance(batch.rows, PointsRows) and not batch.rows.has_one_metric:
        return _clipped(found, batch)
    linear = free & problem.linear
    scoring = Scoring(batch, pooled, rows, start)
    stepped, length = scoring.step(free)
    full = _clipped(np.where(np.isnan(given), found + stepped, found), batch)
    far = np.flatnonzero(~(length < FAR))
    if len(far):
        partly = found[far] + (scoring.step(linear)[0][far] if linear.any() else 0.0)
        candidates = [full[far], _clipped(partly, batch)]
        if not isinstance(batch.rows, PointsRows) and len(problem.model.parts) == 1:
            candidates.append(_clipped(by_moments(batch, rows.stack[far], found[far]), batch))
        full[far] = _best(rows, far, candidates)
    alike = np.isnan(given[:, free]).all() and not np.ptp(full[:, ~free], axis=0).any()
    if alike and not (problem.is_linear and isinstance(batch.rows, PointsRows)):  # solved already
        refine(full, np.flatnonzero(length < FAR), free, scoring, pooled, bounds)
    return full


def own_ends(batch: Batch, start: Floats) -> Floats:
    """Fixed values that follow from where a row's own data end."""
    rows = batch.rows
    common = not isinstance(rows, PointsRows) or len(rows.x) == 1
    if common or not any(p.end for p in batch.pooled.parameters):
        return start
    known = [batch.problem(i).knowledge for i in range(len(rows))]
    given = np.array([starts_of(row) for row in known])
    return np.where(np.isnan(given), start, given)


def by_moments(batch: Batch, counts: Floats, points: Floats) -> Floats:
    """`points` with what mean and standard deviation of each row say of a single shape."""
    problem, shared = batch.pooled, batch.rows.shared()
    assert isinstance(shared, Bins)
    edges, used = np.asarray(shared.edges), np.asarray(shared.used, dtype=bool)
    x, counts = (edges[1:] + edges[:-1])[used] / 2, counts[:, used]
    total = np.maximum(counts.sum(axis=1), 1e-300)
    extent, middle = float(np.ptp(x)) or 1.0, float(x.mean())
    x = x - middle  # far from 0 the difference of squares would cancel
    mean = counts @ x / total
    variance = counts @ (x * x) / total - mean**2
    mean = mean + middle
    width = np.sqrt(np.where(variance > 1e-6 * extent**2, variance, 0.01 * extent**2))
    low, high = problem.data.ends[0]
    found = points.copy()
    part, own = problem.model.parts[0]
    places = [own[k] for k in part.searched]  # two may be one parameter of the whole
    linear = [i for i, p in enumerate(problem.parameters) if p.linear]
    for i, (at, wide) in enumerate(zip(mean.tolist(), width.tolist(), strict=True)):
        decay = max(at - low, 0.01 * extent)
        row = Features((at,), (wide,), (decay,), (2 * extent,), low, high)
        found[i, places] = next(iter(part.starts(row)))
    if len(linear) == 1:
        ratio = total / max(float(total.mean()), 1e-300)
        events = problem.parameters[linear[0]].events
        found[:, linear[0]] = total if events else points[:, linear[0]] * ratio
    return np.where(batch.bounds.fixed, points, found)


def _clipped(points: Floats, batch: Batch) -> Floats:
    """Inside the limits, and off them."""
    problem, bounds = batch.pooled, batch.bounds
    if not ((points <= bounds.lower) | (points >= bounds.upper)).any():
        return points
    return inside(points, problem)


def _costs(rows: RowsObjective, points: Floats) -> Floats:
    """Infinite where there is none, or no point."""
    places = np.flatnonzero(np.isfinite(points).all(axis=1))
    costs = np.full(len(points), np.inf)
    found = rows.costs(places, points[places])
    costs[places] = np.where(np.isfinite(found), found, np.inf)
    return costs


def _best(rows: RowsObjective, places: Places, candidates: list[Floats]) -> Floats:
    costs = np.array([rows.costs(places, candidate) for candidate in candidates])
    best = np.where(np.isfinite(costs), costs, np.inf).argmin(axis=0)
    return np.array(candidates)[best, np.arange(len(places))]
