"""Starting values from the data, where the client gives none.

The model says in which parameters, or products of two, it is linear: these are solved for by
weighted least squares (variable projection; Golub and Pereyra, SIAM J. Numer. Anal. 10 (1973)
413). For the others each shape proposes candidates. The terms of a sum are placed one after the
other, broad ones first, each where it explains most of what those before it leave (orthogonal
matching pursuit; Pati, Rezaiifar and Krishnaprasad, Asilomar 27 (1993) 40), and refined before the
next comes, but for what later terms share.
All of this happens on data of coarse grain (`coarse`), so its cost does not grow with theirs.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from itertools import combinations
from operator import itemgetter

import numpy as np

from fitting.kernels.cache import KernelCache
from fitting.objective import Objective
from fitting.padding import Flags, Floats
from fitting.problem import FitProblem, Knowledge, starts_of
from fitting.search.ends import ends_of_range
from fitting.search.features import Outline, few_candidates, many_candidates
from fitting.search.rivals import REACH, different, distinct_first, rivals, squares_of
from fitting.search.trials import MOST_REFINED, Trials, inside
from models.composition.mixture import Mixture
from models.features import Features
from models.model import Density
from models.parameter import Parameter

MOST_TRIED = 8  # candidates of one shape that are all compared by the true cost
MOST_SOLVED = 1000
MOST_ROUGH = 100  # candidates that are not refined, where no other can be started from
MOST_RIVALS = 8
SUBTLE = 5.0  # squares, of each entry, that a sum leaves which lacks a term
WAYS = 4  # combinations of terms that are kept while more terms are placed
FEW_VALUES = 12  # of what terms share: a width, not a place, which is plain in the data

Way = tuple[float, Floats]  # what it leaves, and where


def starting_values(problem: FitProblem, objective: Objective, kernels: KernelCache) -> Floats:
    """The client's starts, completed; (parameters,), inside the limits."""
    given = starts_of(problem.knowledge)
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


def rough_estimates(
    problem: FitProblem, objective: Objective, kernels: KernelCache, given: Floats
) -> Iterator[Floats]:
    """Candidates of one shape as they are: what describes most of the data best may be undefined
    for a few that lie far off, and something broader is not."""
    if not isinstance(problem.model, Mixture) and len(problem.model.parts) == 1:
        yield from Search(problem, objective, kernels, given).rough()


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


