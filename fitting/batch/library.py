"""Where else rows may have a minimum: places of which the model's parts say that they are typical.

The minimum of the mean, from which all rows begin, is near that of a row only if rows are alike; a
peak that is elsewhere in each row, or hardly one, has its minimum at another place. So the parts of
the model are put at each of their candidates in turn, the others where they are in the mean, and
the linear parameters are solved for in each row: for all rows and places that is one product of
matrices, data with predictions. The best few places of each row that are unlike each other are
worth a look at the true cost.
"""

from dataclasses import dataclass

import numpy as np

from fitting.batch.objective import RowsObjective
from fitting.batch.question import Batch
from fitting.batch.rows import PointsRows, field
from fitting.batch.stacks import inverses
from fitting.data import Bins
from fitting.objective import Objective
from fitting.padding import Flags, Floats, Places
from fitting.search.features import Outline, many_candidates
from models.model import Model

MOST = 256  # places
ALIKE = 0.7  # correlation of two that explain the same
BEST = 4  # of them, for each row
WORSE = 30.0  # squares more than at the best place, where the model describes the data
MOST_ENTRIES = 2**21  # of matrices for some rows at all places
MOST_COLUMNS = 2**24  # numbers of all products of columns
TINY = 1e-300

Parts = tuple[tuple[Model, tuple[int, ...]], ...]


