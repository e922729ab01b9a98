"""What each component of a model could be, and how much of the data that would explain."""

from functools import cached_property

import numpy as np

from fitting.kernels.cache import KernelCache
from fitting.objective import Objective
from fitting.padding import Flags, Floats
from fitting.problem import FitProblem
from fitting.search.ends import ends_of_range
from fitting.search.features import Outline, few_candidates, many_candidates
from fitting.search.rivals import distinct_first
from fitting.search.trials import Trials
from models.features import Features
from models.parameter import Parameter

MOST_TRIED = 8  # candidates of one shape that are all compared by the true cost
WAYS = 4  # combinations of terms that are kept while more terms are placed
FEW_VALUES = 12  # of what terms share: a width, not a place, which is plain in the data

Way = tuple[float, Floats]  # what it leaves, and where


class Candidates(Trials):
    """The components of one problem on coarse data, those with few candidates first (`order`)."""

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

    def _is_open(self, i: int, placed: Flags) -> bool:
        """Whether component i has anything to be searched for that is not placed."""
        places = [*self._searched(i), *self._free_ends(i)]
        return bool((self.unknown & ~placed)[places].any())

    def _known_like(self, i: int, among: list[int]) -> list[int]:
        """Terms like component i of which as much is given, but not the same: peaks at known
        places, each of which would alone take in its neighbours."""
        own = self._searched(i)
        found = []
        for k in among:
            others = self._searched(k)
            is_other = k != i and self._is_open(k, self.owner != k)
            if not is_other or self.parts[k][0] != self.parts[i][0]:
                continue
            given = ~self.unknown[own]
            if (given == ~self.unknown[others]).all():
                differ = self.blank[own] != self.blank[others]
                found += [k] if differ[given].any() else []
        return found

    def _ways(
        self, terms: list[int], point: Floats, placed: Flags, new: Flags, alike: Flags
    ) -> list[Way]:
        """The squares that the best candidates of these terms leave, and `point` with these; the
        best with each value of what later ones that are `alike` share are among them.

        Of all that is `placed`, `new` is placed now.
        """
        proposals = self._proposals(terms, point, self.many)
        if len(proposals) == 1:
            return [(self._misfit(self._solve(point, placed)), point)]
        order, left = self._best_rows(proposals, placed, new)
        most = WAYS if len(proposals) > MOST_TRIED else MOST_TRIED
        ways = [(float(left[k]), proposals[k]) for k in order]
        return [*ways[:most], *of_other_values(ways, ways[:most], alike)]

    def _are_alike(self, i: int, k: int) -> bool:
        """Whether two components differ in nothing but their parameters."""
        return self.parts[i][0] == self.parts[k][0]

    def _shared(self, later: list[int]) -> Flags:
        """What later terms have, too: refined without these, a peak would take in theirs."""
        shared = np.zeros(len(self.owner), dtype=bool)
        for i in later:
            shared[self._searched(i)] = True
        return shared

    def _proposals(self, terms: list[int], point: Floats, features: Features) -> list[Floats]:
        """`point` with each candidate of terms alike, beside what these share with others."""
        i = terms[0]
        part, places = self.parts[i]
        own = [place for place in self._searched(i) if self.owner[place] == i]
        at = [self._searched(i).index(place) for place in own]
        known = {k: point[places[k]] for k in part.searched if self.owner[places[k]] != i}
        rows = []
        for candidate in part.starts_beside(features, known) if known else part.starts(features):
            row = point.copy()
            for k in terms:
                these = np.array(self._searched(k), dtype=int)[at]
                row[these] = np.where(self.owner[these] == k, candidate, row[these])
            rows.append(np.where(self.unknown, row, self.blank))
        rows = list(self.problem.bounds.spread(np.array(rows)))
        distinct = {row.tobytes(): row for row in rows}.values()  # what is given is so in all
        return [self._with(row, choice) for choice in self._ends(i) or [{}] for row in distinct]

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

    def _best_rows(self, rows: list[Floats], placed: Flags, new: Flags) -> tuple[list[int], Floats]:
        """The candidates of what is new, those first whose column lowers the misfit most, and what
        each leaves of it."""
        columns = np.flatnonzero(new & self.linear)
        if len(columns) != 1:
            misfits = np.array([self._misfit(self._solve(row, placed)) for row in rows])
            return np.argsort(misfits, kind="stable").tolist(), misfits
        shapes = np.array(rows)
        shapes[:, self.linear] = 0.0
        shapes[:, columns] = 1.0
        candidates = self.coarse.predictions(shapes)[:, self.used] * self.root_weight
        others = placed & self.linear & self.unknown & ~new
        known = self._solve(rows[0], placed & ~new)
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


def of_other_values(ways: list[Way], chosen: list[Way], shared: Flags) -> list[Way]:
    """The best way with each value of these parameters that is not among those chosen, if there are
    but few values."""
    known = {row[shared].tobytes() for _, row in chosen}
    best: dict[bytes, Way] = {}
    for way in ways:
        best.setdefault(way[1][shared].tobytes(), way)
    if len(best) > FEW_VALUES:
        return []
    return [way for value, way in list(best.items())[:WAYS] if value not in known]
