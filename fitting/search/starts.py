"""Starting values from the data, where the client gives none.

The model says in which parameters, or products of two, it is linear: these are solved for by
weighted least squares (variable projection; Golub and Pereyra, SIAM J. Numer. Anal. 10 (1973)
413). For the others each shape proposes candidates. The terms of a sum are placed one after the
other, broad ones first, each where it explains most of what those before it leave (orthogonal
matching pursuit; Pati, Rezaiifar and Krishnaprasad, Asilomar 27 (1993) 40), and refined before the
next comes, but for what later terms share.
All of this happens on data of coarse grain (`coarse`), so its cost does not grow with theirs.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from itertools import combinations
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from fitting.data import Bins, Data, Points
from fitting.kernels.cache import KernelCache
from fitting.kernels.key import KernelKey
from fitting.objective import Objective
from fitting.padding import Flags, Floats
from fitting.problem import FitProblem, Knowledge
from fitting.search.coarse import coarsen
from fitting.search.ends import ends_of_range
from fitting.search.features import Outline, few_candidates, many_candidates
from fitting.search.least_squares import least_squares
from fitting.search.levenberg import approach
from models.composition.mixture import Mixture
from models.features import Features
from models.parameter import Parameter

MOST_TRIED = 8  # candidates of one shape that are all compared by the true cost
MOST_SOLVED = 1000
MOST_REFINED = 4
ALIKE = 0.5  # correlation of two candidates that explain the same
WAYS = 4  # combinations of terms that are kept while more terms are placed
INSIDE = 0.01  # of the distance between limits, or of the value: a start at a limit cannot move


def starting_values(problem: FitProblem, objective: Objective, kernels: KernelCache) -> Floats:
    """The client's starts, completed; (parameters,), inside the limits."""
    given = np.array([np.nan if k.start is None else float(k.start) for k in problem.knowledge])
    if np.isnan(given).any():
        given = next(estimates(problem, objective, kernels, given))
    return inside(given, problem)


def estimates(
    problem: FitProblem, objective: Objective, kernels: KernelCache, given: Floats
) -> Iterator[Floats]:
    """Our own estimates, the best first; entries of `given` that are not NaN are kept."""
    if isinstance(problem.model, Mixture):
        yield from_yields(problem.model, problem, objective, kernels, given)
        return
    search = Search(problem, objective, kernels, given)
    if len(problem.model.parts) == 1:
        yield from search.single()
    else:
        yield from search.sum()


def from_yields(
    model: Mixture, problem: FitProblem, objective: Objective, kernels: KernelCache, given: Floats
) -> Floats:
    """A mixture's own, by way of the sum in which each term has its amount."""
    known = dict(zip(problem.names, problem.knowledge, strict=True))
    names = [p.name for p in model.with_yields.parameters]
    relaxed = replace(
        problem,
        model=model.with_yields,
        knowledge=tuple(Knowledge() if n == "amp" else known.get(n, Knowledge()) for n in names),
        minos=(),
    )
    kernel = kernels.get(relaxed.kernel_key)
    free = objective.sibling(kernel, relaxed.data.padded(), relaxed.prior)
    values = starting_values(relaxed, free, kernels)
    found = np.array(model.from_yields(dict(zip(names, values.tolist(), strict=True))))
    return np.where(np.isnan(given), found, given)


