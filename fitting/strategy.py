"""How the minimum is found: starting values, descents, further tries, and the verdict."""

from typing import Any

import numpy as np

from fitting.kernels import KernelCache
from fitting.levenberg import approach
from fitting.migrad import EDM_GOAL, descend
from fitting.newton import Minimum, certify, polish, undetermined
from fitting.objective import Objective
from fitting.padding import Floats
from fitting.problem import FitProblem
from fitting.result import FitWarning, Status
from fitting.starts import estimated_values, inside, starting_values

# what is tried in turn until the exact derivatives certify a minimum
ATTEMPTS: tuple[dict[str, Any], ...] = (
    {"strategy": 0},
    {"strategy": 1, "simplex": True},
    {"strategy": 2},
)
MAX_RESCALINGS = 4
SQUARED_ROUNDING = 1e-28
SAME_COST = 1e-9
NEAR = 1e-5  # a decrease of the cost that MIGRAD does not stop at


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
        """Starting values, then the descent, without x errors first where there are any."""
        if self.problem.data.is_empty:
            return None, Status.EMPTY_DATA
        if self.problem.ndof < 0:
            return None, Status.UNDER_DETERMINED
        start = self._start()
        if not self.objective.is_defined(start):
            return None, Status.UNDEFINED_COST
        if self.problem.cost != "effective-variance":
            minimum = self._best_of_starts(start)
        else:
            # from a cold start a large x_err has valleys at absurd slopes
            minimum = self._descend(self._without_x_err(start))
        status = judge(minimum, self.problem)
        if status is Status.CONVERGED:
            self.vague = undetermined(self.objective, minimum, start)
            if self.vague:
                return minimum, Status.NOT_POSITIVE_DEFINITE
        return minimum, status

    def _start(self) -> Floats:
        self.starts = start = starting_values(self.problem, self.objective, self.kernels)
        if self.problem.cost != "effective-variance":
            self.objective.linearised(start)  # the first step needs it: one call for both
        if not self.objective.is_defined(start):
            estimate = self._estimate()
            if self.objective.is_defined(estimate):
                self.starts = start = estimate
                self.warnings.append(
                    FitWarning(
                        "undefined-start",
                        "The model is undefined for these data at the given start; the fit "
                        "started from values estimated from the data instead.",
                    )
                )
        return start

    def _estimate(self) -> Floats:
        """Starting values from the data, whatever the client said."""
        problem = self.problem
        known = [k.start if k.fixed and k.start is not None else np.nan for k in problem.knowledge]
        estimate = estimated_values(problem, self.objective, self.kernels, np.array(known))
        return inside(estimate, problem)

    def _best_of_starts(self, start: Floats) -> Minimum:
        """From the client's start; if that ends badly, from our own estimate, too."""
        minimum = self._descend(start)
        given = any(k.start is not None and not k.fixed for k in self.problem.knowledge)
        if not given or not self._is_poor(minimum):
            return minimum
        estimate = self._estimate()
        if not self.objective.is_defined(estimate):
            return minimum
        other = self._descend(estimate)
        # once more, because the scale of the cost may have changed meanwhile
        minimum = certify(self.objective, minimum.values, self.problem.bounds)
        both_same = other.cost >= minimum.cost * (1 - SAME_COST) or not other.positive_definite
        if both_same and minimum.positive_definite:
            return minimum
        self.warnings.append(
            FitWarning(
                "better-minimum-elsewhere",
                "The fit from the given start ended badly; the answer is that of a fit from "
                "values estimated from the data.",
            )
        )
        return other

    def _is_poor(self, minimum: Minimum) -> bool:
        """Not a minimum, or one that describes the data badly: five sigma, or no better than
        half of what a constant leaves where errors are relative."""
        if judge(minimum, self.problem) is not Status.CONVERGED:
            return True
        cost, ndof = minimum.cost / self.objective.scale, self.problem.ndof
        if self.problem.absolute_sigma:
            return cost > ndof + 5 * np.sqrt(2 * ndof)
        padded: Any = self.problem.data.padded()
        y = (padded.y / padded.y_err)[padded.used]
        return cost > 0.5 * float(np.sum((y - y.mean()) ** 2))

    def _without_x_err(self, start: Floats) -> Floats:
        padded: Any = self.problem.data.padded()
        self.objective.replace(
            x_err=np.zeros_like(padded.x), log_weight=np.zeros_like(padded.log_weight)
        )
        minimum = self._best_of_starts(start)
        self.objective.replace(x_err=padded.x_err, log_weight=padded.log_weight)
        return minimum.values if self.objective.is_defined(minimum.values) else start

    def _descend(self, start: Floats) -> Minimum:
        """MIGRAD and Newton, repeated while the scale of the cost was far off."""
        self._rescale(start)
        minimum = self._attempts(start)
        for _ in range(MAX_RESCALINGS):
            if not self._rescale(minimum.values):
                break
            minimum = self._attempts(minimum.values)
        return minimum

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
        padded: Any = self.problem.data.padded()
        return float(np.sum(np.where(padded.used, (padded.y / padded.y_err) ** 2, 0.0)))

    def _attempts(self, start: Floats) -> Minimum:
        objective, bounds, names = self.objective, self.problem.bounds, self.problem.names
        if bounds.fixed.all():
            return certify(objective, start, bounds)
        best: Minimum | None = None
        for options in ATTEMPTS:
            origin = start if best is None else best.values
            if best is None:
                origin = approach(objective.linearised, origin, bounds, ~bounds.fixed, near=NEAR)
            ended = descend(objective, origin, bounds, names, **options)
            minimum = polish(objective, ended, bounds)
            if best is None or minimum.cost <= best.cost or not np.isfinite(best.cost):
                best = minimum
            if judge(best, self.problem) in (Status.CONVERGED, Status.AT_LIMIT_ONLY):
                break
        assert best is not None
        return best


def judge(minimum: Minimum, problem: FitProblem) -> Status:
    """What the exact derivatives say, whatever Minuit thinks."""
    if not minimum.defined:
        return Status.UNDEFINED_COST
    if problem.bounds.fixed.all():
        return Status.CONVERGED
    if not minimum.free.any():
        return Status.AT_LIMIT_ONLY
    if not minimum.positive_definite:
        return Status.NOT_POSITIVE_DEFINITE
    return Status.CONVERGED if minimum.edm < EDM_GOAL else Status.NOT_CONVERGED
