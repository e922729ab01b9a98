"""One descent, from a start to the nearest minimum, and which of two minima is the better one.

approach   a few Levenberg-Marquardt steps; in a valley that is narrow and bent, many
           with geodesic acceleration
polish     Newton's method with the exact Hessian, to the last digits
MIGRAD     on the compiled value and gradient, and the polish again, if that did not end in a
           certain minimum; where it did, MIGRAD would only measure again what is known exactly
"""

from dataclasses import replace

import numpy as np

from fitting.objective import Objective
from fitting.padding import Floats
from fitting.problem import FitProblem, Knowledge
from fitting.search.geodesic import descend_valley
from fitting.search.levenberg import approach
from fitting.search.migrad import descend
from fitting.search.newton import Minimum, certify, polish
from fitting.search.positions import Positions, Turned
from fitting.search.verdict import is_certain, is_exact, rounding_edm, squares

MAX_RESCALINGS = 4
SQUARED_ROUNDING = 1e-28  # of the squares of the data: a cost without a digit; `EXACT` is kinder
SAME_COST = 1e-9
PERFECT = 1e-9  # of a cost whose scale is known
NEAR = 0.1  # a decrease of the cost that Newton's method sees to in a step or two


class Descent:
    """Descents of one problem; they bring a cost of unknown scale to the order of ndof."""

    def __init__(self, problem: FitProblem, objective: Objective):
        self.problem = problem
        self.objective = objective
        self.needed_migrad = False

    def run(self, start: Floats, *, valley: bool = False) -> Minimum:
        """To the nearest minimum, again while the scale of the cost was far off."""
        self._rescale(start)
        minimum = self._once(start, valley)
        for _ in range(MAX_RESCALINGS):
            if not self._rescale(minimum.values):
                break
            minimum = self._once(minimum.values, valley)
        return minimum

    def run_anyhow(self, start: Floats) -> Minimum:
        """Along the valley, too, if the plain descent does not come to rest."""
        minimum = self.run(start)
        if self.is_certain(minimum):
            return minimum
        return self.better(minimum, self.run(start, valley=True))

    def holding(self, positions: Positions, point: Floats) -> "Descent":
        """The same by these coordinates, but that breaks stay where parameters `point` put them."""
        known, start = list(self.problem.knowledge), positions.coordinates(point)
        for i in positions.pivots:
            known[i] = Knowledge(float(start[i]), limits=(None, None), fixed=True)
        held = replace(self.problem, knowledge=tuple(known), minos=())
        plain = positions.are_parameters
        return Descent(held, self.objective if plain else Turned(self.objective, positions))

    def certify(self, params: Floats) -> Minimum:
        """What the exact derivatives say of this point."""
        return certify(self.objective, params, self.problem.bounds)

    def is_certain(self, minimum: Minimum) -> bool:
        """Gradient zero to rounding, Hessian positive definite."""
        return is_certain(minimum, self.problem)

    def is_perfect(self, minimum: Minimum) -> bool:
        """Whether nothing can be lower by anything that counts.

        Where residuals are rounding, nor can the data determine what they do not determine there.
        """
        if is_exact(minimum, self.problem):
            return True
        known = self.problem.absolute_sigma and minimum.fval < PERFECT
        return known and self.is_certain(minimum)

    def better(self, one: Minimum, other: Minimum) -> Minimum:
        """The lower of two minima, a certain one before another, the first if they are alike."""
        if not (one.defined and other.defined):
            return one if one.defined else other
        if self.is_certain(one) != self.is_certain(other):
            certain, another = (one, other) if self.is_certain(one) else (other, one)
            # what is far lower and uncertain tells that the certain one is not the minimum
            return another if certain.fval - another.fval > 1 / another.scale else certain
        return one if self._alike(one, other) or one.fval < other.fval else other

    def _alike(self, one: Minimum, other: Minimum) -> bool:
        """Whether two costs differ by no more than rounding."""
        # where residuals are rounding, they differ by as much
        rounding = max(rounding_edm(m, self.problem) / m.scale for m in (one, other))
        return abs(one.fval - other.fval) <= SAME_COST * abs(one.fval) + 1e3 * rounding

    def _once(self, start: Floats, valley: bool) -> Minimum:
        objective, bounds, linear = self.objective, self.problem.bounds, self.problem.scales
        if bounds.fixed.all():
            return self.certify(start)
        if valley:
            start = descend_valley(objective, start, bounds)
        seen, ahead = approach(
            objective.linearised,
            start,
            bounds,
            ~bounds.fixed,
            near=NEAR,
            linear=linear,
        )
        minimum = polish(objective, ahead, bounds, linear)
        if not minimum.defined:  # the last step led out of where the model has a value
            minimum = polish(objective, seen, bounds, linear)
        if self.is_certain(minimum):
            return minimum
        self.needed_migrad = True
        ended = descend(objective, seen, bounds, self.problem.names)
        return polish(objective, ended, bounds, linear)

    def _rescale(self, params: Floats) -> bool:
        """Bring a cost of unknown scale to the order of ndof; true if that was needed."""
        if self.problem.absolute_sigma:
            return False
        objective, before = self.objective, self.objective.scale
        cost = objective.evaluate(params)[0] / before
        if not np.isfinite(cost) or cost <= SQUARED_ROUNDING * squares(self.problem):
            return False
        scale = max(self.problem.ndof_of_free, 1) / cost
        if 0.1 < scale / before < 10:
            return False
        objective.scale = scale
        return True
