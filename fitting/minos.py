"""MINOS: where the profile of the cost has risen by one, with relative errors by chi2/ndof.

On both sides of the minimum the crossing solves cost = minimum + up and d cost / d(other
parameters) = 0, by Newton's method with exact derivatives (D. Venzon and S. Moolgavkar, Appl.
Statist. 37 (1988) 87). Where that does not settle, or where limits stop other parameters or let
them go, the profile itself is followed: at each value of the parameter the others are fitted again,
within their limits.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitting.bounds import Bounds
from fitting.covariance import Covariance
from fitting.objective import Objective
from fitting.padding import Floats
from fitting.result import MinosInterval
from fitting.search.newton import Minimum, polish
from fitting.search.spectrum import Spectrum

MAX_STEPS = 30
MAX_HALVINGS = 10
NEAR_LEVEL = 1e-3  # of the rise of the cost
SETTLED = 1e-10  # standard deviations
MOST_OUTWARDS = 30  # steps, each twice as long as the last
MOST_REFINED = 60
PROFILED = 1e-9  # of the distance from the minimum
SURE_EDM = 1e-6  # of the fit of the others, in the rise of the cost

NO_SCALE = "the residuals are all zero, so that nothing tells what one standard deviation is"
AT_LIMIT = (
    "at its limit, so that there is one side only: where the cost has risen by one from there; "
    'for both sides give it "limits": [null, null], if the model has values beyond'
)
NO_CROSSING = "the profile does not rise by one before a limit, or has no crossing"


@dataclass(frozen=True, eq=False)
class Profile:
    """The cost of one free parameter, with the others fitted; it rises by `up` to one standard
    deviation: 1, with relative errors chi2/ndof.

    `axis` is its unit vector, or without limits a combination of parameters of which it is the
    value.
    """

    objective: Objective
    minimum: Minimum
    covariance: Covariance
    bounds: Bounds
    axis: Floats
    up: float

    def interval(self) -> MinosInterval:
        """Both sides, or why there are not both."""
        known, index = self.covariance, int(np.argmax(np.abs(self.axis)))
        if np.count_nonzero(self.axis) == 1 and self.minimum.held[index] and self.up > 0:
            return self._from_limit(index)
        if known.matrix is None or not self.axis[list(known.parameters)].any():
            return MinosInterval(None, None, "at a limit, or without a covariance to start from")
        if not self.up > 0:
            return MinosInterval(None, None, NO_SCALE)
        lower, upper = (self._side(side) for side in (-1, 1))
        told = None if lower is not None and upper is not None else NO_CROSSING
        return MinosInterval(lower, upper, told)

    def _from_limit(self, index: int) -> MinosInterval:
        """Of a parameter that is at a limit: the side that leads away from it."""
        side = 1 if self.minimum.values[index] <= self.bounds.lower[index] else -1
        found = self.followed(index, side)
        told = NO_CROSSING if found is None else AT_LIMIT
        return MinosInterval(None, found, told) if side > 0 else MinosInterval(found, None, told)

    @property
    def level(self) -> float:
        """The cost at the ends of the interval."""
        return self.minimum.cost + self.up * self.objective.scale

    def _side(self, side: int) -> float | None:
        """Signed distance from the minimum to the crossing on one side, or None."""
        found = self.solved(side)
        if found is not None or np.count_nonzero(self.axis) > 1:
            return found
        index = int(np.argmax(np.abs(self.axis)))
        unit = float(self.axis[index])
        distance = self.followed(index, side if unit > 0 else -side)
        return None if distance is None else unit * distance

    def solved(self, side: int) -> float | None:
        """The same by Newton's method, with the parameters held that are at the minimum."""
        objective, minimum, bounds = self.objective, self.minimum, self.bounds
        matrix = self.covariance.matrix
        assert matrix is not None
        free = np.array(self.covariance.parameters)
        along, sigma = self.axis[free], np.sqrt(np.diag(matrix))
        # the target takes the place of the parameter that it depends on most
        target = int(np.argmax(np.abs(along) * sigma))
        others = np.delete(np.arange(len(free)), target)
        back = np.eye(len(free))
        back[target] = -along / along[target]
        back[target, target] = 1 / along[target]
        # along the conditional minimum the parameters move by their covariance with the target
        shared = matrix @ along
        way = np.zeros_like(minimum.values)
        way[free] = side * shared / np.sqrt(along @ shared)
        for _ in range(MAX_HALVINGS):
            params = minimum.values + way
            if bounds.contain(params) and objective.is_defined(params):
                break
            way = way / 2
        for _ in range(MAX_STEPS):
            if not (bounds.contain(params) and objective.is_defined(params)):
                return None
            cost, gradient = objective.evaluate(params)
            hessian = objective.hessian(params)[np.ix_(free, free)]
            if not np.isfinite(hessian).all():
                return None
            excess = cost - self.level
            step = _newton_step(
                excess, back.T @ gradient[free], back.T @ hessian @ back, target, others
            )
            if step is None:
                return None
            step = back @ step
            # no further than one standard deviation at a time
            step = step / max(1.0, float(np.max(np.abs(step) / sigma)))
            params = params.copy()
            params[free] += step
            # near a pole of the cost a step is small, too, and the level far away
            near = abs(excess) < NEAR_LEVEL * self.up * objective.scale
            if near and np.max(np.abs(step) / sigma) < SETTLED:
                _, gradient = objective.evaluate(params)
                if (minimum.held & ~bounds.held(params, gradient)).any():
                    return None  # what a limit stopped at the minimum is not stopped here
                distance = float(self.axis @ (params - minimum.values))
                return distance if distance * side > 0 else None
        return None

    def followed(self, index: int, side: int) -> float | None:
        """That of one parameter by going outwards until the profile has risen, then inwards."""
        end = (self.bounds.lower if side < 0 else self.bounds.upper)[index]
        curvature = self.minimum.hessian[index, index]
        if not curvature > 0:
            return None
        step = side * np.sqrt(2 * self.up * self.objective.scale / curvature)
        inside = self.minimum
        for _ in range(MOST_OUTWARDS):
            at = inside.values[index] + step
            at = max(at, end) if side < 0 else min(at, end)
            found = self._fitted(index, at, inside)
            if found is None:
                step /= 4
            elif found.cost >= self.level:
                return self._between(index, inside, found)
            elif at == end:
                return None
            else:
                inside, step = found, 2 * step
        return None

    def _between(self, index: int, inside: Minimum, outside: Minimum) -> float | None:
        """Where the profile reaches the level, by Newton's method between two of its points."""
        here: Minimum | None = outside
        origin = self.minimum.values[index]
        for _ in range(MOST_REFINED):
            assert here is not None
            low, high = sorted((inside.values[index], outside.values[index]))
            slope = here.gradient[index]  # the others' are zero, or at their limits
            at = here.values[index] - (here.cost - self.level) / slope if slope else np.nan
            if not low < at < high:
                at = 0.5 * (low + high)
            if abs(at - here.values[index]) <= PROFILED * abs(at - origin):
                return float(at - origin)
            here = self._fitted(index, at, here)
            if here is None:
                return None
            if here.cost >= self.level:
                outside = here
            else:
                inside = here
        return None

    def _fitted(self, index: int, at: float, near: Minimum) -> Minimum | None:
        """The minimum with the parameter held there; None if there is none."""
        fixed, start = self.bounds.fixed.copy(), near.values.copy()
        fixed[index], start[index] = True, at
        found = polish(self.objective, start, Bounds(self.bounds.lower, self.bounds.upper, fixed))
        sure = found.positive_definite and found.edm < SURE_EDM * self.up * self.objective.scale
        return found if found.defined and (sure or not found.free.any()) else None


def _newton_step(
    excess: float, gradient: Floats, hessian: Floats, target: int, others: NDArray[np.intp]
) -> Floats | None:
    """One step on cost = level and zero gradient along the others."""
    block = hessian[np.ix_(others, others)]
    if len(others):
        spectrum = Spectrum.of(block)
        if spectrum is None or not spectrum.positive_definite:
            return None
        relax = -np.linalg.solve(block, gradient[others])
        drift = -np.linalg.solve(block, hessian[others, target])
    else:
        relax = drift = np.zeros(0)
    # cost after the others have relaxed, as a function of the target's step
    slope = gradient[target] + gradient[others] @ drift
    if slope == 0:
        return None
    move = -(excess + 0.5 * gradient[others] @ relax) / slope
    step = np.zeros(len(gradient))
    step[target] = move
    step[others] = relax + drift * move
    return step