class Search(Trials):
    """The search for the starting values of one problem, on coarse data."""

    def __init__(
        self, problem: FitProblem, objective: Objective, kernels: KernelCache, given: Floats
    ):
        super().__init__(problem, objective, kernels, given)
        data = self.data
        self.outline = Outline.of(data)
        self.ends = data.ends
        # broad ones, which have few places, first; a shared parameter belongs to the first
        self.order = sorted(range(len(self.parts)), key=self._choices)
        self.owner = np.full(len(given), len(self.parts))
        for i in reversed(self.order):
            self.owner[list(self.parts[i][1])] = i
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

    def rough(self) -> Iterator[Floats]:
        """Some over the whole range, not refined, best by the true cost first."""
        rows = self._proposals(0, self.blank, self.many)
        yield from self._in_order(map(self.solved, rows[:: -(-len(rows) // MOST_ROUGH)]))

    def _ranked(self, features: Features) -> list[Floats]:
        rows = self._proposals(0, self.blank, features)
        widest = rows[:1] if self._ends(0) else []  # it misses nothing that was counted
        rows = rows[:: -(-len(rows) // MOST_SOLVED)]
        if len(rows) <= MOST_TRIED:
            return self._in_order(map(self.solved, rows))
        return self._in_order([*self._best_refined(rows), *map(self.solved, widest)])

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
            residuals = np.array([self._residual(row) for row in solved])
            reach = self._reach(REACH, residuals)
            chosen = rivals(residuals, reach, MOST_REFINED, MOST_RIVALS)
            found += [self._refined(solved[i], everything) for i in chosen]
        return self._compared(found)

    def sum(self) -> Iterator[Floats]:
        """The terms placed in turn, each where it explains most; then other combinations."""
        best = self._in_order(self._compared(self._placed(REACH)))[0]
        other = self._exchanged(best, self._unequal)
        yield best if other is best else self._in_order([best, self.solved(other)])[0]
        placed = self._placed(np.inf)
        pairs = list(combinations(range(len(self.parts)), 2))
        exchanged = [self._exchanged(point, pairs) for point in placed]
        yield from self._in_order(map(self.solved, [*exchanged, *placed]))

    @cached_property
    def _unequal(self) -> list[tuple[int, int]]:
        """Pairs of components that are alike, but share with third ones what the other does not."""
        every = range(len(self.parts))
        searched = [set(self._searched(i)) for i in every]
        shared = [{p for k in every if k != i for p in searched[i] & searched[k]} for i in every]
        pairs = combinations(every, 2)
        return [(i, k) for i, k in pairs if self._are_alike(i, k) and shared[i] != shared[k]]

    def _exchanged(self, point: Floats, pairs: Iterable[tuple[int, int]]) -> Floats:
        """`point` with two terms in each other's place, wherever that describes the data better.

        Unlike peaks explain each other's data nearly as well as their own, and so do peaks of which
        only some have a common width.
        """
        everything = np.ones(len(self.owner), dtype=bool)
        for i, k in pairs:
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

    def _placed(self, reach: float) -> list[Floats]:
        """All terms placed one after the other; of all combinations the best `WAYS` are kept, as
        far as they leave so few squares more than the best; so is the best one with each value of
        what terms that are alike share: alone, a peak covers two with a width that fits neither.
        """
        points = [self.blank]
        placed = held = np.zeros(len(self.owner), dtype=bool)
        for number, i in enumerate(self.order, 1):
            placed = placed | (self.owner == i)
            later = self.order[number:]
            settled = placed & ~self._shared(later)
            alike = placed & self._shared([k for k in later if self._are_alike(i, k)])
            ways = [way for point in points for way in self._ways(i, point, placed, alike)]
            ways.sort(key=itemgetter(0))
            most = MOST_RIVALS if np.isfinite(reach) else WAYS**2
            first = [way for way in ways[:most] if not way[0] > ways[0][0] + reach]
            refined, others = (
                [self._refined(self._solve(row, placed), settled) for _, row in some]
                for some in (first, _of_other_values(ways, first, held | alike))
            )
            points = [*self._best(refined, reach), *others]
            held = alike
            thorough = not np.isfinite(reach)
            if later and (thorough or self._is_subtle(points[0], later)):
                raw = [self._solve(row, placed) for _, row in ways if len(ways) <= MOST_TRIED]
                points = self._unlike([*points, *raw])
        return points

    def _ways(self, i: int, point: Floats, placed: Flags, alike: Flags) -> list[Way]:
        """The squares that the best candidates of component i leave, and `point` with these; the
        best with each value of what later ones that are alike share are among them."""
        proposals = self._proposals(i, point, self.many)
        if len(proposals) == 1:
            return [(self._misfit(self._solve(point, placed)), point)]
        order, left = self._best_rows(proposals, i, placed)
        most = WAYS if len(proposals) > MOST_TRIED else MOST_TRIED
        ways = [(float(left[k]), proposals[k]) for k in order]
        return [*ways[:most], *_of_other_values(ways, ways[:most], alike)]

    def _are_alike(self, i: int, k: int) -> bool:
        """Whether two components differ in nothing but their parameters."""
        return self.parts[i][0] == self.parts[k][0]

    def _is_subtle(self, point: Floats, later: list[int]) -> bool:
        """Whether so little is left to explain that a wrong end could describe the data well.

        What is broad, refined without the others, may then have taken in theirs; but not a peak.
        """
        if all(isinstance(self.parts[i][0], Density) for i in later):
            return False
        few = self._misfit(point) < SUBTLE * len(self.target)
        return self.problem.absolute_sigma and few

    def _best(self, points: list[Floats], reach: float) -> list[Floats]:
        """The best ways among refined points that differ, and are within reach of the best."""
        if len(points) < 2:
            return points
        residuals = np.array([self._residual(point) for point in points])
        squares = squares_of(residuals)
        order = different(residuals, np.argsort(squares, kind="stable").tolist())
        return [points[i] for i in order[:WAYS] if squares[i] <= squares.min() + reach]

    def _unlike(self, points: list[Floats]) -> list[Floats]:
        """Those that do not describe the data as one before them does."""
        residuals = np.array([self._residual(point) for point in points])
        return [points[i] for i in different(residuals, range(len(points)))]

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

    def _best_rows(self, rows: list[Floats], i: int, placed: Flags) -> tuple[list[int], Floats]:
        """The candidates of component i, those first whose column lowers the misfit most, and what
        each leaves of it."""
        columns = np.flatnonzero((self.owner == i) & self.linear)
        if len(columns) != 1:
            misfits = np.array([self._misfit(self._solve(row, placed)) for row in rows])
            return np.argsort(misfits, kind="stable").tolist(), misfits
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
        order = distinct_first(across / norm[:, None], np.argsort(-gain, kind="stable"), WAYS)
        return order, residual @ residual - np.sign(gain) * gain**2

    def _residual_and_basis(self, point: Floats, columns: Flags) -> tuple[Floats, Floats]:
        prediction, jacobian = self.coarse.jacobian(point)
        residual = (self.target - prediction[self.used]) * self.root_weight
        block = jacobian[np.ix_(self.used, columns)] * self.root_weight[:, None]
        return residual, np.linalg.qr(block)[0] if columns.any() else np.zeros((len(residual), 0))

    def _in_order(self, points: Iterable[Floats]) -> list[Floats]:
        """The best first; the cost of each is known once it is solved."""
        found = [(self._cost(point), point) for point in points]
        return [point for _, point in sorted(found, key=itemgetter(0))]

    def _cost(self, point: Floats) -> float:
        if self.problem.data.has_x_err:
            return self._misfit(point)  # the true cost rewards steep candidates
        value = self.objective.evaluate(point)[0]
        return value if np.isfinite(value) else np.inf


def _of_other_values(ways: list[Way], chosen: list[Way], shared: Flags) -> list[Way]:
    """The best way with each value of these parameters that is not among those chosen, if there are
    but few values."""
    known = {row[shared].tobytes() for _, row in chosen}
    best: dict[bytes, Way] = {}
    for way in ways:
        best.setdefault(way[1][shared].tobytes(), way)
    if len(best) > FEW_VALUES:
        return []
    return [way for value, way in list(best.items())[:WAYS] if value not in known]