class Search:
    """The search for the starting values of one problem, on coarse data."""

    def __init__(
        self, problem: FitProblem, objective: Objective, kernels: KernelCache, given: Floats
    ):
        known = problem.data
        data: Data = coarsen(known.softened() if isinstance(known, Points) else known)
        padded = data.padded()
        cost = "poisson" if isinstance(padded, Bins) else "least-squares"
        kernel = kernels.get(KernelKey(cost, problem.model, data.length))
        self.problem = problem
        self.objective = objective
        self.coarse = objective.sibling(kernel, padded)
        self.counting = isinstance(padded, Bins)
        self.used: Flags = padded.used
        if isinstance(padded, Bins):
            self.target: Floats = padded.counts[self.used]
            self.root_weight: Floats = np.maximum(self.target, 1) ** -0.5
        else:
            self.target = padded.y[self.used]
            self.root_weight = 1 / padded.y_err[self.used]
        self.parts = problem.model.parts
        self.outline = Outline.of(data)
        self.ends = data.ends
        self.unknown = np.isnan(given)
        # broad ones, which have few places, first; a shared parameter belongs to the first
        self.order = sorted(range(len(self.parts)), key=self._choices)
        self.owner = np.full(len(given), len(self.parts))
        for i in reversed(self.order):
            self.owner[list(self.parts[i][1])] = i
        self.linear = np.array([p.linear for p in problem.parameters])
        self.relative = self._relative()
        self.linear[list(self.relative)] = True
        few = few_candidates(self.outline, squared=not self.counting)
        # amounts 0, everything else at its first candidate, until placed
        blank = np.zeros(len(given))
        for i in reversed(self.order):
            candidate = next(iter(self.parts[i][0].starts(few)))
            blank[self._searched(i)] = candidate
        for i, parameter in enumerate(problem.parameters):
            if parameter.end is not None:
                low, high = data.ends[parameter.column]
                blank[i] = low if parameter.end == "low" else high
        self.blank = problem.bounds.clip(np.where(self.unknown, blank, given))
        self.few = few

    def _relative(self) -> dict[int, int]:
        """Parameters a of products a*n in which the model is affine, each with its n."""
        everywhere = [place for _, places in self.parts for place in places]
        pairs = [
            (places[a], places[n]) for part, places in self.parts for a, n in part.relative.items()
        ]
        return {a: n for a, n in pairs if everywhere.count(a) == 1 and self.linear[n]}

    @cached_property
    def many(self) -> Features:
        return many_candidates(self.outline)

    def _choices(self, i: int) -> int:
        """How many candidates part i has, if there are others."""
        if len(self.parts) == 1:
            return 1
        ends = ends_of_range(self._free_ends(i), self.problem.bounds, self.ends, fine=False)
        return len(list(self.parts[i][0].starts(self.many))) * len(ends or [0])

    def _searched(self, i: int) -> list[int]:
        """The places of the parameters of which part i gives candidates."""
        part, places = self.parts[i]
        return [places[k] for k in part.searched]

    def single(self) -> Iterator[Floats]:
        """A shape's few candidates, best by the true cost first; then some over the whole range."""
        yield from self._ranked(self.few)
        yield from self._ranked(self.many)

    def _ranked(self, features: Features) -> list[Floats]:
        rows = self._proposals(0, self.blank, features)
        widest = rows[:1] if self._ends(0) else []  # it misses nothing that was counted
        rows = rows[:: -(-len(rows) // MOST_SOLVED)]
        if len(rows) > MOST_TRIED:
            rows = [*self._best_refined(rows), *widest]
        return self._solved_in_order(rows)

    def _best_refined(self, rows: list[Floats]) -> list[Floats]:
        """The rows that describe the data best with their linear parameters solved, refined.

        And those with relative ones at their candidates: of two peaks that share a width, one is
        solved away where the other is misplaced.
        """
        everything = np.ones(len(self.owner), dtype=bool)
        alone = everything.copy()
        alone[list(self.relative)] = False
        found = []
        for active in (everything, alone) if self.relative else (everything,):
            solved = [self._solve(row, active) for row in rows]
            order = np.argsort([self._misfit(row) for row in solved], kind="stable")
            found += [self._refined(solved[i], everything) for i in order[:MOST_REFINED]]
        return found

    def sum(self) -> Iterator[Floats]:
        """The terms placed in turn, each where it explains most; then other combinations."""
        yield self.solved(self._placed(1)[0])
        placed = self._placed(WAYS)
        exchanged = map(self._exchanged, placed)
        yield from self._solved_in_order([*exchanged, *placed])

    def _exchanged(self, point: Floats) -> Floats:
        """`point` with two terms in each other's place, wherever that describes the data better.

        Unlike peaks explain each other's data nearly as well as their own.
        """
        everything = np.ones(len(self.owner), dtype=bool)
        for i, k in combinations(range(len(self.parts)), 2):
            one, other = self._searched(i), self._searched(k)
            if len(one) != len(other):
                continue
            row = point.copy()
            row[one], row[other] = point[other], point[one]
            row = self.problem.bounds.clip(np.where(self.unknown, row, point))
            row = self._refined(self._solve(row, everything), everything)
            if self._misfit(row) < self._misfit(point):
                point = row
        return point

    def _placed(self, ways: int) -> list[Floats]:
        """All terms placed one after the other; of all combinations the best `ways` are kept."""
        points = [self.blank]
        placed = np.zeros(len(self.owner), dtype=bool)
        for number, i in enumerate(self.order, 1):
            placed |= self.owner == i
            rows = []
            for point in points:
                proposals = self._proposals(i, point, self.many)
                if len(proposals) > 1:
                    rows += [proposals[k] for k in self._best_rows(proposals, i, placed)[:ways]]
                else:
                    rows.append(point)
            settled = placed & ~self._shared(self.order[number:])
            refined = [self._refined(self._solve(row, placed), settled) for row in rows]
            points = sorted(refined, key=self._misfit)[:ways] if ways > 1 else refined
        return points

    def _shared(self, later: list[int]) -> Flags:
        """What later terms have, too: refined without these, a peak would take in theirs."""
        shared = np.zeros(len(self.owner), dtype=bool)
        for i in later:
            shared[self._searched(i)] = True
        return shared

    def _proposals(self, i: int, point: Floats, features: Features) -> list[Floats]:
        """`point` with each of component i's candidates, beside what it shares with others."""
        part, places = self.parts[i]
        own = [place for place in self._searched(i) if self.owner[place] == i]
        known = {k: point[places[k]] for k in part.searched if self.owner[places[k]] != i}
        rows = []
        for candidate in part.starts_beside(features, known) if known else part.starts(features):
            row = point.copy()
            row[own] = candidate
            rows.append(self.problem.bounds.clip(np.where(self.unknown, row, self.blank)))
        return [self._with(row, choice) for choice in self._ends(i) or [{}] for row in rows]

    def _with(self, point: Floats, choice: dict[int, float]) -> Floats:
        row = point.copy()
        row[list(choice)] = list(choice.values())
        return row

    def _ends(self, i: int) -> list[dict[int, float]]:
        """What the free ends of the range of component i could be, those of the data first."""
        ends = {
            place: parameter
            for place, parameter in self._free_ends(i).items()
            if self.owner[place] == i
        }
        return ends_of_range(ends, self.problem.bounds, self.ends, fine=not self._searched(i))

    def _free_ends(self, i: int) -> dict[int, Parameter]:
        part, places = self.parts[i]
        return {
            place: parameter
            for place, parameter in zip(places, part.declare(), strict=True)
            if parameter.end is not None and self.unknown[place]
        }

    def _best_rows(self, rows: list[Floats], i: int, placed: Flags) -> list[int]:
        """The candidates of component i, those first whose column lowers the misfit most."""
        columns = np.flatnonzero((self.owner == i) & self.linear)
        if len(columns) != 1:
            misfits = [self._misfit(self._solve(row, placed)) for row in rows]
            return np.argsort(misfits, kind="stable").tolist()
        shapes = np.array(rows)
        shapes[:, self.linear] = 0.0
        shapes[:, columns] = 1.0
        candidates = self.coarse.predictions(shapes)[:, self.used] * self.root_weight
        others = placed & self.linear & self.unknown & (self.owner != i)
        known = self._solve(rows[0], placed & (self.owner != i))
        known[columns] = 0.0
        residual, basis = self._residual_and_basis(known, others)
        across = candidates - (candidates @ basis) @ basis.T
        norm = np.sqrt(np.maximum((across * across).sum(axis=1), 1e-300))
        gain = across @ residual / norm
        lower = self.problem.bounds.lower[columns[0]]
        gain = gain if lower == 0 else np.abs(gain)
        # a column that the others already span explains nothing
        spanned = norm < 1e-6 * np.sqrt((candidates * candidates).sum(axis=1))
        gain = np.where(spanned | ~np.isfinite(gain), -np.inf, gain)
        return distinct_first(across / norm[:, None], np.argsort(-gain, kind="stable"))

    def _residual_and_basis(self, point: Floats, columns: Flags) -> tuple[Floats, Floats]:
        prediction, jacobian = self.coarse.jacobian(point)
        residual = (self.target - prediction[self.used]) * self.root_weight
        block = jacobian[np.ix_(self.used, columns)] * self.root_weight[:, None]
        return residual, np.linalg.qr(block)[0] if columns.any() else np.zeros((len(residual), 0))

    def _refined(self, point: Floats, placed: Flags) -> Floats:
        """`point` moved to lower the weighted squares, which know no negative expectations."""

        @np.errstate(over="ignore", invalid="ignore")
        def linearised(params: Floats) -> tuple[float, Floats, Floats]:
            prediction, jacobian = self.coarse.jacobian(params)
            pulls = (self.target - prediction[self.used]) * self.root_weight
            slopes = jacobian[self.used] * self.root_weight[:, None]
            return float(pulls @ pulls), -2 * slopes.T @ pulls, 2 * slopes.T @ slopes

        free = placed & self.unknown & ~self.problem.bounds.fixed
        start = inside(point, self.problem)
        bounds = self.problem.bounds
        ended, _ = approach(linearised, start, bounds, free, relative=1e-3)
        # off a limit by a part of the way: only the way tells in what units to measure
        stopped = free & ((ended <= bounds.lower) | (ended >= bounds.upper))
        return np.where(stopped, ended + INSIDE * (start - ended), ended)

    def solved(self, point: Floats) -> Floats:
        """`point` with its linear parameters solved for, smoothed until the cost is defined."""
        everything = np.ones(len(self.owner), dtype=bool)
        for smoothing in (0.0, 0.5, 0.9, 1.0):
            solution = inside(self._solve(point, everything, smoothing), self.problem)
            if self.objective.can_start_at(solution):
                break
        return solution

    def _solved_in_order(self, points: list[Floats]) -> list[Floats]:
        """The points, solved, the best first; the cost of each is known once it is solved."""
        found = [(self._cost(point), point) for point in map(self.solved, points)]
        return [point for _, point in sorted(found, key=itemgetter(0))]

    def _cost(self, point: Floats) -> float:
        if self.problem.data.has_x_err:
            return self._misfit(point)  # the true cost rewards steep candidates
        value = self.objective.evaluate(point)[0]
        return value if np.isfinite(value) else np.inf

    def _misfit(self, point: Floats) -> float:
        prediction, _ = self.coarse.jacobian(point)
        residual = (self.target - prediction[self.used]) * self.root_weight
        squares = float(residual @ residual)
        return squares if np.isfinite(squares) else np.inf

    def _solve(self, point: Floats, active: Flags, smoothing: float = 0.0) -> Floats:
        """`point` with its active linear parameters at the weighted least-squares solution.

        `smoothing` draws the data towards their mean: a sparse histogram's least-squares
        solution may expect less than nothing in some bin, a flat one does not.
        """
        unknown = self.linear & self.unknown & active
        if not unknown.any():
            return point
        rest = np.where(unknown, 0.0, point)
        # the column of a product a*n is that of a where n is 1
        products = {a: n for a, n in self.relative.items() if unknown[a] and unknown[n]}
        scales = list(set(products.values()))
        rest[scales] = 1.0
        prediction, jacobian = self.coarse.jacobian(rest)
        constant = prediction - jacobian[:, scales].sum(axis=1)
        target = (1 - smoothing) * self.target + smoothing * self.target.mean()
        b = (target - constant[self.used]) * self.root_weight
        a = jacobian[np.ix_(self.used, unknown)] * self.root_weight[:, None]
        if not (np.isfinite(a).all() and np.isfinite(b).all()):
            return point
        # of a product the limits are those of neither
        free = np.isin(np.arange(len(point)), list(products))[unknown]
        lower = np.where(free, -np.inf, self.problem.bounds.lower[unknown])
        upper = np.where(free, np.inf, self.problem.bounds.upper[unknown])
        rest[unknown] = least_squares(a, b, lower, upper)
        for one, scale in products.items():
            rest[one] = rest[one] / rest[scale] if rest[scale] else 0.0
        return self.problem.bounds.clip(rest) if products else rest


def distinct_first(columns: Floats, order: NDArray[np.intp]) -> list[int]:
    """Places in that order, but those first whose columns of unit length are unlike each other.

    The best candidates are neighbours, at one peak of the data; the next best may be at another.
    """
    first: list[int] = []
    for i in order.tolist():
        if len(first) == WAYS:
            break
        if all(abs(columns[i] @ columns[k]) < ALIKE for k in first):
            first.append(i)
    return [*first, *(i for i in order.tolist() if i not in first)]


def inside(params: Floats, problem: FitProblem) -> Floats:
    """Free parameters at a limit, or beyond it, are moved a little inside."""
    bounds = problem.bounds
    if bounds.surround(params):
        return params
    with np.errstate(invalid="ignore"):
        width = bounds.upper - bounds.lower
    margin = np.where(np.isfinite(width), INSIDE * width, INSIDE * np.maximum(np.abs(params), 1.0))
    low = np.where(params <= bounds.lower, bounds.lower + margin, params)
    moved = np.where(low >= bounds.upper, bounds.upper - margin, low)
    return np.where(bounds.fixed, params, moved)
