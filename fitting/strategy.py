"""How the minimum is found.

    start          the client's, completed from the data (`starts`)
    descend        a few Levenberg-Marquardt steps, MIGRAD, Newton's method to the last digits
    more, if that ended badly or suspiciously:
      valley       Levenberg-Marquardt with geodesic acceleration, along what is narrow and bent
      other starts those estimated from the data, best candidates first
    verdict        exact derivatives decide; the lowest certain minimum is the answer

Suspicious is a minimum that describes the data badly, or at which parameters are all but the same:
two peaks of a model that have merged on one of the data have a valid minimum there. An easy fit
needs none of this and pays for none of it.

With errors in x everything is first done without them; see `_with_x_err`.
"""

from collections.abc import Iterator
from itertools import islice

import numpy as np

from fitting.data import Marks, Points
from fitting.geodesic import descend_valley
from fitting.kernels import KernelCache
from fitting.levenberg import approach
from fitting.migrad import descend
from fitting.newton import Minimum, certify, polish, undetermined
from fitting.objective import Objective
from fitting.padding import Floats
from fitting.problem import FitProblem
from fitting.result import FitWarning, Status
from fitting.starts import estimates, inside, starting_values
from fitting.verdict import is_certain, is_degenerate, is_poor, judge, rounding_edm

MAX_RESCALINGS = 4
SQUARED_ROUNDING = 1e-28
SAME_COST = 1e-9
NEAR = 1e-5  # a decrease of the cost that MIGRAD does not stop at
MOST_STARTS = 10  # that are estimated from the data
FEW_STARTS = 3  # of these, with errors in x
CONTINUED = (0.25, 0.5, 0.75, 1.0)  # parts of the errors in x, one after the other
INFLATED = 1.0  # logarithm of what errors in x make of the variance of a point, more than at first
SWALLOWED = 3.0