@dataclass(frozen=True, eq=False)
class Library:
    """Places (places, parameters), and which of them are `alike`.

    `columns` (length, places, linear) are what the linear parameters are multiplied with there,
    `offset` (length, places) is what is predicted when they are all 0.
    """

    points: Floats
    linear: Places
    columns: Floats
    offset: Floats
    alike: Flags
    bounds: tuple[Floats, Floats]
    targets: Floats
    weights: Floats

    def best(self) -> list[Floats]:
        """The best places of each row, `BEST` times (rows, parameters); NaN where there is none."""
        size, most = len(self.targets), self.columns[0].size * (1 + len(self.linear))
        step = max(1, MOST_ENTRIES // most)
        blocks = [self._best(slice(first, first + step)) for first in range(0, size, step)]
        return list(np.concatenate(blocks, axis=1))

    def _best(self, rows: slice) -> Floats:
        """(`BEST`, rows, parameters)."""
        solution, misfit = self._solved(rows)
        lower, upper = (limit[:, None, None] for limit in self.bounds)
        outside = ((solution < lower) | (solution > upper)).any(axis=0)
        least = misfit.min(axis=1, keepdims=True, initial=np.inf, where=~outside)
        near = misfit < least + WORSE * np.maximum(least / len(self.columns), 1.0)
        misfit = np.where(near & ~outside, misfit, np.inf)
        found = np.full((BEST, len(misfit), self.points.shape[1]), np.nan)
        each: Places = np.arange(len(misfit))
        for point in found:
            chosen = misfit.argmin(axis=1)
            known = np.isfinite(misfit[each, chosen])
            point[:] = self.points[chosen]
            point[:, self.linear] = solution[:, each, chosen].T
            point[~known] = np.nan
            misfit = np.where(self.alike[chosen], np.inf, misfit)
        return found

    @np.errstate(invalid="ignore", divide="ignore", over="ignore")
    def _solved(self, rows: slice) -> tuple[Floats, Floats]:
        """Linear parameters (linear, rows, places), and the squares that they leave.

        Weights may be common to all rows; so are the matrices then.
        """
        count, places = len(self.linear), len(self.points)
        weights = self.weights[rows] if len(self.weights) > 1 else self.weights
        weighted = self.targets[rows] * weights

        def summed(values: Floats, of: Floats) -> Floats:
            return (values @ of.reshape(len(of), -1)).reshape(-1, *of.shape[1:])

        pairs = self.columns[..., None] * self.columns[..., None, :]
        matrix = summed(weights, pairs).transpose(2, 3, 0, 1)
        scales = np.sqrt(matrix[np.arange(count), np.arange(count)])
        unit = matrix / scales / scales[:, None]
        inverse, sound = inverses(unit.reshape(count, count, -1))
        inverse = inverse.reshape(unit.shape)
        towards = summed(weighted, self.columns) - summed(
            weights, self.columns * self.offset[..., None]
        )
        slopes = towards.transpose(2, 0, 1)
        solution = np.einsum("ijrk,jrk->irk", inverse, slopes / scales) / scales
        total = (self.targets[rows] * weighted).sum(axis=1)[:, None]
        misfit = total + summed(weights, self.offset**2) - 2 * summed(weighted, self.offset)
        misfit = misfit - np.einsum("irk,irk->rk", slopes, solution)
        known = sound.reshape(-1, places) & np.isfinite(misfit)
        return solution, np.where(known, misfit, np.inf)


def library_of(
    batch: Batch, pooled: Objective, rows: RowsObjective, origin: Floats, known: Flags
) -> Library | None:
    """Of the candidates of the parts; `known` parameters stay where they are in `origin`.

    None where there is nothing to look for.
    """
    problem, bounds = batch.pooled, batch.bounds
    parts = problem.model.parts
    known = known | bounds.fixed | (problem.prior.weight > 0)
    features = many_candidates(Outline.of(problem.data))
    found, owners = [np.zeros((0, len(origin)))], []
    for owner, (part, places) in enumerate(parts):
        searched = [places[k] for k in part.searched]
        candidates = np.array(list(part.starts(features)))
        if known[searched].all() or not len(candidates):
            continue
        own = np.tile(origin, (len(candidates), 1))
        own[:, searched] = candidates
        own = np.unique(bounds.clip(np.where(known, origin, own)), axis=0)
        found.append(own)
        owners += [owner] * len(own)
    some = slice(None, None, max(1, -(-len(owners) // MOST)))
    points, owners = np.concatenate(found)[some], owners[some]
    linear = np.flatnonzero([p.linear for p in problem.parameters] & ~known)
    if not len(points) or not len(linear):  # all that is linear is known
        return None
    if len(points) * batch.rows.length * len(linear) ** 2 > MOST_COLUMNS:
        return None
    targets, weights = _data(batch, rows, pooled, origin)
    columns, offset = _predicted(pooled, points, linear)
    return Library(
        points,
        linear,
        columns,
        offset,
        _alike(parts, np.array(owners), linear, columns, offset, weights.mean(axis=0)),
        (bounds.lower[linear], bounds.upper[linear]),
        targets,
        weights,
    )


def _predicted(pooled: Objective, points: Floats, linear: Places) -> tuple[Floats, Floats]:
    """Columns and offset at these points."""
    count = len(points)
    rest = points.copy()
    rest[:, linear] = 0.0
    asked = np.tile(rest, (1 + len(linear), 1))
    for k, place in enumerate(linear, 1):
        asked[k * count : (k + 1) * count, place] = 1.0
    offset, *own = pooled.predictions(asked).reshape(1 + len(linear), count, -1)
    columns = np.array(own).reshape(len(linear), count, -1) - offset
    return columns.transpose(2, 1, 0), offset.T


def _alike(
    parts: Parts, owners: Places, linear: Places, columns: Floats, offset: Floats, weight: Floats
) -> Flags:
    """Which places explain the same, (places, places): those of one part with columns alike."""
    first = [next((k for k, i in enumerate(linear) if i in places), None) for _, places in parts]
    curves = [
        offset[:, k] if (own := first[owner]) is None else columns[:, k, own]
        for k, owner in enumerate(owners)
    ]
    unit = np.array(curves) * np.sqrt(weight)
    unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), TINY)
    return (owners[:, None] == owners) & ~(np.abs(unit @ unit.T) < ALIKE)


def _data(
    batch: Batch, rows: RowsObjective, pooled: Objective, origin: Floats
) -> tuple[Floats, Floats]:
    """Targets (rows, length) and weights (1 or rows, length), at the x of the pooled data."""
    shared = batch.pooled.data.padded()
    used = np.asarray(shared.used, dtype=bool)
    if isinstance(shared, Bins):
        expected = np.maximum(pooled.jacobian(origin)[0][None], 1.0)
        return rows.stack, np.where(used, 1 / expected, 0.0)
    x, y, y_err, inside = (field(rows.stack, name) for name in ("x", "y", "y_err", "used"))
    assert isinstance(batch.rows, PointsRows)
    if len(batch.rows.x) == 1:
        errors = y_err[:1] if len(batch.rows.y_err) == 1 else y_err
        return y, np.where(used, errors**-2.0, 0.0)
    at = np.asarray(shared.x)
    drawn = [
        [np.interp(at, row[0, order], row[k, order]) for k in (1, 2)]
        for row, among in zip(np.stack([x, y, y_err], axis=1), inside > 0, strict=True)
        for order in [np.flatnonzero(among)[np.argsort(row[0, among], kind="stable")]]
    ]
    targets, errors = np.array(drawn).transpose(1, 0, 2)
    return targets, np.where(used, errors**-2.0, 0.0)
