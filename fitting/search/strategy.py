"""How the minimum is found.

    start          the client's, completed from the data (`starts`)
    descend        Levenberg-Marquardt steps, Newton's method, if need be MIGRAD (`descent`)
    more, if that ended badly or suspiciously:
      products     of which the model is a linear function, solved for (`starts`)
      valley       Levenberg-Marquardt with geodesic acceleration, along what is narrow and bent
      other starts those estimated from the data, best candidates first
    verdict        exact derivatives decide; the lowest certain minimum is the answer

Suspicious is a minimum that describes the data badly; at which parameters are all but the same (two
peaks of a model that have merged on one of the data have a valid minimum there); at which a limit
stopped a parameter that bends the model; or that the data do not determine. An easy fit needs none
of this and pays for none of it.

Where a model has an edge, a kink or a jump, minima next to the answer are looked at (`neighbours`);
one at a kink on one of the data is a minimum, too (`corners`).
With errors in x everything is first done without them (`errors_in_x`).
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, islice
from operator import attrgetter

import numpy as np

from fitting.data import Data, Points
from fitting.errors import DeadlineReached
from fitting.kernels.cache import KernelCache
from fitting.objective import Objective
from fitting.padding import Floats
from fitting.problem import FitProblem, starts_of
from fitting.search.coarse import coarsen
from fitting.search.corners import at_corner
from fitting.search.descent import Descent
from fitting.search.errors_in_x import ErrorsInX
from fitting.search.labels import as_given
from fitting.search.neighbours import Neighbours
from fitting.search.newton import Minimum, undetermined
from fitting.search.positions import Positions
from fitting.search.starts import estimates, rough_estimates, starting_values
from fitting.search.trials import Trials, inside
from fitting.search.verdict import is_degenerate, is_level, is_poor, judge
from fitting.status import Algorithm, FitWarning, Status, WarningCode
from models.breaks import Break

Estimates = Callable[[FitProblem, Objective, KernelCache, Floats], Iterator[Floats]]

MOST_STARTS = 10  # that are estimated from the data
FEW_STARTS, MANY_POINTS = 3, 2000  # of these, with errors in x in fewer points than so many
MOVED = 1.0  # standard deviations: on coarse data the same minimum is nearer
TO_REPORT_S = 0.5  # past the deadline


class Strategy:
    """The search for the minimum of one problem, and what it has noticed on the way.

    `starts` are the starting values used; `vague` the parameters that the data do not determine
    although the cost has a minimum, or falls as they inflate the variance.
    """

    def __init__(self, problem: FitProblem, objective: Objective, kernels: KernelCache):
        self.problem = problem
        self.objective = objective
        self.kernels = kernels
        self.descent = Descent(problem, objective)
        self.starts: Floats | None = None
        self.vague: tuple[int, ...] = ()
        self._looked_at: tuple[Minimum | None, tuple[int, ...]] = None, ()
        self.warnings: list[FitWarning] = []

    @property
    def began_at(self) -> Floats:
        """The starts used, or where the search did not come that far, those given."""
        return starts_of(self.problem.knowledge) if self.starts is None else self.starts

    @property
    def algorithm(self) -> Algorithm:
        """What led to the minimum."""
        return "migrad" if self.descent.needed_migrad else "newton"

    def minimum(self) -> tuple[Minimum | None, Status]:
        """The best minimum that was found, and what it is."""
        data = self.problem.data
        if data.is_empty:
            return None, Status.EMPTY_DATA
        if self.problem.ndof_of_free < 0:
            return None, Status.UNDER_DETERMINED
        if self.problem.vanishes:
            return None, Status.UNDEFINED_COST
        start, runaway = self._start(), False
        first = self.objective.evaluate(start)[0] / self.objective.scale
        if isinstance(data, Points) and data.has_x_err:
            minimum, runaway = self._search_with_x_err(start, data)
        elif self.objective.is_defined(start):
            minimum = self.search(start)
        else:
            return None, Status.UNDEFINED_COST
        minimum = self._at_scale(minimum)
        if self.vague and minimum.defined:
            return self.descent.certify(minimum.values), Status.UNDETERMINED  # nothing is held
        if runaway and minimum.defined:
            return minimum, Status.RUNAWAY
        minimum = self._among_neighbours(minimum)
        status = judge(minimum, self.problem, start, first - minimum.fval)
        if status is Status.CONVERGED:
            self.vague = self._undetermined(minimum)
            if self.vague:
                return minimum, Status.UNDETERMINED
            if minimum.corners is not None:
                self._tell(minimum.corners)
        return minimum, status

    def _at_scale(self, minimum: Minimum) -> Minimum:
        """The same, at the scale that the cost has by now."""
        if minimum.scale == self.objective.scale:
            return minimum
        return self.descent.certify(minimum.values).at_corners(minimum.corners)

    def _start(self) -> Floats:
        self.starts = start = starting_values(self.problem, self.objective, self.kernels)
        if not self.objective.can_start_at(start):
            for estimate in chain(self._estimates(), self._estimates(rough_estimates)):
                if self.objective.can_start_at(estimate):
                    self.starts = start = estimate
                    if self._has_given_starts:
                        self.warn(
                            "undefined-start",
                            "The model is undefined for these data at the given start; the fit "
                            "started from values estimated from the data instead.",
                        )
                    break
        return start

    @property
    def _has_given_starts(self) -> bool:
        return any(k.start is not None and not k.fixed for k in self.problem.knowledge)

    def _estimates(self, source: Estimates = estimates) -> Iterator[Floats]:
        """Starting values from the data, whatever the client said, the best first."""
        problem = self.problem
        known = [k.start if k.fixed and k.start is not None else np.nan for k in problem.knowledge]
        for estimate in source(problem, self.objective, self.kernels, np.array(known)):
            yield as_given(inside(estimate, problem), problem)

    def search(self, start: Floats) -> Minimum:
        """From the start; if that ends badly, along the valley, and from our own estimates."""
        best = at_corner(self.descent, self.descent.run(start))
        if self._is_sound(best) or self.descent.is_perfect(best):
            return best
        moved = False
        try:
            for ended, is_estimated in self._more(start, best):
                other = at_corner(self.descent, ended)
                if self.descent.better(best, other) is not best:
                    best, moved = other, is_estimated
                self.objective.scale = best.scale  # that of one far above would hide what rises
                if self._is_sound(best) or self.descent.is_perfect(best):
                    break
        except DeadlineReached:
            self.objective.scale = best.scale
            self._settle_for(best)
        if moved and self._has_given_starts:
            self.warn(
                "better-minimum-elsewhere",
                "The fit from the given start ended badly; the answer is that of a fit from "
                "values estimated from the data.",
            )
        return best

    def _more(self, start: Floats, first: Minimum) -> Iterator[tuple[Minimum, bool]]:
        """What else may be lower than the first minimum, and whether it has starts of our own."""
        yield from self._across_zero(start, first)
        coarse = coarsen(self.problem.data)
        if coarse is self.problem.data or not self.descent.is_certain(first):
            for origin in (first.values, start):
                yield self.descent.run(origin, valley=True), False
        if coarse is not self.problem.data:
            yield from self._from_coarse(coarse, first)
            return
        for estimate in islice(self._estimates(), MOST_STARTS):
            if self.objective.can_start_at(estimate):
                yield self.descent.run_anyhow(estimate), True

    def _across_zero(self, start: Floats, first: Minimum) -> Iterator[tuple[Minimum, bool]]:
        """With products solved for, of a model of some: no descent leads n (1 + a x) across n = 0,
        where a is infinite."""
        if not any(part.relative for part, _ in self.problem.model.parts):
            return
        given = np.where(self.problem.bounds.fixed, start, np.nan)
        search = Trials(self.problem, self.objective, self.kernels, given)
        for origin in (first.values, start) if search.relative else ():
            solved = search.solved(origin)
            if self.objective.can_start_at(solved):
                yield self.descent.run(solved), False

    def _from_coarse(self, data: Data, first: Minimum) -> Iterator[tuple[Minimum, bool]]:
        """All of it on coarse data, which costs the same however many there are; what is lower
        there than where the first minimum lies is tried on all data; so is where a descent from
        that minimum leads, which may be none there."""
        problem = replace(self.problem, data=data, minos=())
        kernel = self.kernels.get(problem.kernel_key)
        search = Strategy(
            problem, self.objective.sibling(kernel, data.padded(), problem.prior), self.kernels
        )
        near = search.descent.run(first.values)
        found = search.search(near.values)
        left = near.sigmas(first.values) > MOVED
        if left or search.descent.better(near, found) is found:
            yield self.descent.run_anyhow(found.values), True

    def _search_with_x_err(self, start: Floats, data: Points) -> tuple[Minimum, bool]:
        """The same, and whether the errors in x swallow all that there is to fit."""
        search = whole = ErrorsInX(self.descent, data)
        first = search.first(start)
        try:
            self.vague = whole.unseen(first)
            if self.vague and self.problem.is_linear:  # then everywhere
                ended = is_level(first, self.problem) or data.berkson
                lowest = ended and not search.is_inflated(first)
                return first if lowest else self.descent.certify(search.exact.values), False
            if self.vague and (spare := whole.spare(start, first)):
                held = Positions.of([Break(((i, 1.0),)) for i in spare], self.problem.bounds)
                search = ErrorsInX(self.descent.holding(held, first.values), data)
                first = search.first(first.values)
            if self._is_sound(first) and not search.is_inflated(first):
                return first, False
            few = FEW_STARTS if data.size < MANY_POINTS else 0
            best, runaway = search.thorough(first, [start, *islice(self._estimates(), few)])
            if search is not whole:  # with what was held, too
                best = self.descent.certify(best.values)
            self.vague = whole.unseen(best)
        except DeadlineReached:
            search.restore()
            self._settle_for(first)
            return first, False
        return best, runaway

    def _among_neighbours(self, minimum: Minimum) -> Minimum:
        """The lowest of this one and those next to it, if the model has pieces."""
        data = self.problem.data
        if not self.problem.model.breaks or not self.descent.is_certain(minimum):
            return minimum
        cost: Callable[[Minimum], float] = attrgetter("fval")
        if isinstance(data, Points) and data.has_x_err:
            cost = ErrorsInX(self.descent, data).likelihood
        neighbours = Neighbours(self.problem, self.descent, cost, minimum)
        scale = self.objective.scale
        try:
            neighbours.look()
        except DeadlineReached:
            self._settle_for(neighbours.lowest)
        finally:
            self.objective.scale = scale  # descents bring the cost to one of their own
        minimum = self._at_scale(neighbours.lowest)
        for one, gain in neighbours.lower.items():
            place = one.text(self.problem.names)
            fixed = " or ".join(self.problem.names[i] for i, _ in one.factors)
            self.warn(
                "corner-nearby",
                f"The cost is not smooth where {place} passes one of the data, and lower there "
                f"than at this minimum by {gain:.2g}. Its errors say nothing of that: fix "
                f"{fixed} at some values to see, or use a model that is smooth.",
            )
        return minimum

    def _tell(self, corners: Positions) -> None:
        names = " and ".join(one.text(self.problem.names) for one in corners.breaks)
        self.warn(
            "corner",
            f"The cost has a corner at this minimum, where {names} stands on one of the data. "
            "The errors take the cost for smooth.",
        )

    def warn(self, code: WarningCode, message: str) -> None:
        """Tell the client, with the answer."""
        self.warnings.append(FitWarning(code, message))

    def _settle_for(self, minimum: Minimum) -> None:
        """No time for more: a certain minimum is an answer, another is none."""
        if not self.descent.is_certain(minimum):
            raise DeadlineReached
        self.objective.deadline = time.monotonic() + TO_REPORT_S
        self.warn(
            "deadline",
            "The deadline passed before everything was tried; there may be a better minimum. "
            "Allow more time, or give starting values.",
        )

    def _is_sound(self, minimum: Minimum) -> bool:
        """Nothing speaks for trying more."""
        bounds = self.problem.bounds
        if bounds.fixed.all():
            return True
        if self.problem.is_linear and self.problem.cost != "effective-variance":
            return minimum.defined  # the cost is convex
        if self.problem.is_linear_in_products and self.problem.cost != "effective-variance":
            return self.descent.is_certain(minimum)
        if not self.descent.is_certain(minimum):
            return minimum.defined and not minimum.free.any()
        if is_degenerate(minimum, self.problem) or is_poor(minimum, self.problem, self.objective):
            return False
        return not (minimum.held & ~self.problem.linear).any() and not self._undetermined(minimum)

    def _undetermined(self, minimum: Minimum) -> tuple[int, ...]:
        """Parameters that the data do not determine; of the answer this is asked twice."""
        known, found = self._looked_at
        if known is not minimum:
            found = undetermined(self.objective, minimum, self.problem.bounds, self.problem.reach)
            self._looked_at = minimum, found
        return found
