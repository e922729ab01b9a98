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
from fitting.padding import Floats
from fitting.problem import FitProblem, Knowledge, starts_of
from fitting.search.candidates import MOST_TRIED, WAYS, Candidates, of_other_values
from fitting.search.rivals import REACH, different, rivals, squares_of
from fitting.search.trials import MOST_REFINED, inside
from models.composition.mixture import Mixture
from models.features import Features
from models.model import Density

MOST_SOLVED = 1000
MOST_ROUGH = 100  # candidates that are not refined, where no other can be started from
MOST_RIVALS = 8
SUBTLE = 5.0  # squares, of each entry, that a sum leaves which lacks a term


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


class Search(Candidates):
    """The search for the starting values of one problem, on coarse data."""

    def single(self) -> Iterator[Floats]:
        """A shape's few candidates, best by the true cost first; then some over the whole range."""
        yield from self._ranked(self.few)
        yield from self._ranked(self.many)

    def rough(self) -> Iterator[Floats]:
        """Some over the whole range, not refined, best by the true cost first."""
        rows = self._proposals([0], self.blank, self.many)
        yield from self._in_order(map(self.solved, rows[:: -(-len(rows) // MOST_ROUGH)]))

    def _ranked(self, features: Features) -> list[Floats]:
        rows = self._proposals([0], self.blank, features)
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
        placed = self._placed(REACH)
        if any(self._known_like(i, self.order) for i in self.order):
            placed += self._placed(REACH, together=True)
        best = self._in_order(self._compared(placed))[0]
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

    def _placed(self, reach: float, *, together: bool = False) -> list[Floats]:
        """All terms placed one after the other, or those at known places `together`; of all
        combinations the best `WAYS` are kept, as far as they leave so few squares more than the
        best; so is the best one with each value of what terms that are alike share: alone, a peak
        covers two with a width that fits neither.
        """
        points = [self.blank]
        placed = held = np.zeros(len(self.owner), dtype=bool)
        later = self.order
        while later:
            i, before = later[0], placed
            placed = placed | (self.owner == i)
            # what then has nothing to be searched for goes with it
            later = [k for k in later[1:] if self._is_open(k, placed)]
            beside = self._known_like(i, later) if together else []
            later = [k for k in later if k not in beside]
            placed = ~np.isin(self.owner, later)
            new, settled = placed & ~before, placed & ~self._shared(later)
            alike = placed & self._shared([k for k in later if self._are_alike(i, k)])
            terms = [i, *beside]
            ways = [way for p in points for way in self._ways(terms, p, placed, new, alike)]
            ways.sort(key=itemgetter(0))
            most = MOST_RIVALS if np.isfinite(reach) else WAYS**2
            first = [way for way in ways[:most] if not way[0] > ways[0][0] + reach]
            refined, others = (
                [self._refined(self._solve(row, placed), settled) for _, row in some]
                for some in (first, of_other_values(ways, first, held | alike))
            )
            points = [*self._best(refined, reach), *others]
            held = alike
            thorough = not np.isfinite(reach)
            if later and (thorough or self._is_subtle(points[0], later)):
                raw = [self._solve(row, placed) for _, row in ways if len(ways) <= MOST_TRIED]
                points = self._unlike([*points, *raw])
        return points

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

    def _in_order(self, points: Iterable[Floats]) -> list[Floats]:
        """The best first; the cost of each is known once it is solved."""
        found = [(self._cost(point), point) for point in points]
        return [point for _, point in sorted(found, key=itemgetter(0))]

    def _cost(self, point: Floats) -> float:
        if self.problem.data.has_x_err:
            return self._misfit(point)  # the true cost rewards steep candidates
        value = self.objective.evaluate(point)[0]
        return value if np.isfinite(value) else np.inf
