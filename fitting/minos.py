"""MINOS: where the profile of the cost has risen by one, on both sides of the minimum.

The crossing solves cost = minimum + up and d cost / d(other parameters) = 0, by Newton's method
with exact derivatives (D. Venzon and S. Moolgavkar, Appl. Statist. 37 (1988) 87). Where that does
not settle, or where limits stop other parameters or let them go, the profile itself is followed:
at each value of the parameter the others are fitted again, within their limits.
"""

from collections.abc import Callable

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
NO_CROSSING = "the profile does not rise by one before a limit, or has no crossing"


def interval(
    objective: Objective,
    minimum: Minimum,
    covariance: Covariance,
    bounds: Bounds,
    axis: Floats,
    up: float,
) -> MinosInterval:
    """The interval of one free parameter; `up` is the rise that makes one standard deviation.

    `axis` is its unit vector, or without limits a combination of parameters of which it is the
    value.
    """
    if covariance.matrix is None or not axis[list(covariance.parameters)].any():
        return MinosInterval(None, None, "at a limit, or without a covariance to start from")
    if not up > 0:
        return MinosInterval(None, None, NO_SCALE)
    lower, upper = (
        _side(objective, minimum, covariance, bounds, axis, up, side) for side in (-1, 1)
    )
    told = None if lower is not None and upper is not None else NO_CROSSING
    return MinosInterval(lower, upper, told)


def _side(
    objective: Objective,
    minimum: Minimum,
    covariance: Covariance,
    bounds: Bounds,
    axis: Floats,
    up: float,
    side: int,
) -> float | None:
    """Signed distance from the minimum to the crossing on one side, or None."""
    found = crossing(objective, minimum, covariance, bounds, axis, up, side)
    if found is not None or np.count_nonzero(axis) > 1:
        return found
    return crossing_of_profile(objective, minimum, bounds, int(np.argmax(axis)), up, side)


def crossing(
    objective: Objective,
    minimum: Minimum,
    covariance: Covariance,
    bounds: Bounds,
    axis: Floats,
    up: float,
    side: int,
) -> float | None:
    """The same by Newton's method, with the parameters held that are at the minimum."""
    assert covariance.matrix is not None
    free = np.array(covariance.parameters)
    along = axis[free]
    sigma = np.sqrt(np.diag(covariance.matrix))
    level = minimum.cost + up * objective.scale
    # the target takes the place of the parameter that it depends on most
    target = int(np.argmax(np.abs(along) * sigma))
    others = np.delete(np.arange(len(free)), target)
    back = np.eye(len(free))
    back[target] = -along / along[target]
    back[target, target] = 1 / along[target]
    # along the conditional minimum the parameters move by their covariance with the target
    shared = covariance.matrix @ along
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
        turned = back.T @ gradient[free], back.T @ hessian @ back
        step = _newton_step(cost - level, *turned, target, others)
        if step is None:
            return None
        step = back @ step
        # no further than one standard deviation at a time
        step = step / max(1.0, float(np.max(np.abs(step) / sigma)))
        params = params.copy()
        params[free] += step
        # near a pole of the cost a step is small, too, and the level far away
        near = abs(cost - level) < NEAR_LEVEL * up * objective.scale
        if near and np.max(np.abs(step) / sigma) < SETTLED:
            _, gradient = objective.evaluate(params)
            if (minimum.held & ~bounds.held(params, gradient)).any():
                return None  # what a limit stopped at the minimum is not stopped here
            distance = float(axis @ (params - minimum.values))
            return distance if distance * side > 0 else None
    return None


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


def crossing_of_profile(
    objective: Objective, minimum: Minimum, bounds: Bounds, index: int, up: float, side: int
) -> float | None:
    """The same by going outwards until the profile has risen, and by Newton's method in between."""
    level, origin = minimum.cost + up * objective.scale, minimum.values[index]
    fixed = bounds.fixed.copy()
    fixed[index] = True
    others = Bounds(bounds.lower, bounds.upper, fixed)
    end = (bounds.lower if side < 0 else bounds.upper)[index]

    def profile(at: float, near: Minimum) -> Minimum | None:
        """The minimum there; None if there is none."""
        start = near.values.copy()
        start[index] = at
        found = polish(objective, start, others)
        rest = not found.free.any() or (found.positive_definite and found.edm < SURE_EDM * up)
        return found if found.defined and rest else None

    curvature = minimum.hessian[index, index]
    step = side * np.sqrt(2 * up * objective.scale / curvature) if curvature > 0 else np.nan
    inside, outside = minimum, None
    for _ in range(MOST_OUTWARDS):
        at = inside.values[index] + step
        at = max(at, end) if side < 0 else min(at, end)
        found = profile(at, inside) if np.isfinite(at) else None
        if found is None:
            step /= 4
        elif found.cost >= level:
            outside = found
            break
        elif at == end:
            return None
        else:
            inside, step = found, 2 * step
    return None if outside is None else _between(profile, inside, outside, index, level, origin)


def _between(
    profile: Callable[[float, Minimum], Minimum | None],
    inside: Minimum,
    outside: Minimum,
    index: int,
    level: float,
    origin: float,
) -> float | None:
    """The distance at which the profile reaches the level, between two of its points."""
    here: Minimum | None = outside
    for _ in range(MOST_REFINED):
        assert here is not None
        low, high = sorted((inside.values[index], outside.values[index]))
        slope = here.gradient[index]  # the others' are zero, or at their limits
        at = here.values[index] - (here.cost - level) / slope if slope else np.nan
        if not low < at < high:
            at = 0.5 * (low + high)
        if abs(at - here.values[index]) <= PROFILED * abs(at - origin):
            return float(at - origin)
        here = profile(at, here)
        if here is None:
            return None
        if here.cost >= level:
            outside = here
        else:
            inside = here
    return None