class Strategy:
    """The search for the minimum of one problem, and what it has noticed on the way.

    `starts` are the starting values used; `vague` the parameters that the data do not determine
    although the cost has a minimum.
    """

    def __init__(self, problem: FitProblem, objective: Objective, kernels: KernelCache):
        self.problem = problem
        self.objective = objective
        self.kernels = kernels
        self.starts: Floats | None = None
        self.vague: tuple[int, ...] = ()
        self.warnings: list[FitWarning] = []

    def minimum(self) -> tuple[Minimum | None, Status]:
        """The best minimum that was found, and what it is."""
        if self.problem.data.is_empty:
            return None, Status.EMPTY_DATA
        if self.problem.ndof < 0:
            return None, Status.UNDER_DETERMINED
        start = self._start()
        with_x_err = self.problem.cost == "effective-variance"
        if not (with_x_err or self.objective.is_defined(start)):
            return None, Status.UNDEFINED_COST
        first = self.objective.evaluate(start)[0] / self.objective.scale
        if with_x_err:
            minimum, runaway = self._with_x_err(start)
        else:
            minimum, runaway = self._search(start), False
        if minimum.scale != self.objective.scale:
            minimum = certify(self.objective, minimum.values, self.problem.bounds)
        if runaway and minimum.defined:
            return minimum, Status.RUNAWAY
        status = judge(minimum, self.problem, start, first - minimum.fval)
        if status is Status.CONVERGED:
            self.vague = undetermined(self.objective, minimum)
            if self.vague:
                return minimum, Status.UNDETERMINED
        return minimum, status

    def _start(self) -> Floats:
        self.starts = start = starting_values(self.problem, self.objective, self.kernels)
        if self.problem.cost != "effective-variance":
            self.objective.linearised(start)  # the first step needs it: one call for both
        if not self.objective.is_defined(start):
            for estimate in self._estimates():
                if self.objective.is_defined(estimate):
                    self.starts = start = estimate
                    self.warnings.append(
                        FitWarning(
                            "undefined-start",
                            "The model is undefined for these data at the given start; the fit "
                            "started from values estimated from the data instead.",
                        )
                    )
                    break
        return start

    def _estimates(self) -> Iterator[Floats]:
        """Starting values from the data, whatever the client said, the best first."""
        problem = self.problem
        known = [k.start if k.fixed and k.start is not None else np.nan for k in problem.knowledge]
        for estimate in estimates(problem, self.objective, self.kernels, np.array(known)):
            yield inside(estimate, problem)

    def _search(self, start: Floats) -> Minimum:
        """From the start; if that ends badly, along the valley, and from our own estimates."""
        best = self._descend(start)
        if self._is_sound(best):
            return best
        for origin in (best.values, start):
            best = self._better(best, self._descend(origin, valley=True))
            if self._is_sound(best):
                return best
        from_given, given = (
            best,
            any(k.start is not None and not k.fixed for k in self.problem.knowledge),
        )
        for estimate in islice(self._estimates(), MOST_STARTS):
            if not self.objective.is_defined(estimate):
                continue
            other = self._descend(estimate)
            if not self._is_certain(other):
                other = self._better(other, self._descend(estimate, valley=True))
            best = self._better(best, other)
            if self._is_sound(best):
                break
        given = any(k.start is not None and not k.fixed for k in self.problem.knowledge)
        if given and best is not from_given:
            self.warnings.append(
                FitWarning(
                    "better-minimum-elsewhere",
                    "The fit from the given start ended badly; the answer is that of a fit from "
                    "values estimated from the data.",
                )
            )
        return best

    def _is_sound(self, minimum: Minimum) -> bool:
        """Nothing speaks for trying more."""
        bounds = self.problem.bounds
        if bounds.fixed.all():
            return True
        pairs = zip(self.problem.parameters, bounds.fixed, strict=True)
        linear = all(parameter.linear or fixed for parameter, fixed in pairs)
        if linear and self.problem.cost != "effective-variance":
            return minimum.defined  # the cost is convex
        if not self._is_certain(minimum):
            return minimum.defined and not minimum.free.any()
        return not (is_degenerate(minimum) or is_poor(minimum, self.problem))

    def _is_certain(self, minimum: Minimum) -> bool:
        return is_certain(minimum, self.problem)

    def _better(self, one: Minimum, other: Minimum) -> Minimum:
        """The lower of two minima, a certain one before another, the first if they are alike."""
        if not (one.defined and other.defined):
            return one if one.defined else other
        if self._is_certain(one) != self._is_certain(other):
            certain, another = (one, other) if self._is_certain(one) else (other, one)
            # what is far lower and uncertain tells that the certain one is not the minimum
            return another if certain.fval - another.fval > 1 / another.scale else certain
        return one if self._alike(one, other) or one.fval < other.fval else other

    def _alike(self, one: Minimum, other: Minimum) -> bool:
        """Whether two costs differ by no more than rounding."""
        # where residuals are rounding, they differ by as much
        rounding = max(rounding_edm(m, self.problem) / m.scale for m in (one, other))
        return abs(one.fval - other.fval) <= SAME_COST * abs(one.fval) + 1e3 * rounding

    def _with_x_err(self, start: Floats) -> tuple[Minimum, bool]:
        """From the minimum without errors in x, and whether the errors swallow the data.

        From a cold start a large x_err has valleys at absurd slopes, which inflate the variance
        until chi-square vanishes. So minima are compared by the full likelihood, in which the
        logarithm of the variance makes inflation cost, and a minimum that inflates the variance
        more than the first step explains is looked for again: with errors that grow in steps, and
        from a fit whose errors in y know a typical slope.
        """
        data = self.problem.data
        assert isinstance(data, Points)
        first = self._without_x_err(start, data)
        best = self._descend(first)
        usual = self._logarithm(first)
        if self._is_sound(best) and self._logarithm(best.values) < usual + INFLATED * data.size:
            return best, False
        found = [best]
        for origin in (start, *islice(self._estimates(), FEW_STARTS)):
            for errors in (data, data.softened()):
                first = self._without_x_err(origin, errors)
                usual = min(usual, self._logarithm(first))
                found += self._continued(first)
        found = [certify(self.objective, m.values, self.problem.bounds) for m in found]
        best = min([m for m in found if m.defined] or found, key=self._likelihood)
        # the first step, which is no minimum, may be likelier than the minimum it leads to
        near = self._likelihood(best) + INFLATED * data.size
        certain = [m for m in found if self._is_certain(m) and self._likelihood(m) < near]
        best = min(certain or [best], key=self._likelihood)
        limit = usual + SWALLOWED * data.size
        ends = [best] if certain else found  # without a minimum: where did they all go?
        return best, any(self._logarithm(m.values) > limit for m in ends)

    def _continued(self, first: Floats) -> list[Minimum]:
        """Where `first` leads with errors in x, at once and as they grow in steps; and itself."""
        found = [certify(self.objective, first, self.problem.bounds)]
        found.append(self._descend(first, valley=True))
        padded, point = self._marks, first
        for part in CONTINUED:
            self.objective.replace(x_err=part * padded.x_err)
            if self.objective.is_defined(point):
                found.append(self._descend(point))
                point = found[-1].values
        return found

    def _without_x_err(self, start: Floats, data: Points) -> Floats:
        """The minimum without errors in x, with the errors in y of `data`."""
        padded, objective = self._marks, self.objective
        objective.replace(
            x_err=np.zeros_like(padded.x_err),
            y_err=data.padded().y_err,
            log_weight=np.zeros_like(padded.log_weight),
        )
        if objective.is_defined(start):
            minimum = self._descend(start)
            if not self._is_certain(minimum):
                minimum = self._better(minimum, self._descend(start, valley=True))
            start = minimum.values
        objective.replace(x_err=padded.x_err, y_err=padded.y_err, log_weight=padded.log_weight)
        return start

    @property
    def _marks(self) -> Marks:
        padded = self.problem.data.padded()
        assert isinstance(padded, Marks)
        return padded

    def _logarithm(self, params: Floats) -> float:
        """Sum of log(V / y_err^2), by which errors in x inflate the variances."""
        objective, costs = self.objective, []
        for weight in (1.0, 0.0):
            objective.replace(log_weight=np.asarray(weight))
            costs.append(objective.evaluate(params)[0] / objective.scale)
        objective.replace(log_weight=self._marks.log_weight)
        difference = costs[0] - costs[1]
        return difference if np.isfinite(difference) else np.inf

    def _likelihood(self, minimum: Minimum) -> float:
        """The cost with the logarithm, which a classical cost has not."""
        berkson = getattr(self.problem.data, "berkson", False)
        return minimum.fval + (0.0 if berkson else self._logarithm(minimum.values))

    def _descend(self, start: Floats, *, valley: bool = False) -> Minimum:
        """To the nearest minimum, again while the scale of the cost was far off."""
        self._rescale(start)
        minimum = self._once(start, valley)
        for _ in range(MAX_RESCALINGS):
            if not self._rescale(minimum.values):
                break
            minimum = self._once(minimum.values, valley)
        return minimum

    def _once(self, start: Floats, valley: bool) -> Minimum:
        objective, bounds = self.objective, self.problem.bounds
        if bounds.fixed.all():
            return certify(objective, start, bounds)
        if valley:
            start = descend_valley(objective, start, bounds)
        start = approach(objective.linearised, start, bounds, ~bounds.fixed, near=NEAR)
        ended = descend(objective, start, bounds, self.problem.names)
        return polish(objective, ended, bounds)

    def _rescale(self, params: Floats) -> bool:
        """Bring a cost of unknown scale to the order of ndof; true if that was needed."""
        if self.problem.absolute_sigma:
            return False
        objective, before = self.objective, self.objective.scale
        cost = objective.evaluate(params)[0] / before
        if not np.isfinite(cost) or cost <= SQUARED_ROUNDING * self._squares():
            return False
        scale = max(self.problem.ndof, 1) / cost
        if 0.1 < scale / before < 10:
            return False
        objective.scale = scale
        return True

    def _squares(self) -> float:
        """Cost of a model that is zero: what rounding is measured against."""
        padded = self._marks
        return float(np.sum(np.where(padded.used, (padded.y / padded.y_err) ** 2, 0.0)))
