"""MINOS: where the profile of the cost has risen by one, on both sides of the minimum.

The crossing solves cost = minimum + up and d cost / d(other parameters) = 0, by Newton's method
with exact derivatives (D. Venzon and S. Moolgavkar, Appl. Statist. 37 (1988) 87). Where that
does not settle, or a limit is in the way, Minuit's own MINOS answers.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fitting.bounds import Bounds
from fitting.covariance import Covariance
from fitting.objective import Objective
from fitting.padding import Floats
from fitting.result import MinosInterval
from fitting.search.migrad import minuit
from fitting.search.newton import Minimum
from fitting.search.spectrum import Spectrum

MAX_STEPS = 30
MAX_HALVINGS = 10
NEAR_LEVEL = 1e-3  # of the rise of the cost
SETTLED = 1e-10  # standard deviations


def interval(
    objective: Objective,
    minimum: Minimum,
    covariance: Covariance,
    bounds: Bounds,
    names: Sequence[str],
    index: int,
    up: float,
) -> MinosInterval:
    """The interval of one free parameter; `up` is the rise that makes one standard deviation."""
    if covariance.matrix is None or index not in covariance.parameters:
        return MinosInterval(None, None, "at a limit, or without a covariance to start from")
    sides = [crossing(objective, minimum, covariance, bounds, index, up, side) for side in (-1, 1)]
    if None not in sides:
        return MinosInterval(sides[0], sides[1])
    return _minuit_interval(objective, minimum, bounds, names, index, up, sides)


def crossing(
    objective: Objective,
    minimum: Minimum,
    covariance: Covariance,
    bounds: Bounds,
    index: int,
    up: float,
    side: int,
) -> float | None:
    """Signed distance from the minimum to the crossing on one side, or None."""
    assert covariance.matrix is not None
    free = np.array(covariance.parameters)
    target = list(covariance.parameters).index(index)
    others = np.delete(np.arange(len(free)), target)
    sigma = np.sqrt(np.diag(covariance.matrix))
    level = minimum.cost + up * objective.scale
    # along the conditional minimum the parameters move by their covariance with the target
    way = np.zeros_like(minimum.values)
    way[free] = side * covariance.matrix[:, target] / sigma[target]
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
        step = _newton_step(cost - level, gradient[free], hessian, target, others)
        if step is None:
            return None
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
            distance = float(params[index] - minimum.values[index])
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


def _minuit_interval(
    objective: Objective,
    minimum: Minimum,
    bounds: Bounds,
    names: Sequence[str],
    index: int,
    up: float,
    sides: Sequence[float | None],
) -> MinosInterval:
    m = minuit(objective, minimum.values, bounds, names, strategy=1)
    m.errordef = up * objective.scale
    m.migrad()
    if not m.valid:
        return MinosInterval(sides[0], sides[1], "Minuit's MINOS could not start")
    m.minos(names[index])
    found = m.merrors[names[index]]
    lower, upper = sides
    if lower is None and found.lower_valid and not found.at_lower_limit:
        lower = found.lower
    if upper is None and found.upper_valid and not found.at_upper_limit:
        upper = found.upper
    if lower is not None and upper is not None:
        return MinosInterval(lower, upper)
    return MinosInterval(
        lower, upper, "the profile does not rise by one before a limit, or has no crossing"
    )
