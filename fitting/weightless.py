"""Points that say nothing: an error in x leaves them no weight where the slope is infinite.

That is at a root's 0, say, or within an edge that is far steeper than x is known. They would still
count as degrees of freedom, and in the logarithm of a Berkson cost.
"""

from dataclasses import replace

import numpy as np

from fitting.data import Data, Marks, Points
from fitting.objective import Objective
from fitting.padding import Flags, Floats
from fitting.problem import FitProblem
from fitting.status import FitWarning

FAR = 100  # ranges of y: of an error that large, from that in x, the pull is never beyond 0.01
HEAVY = float(np.log(2))  # log(V / y_err^2) where both errors are alike
WITH_AND_WITHOUT = np.asarray(1.0), np.asarray(0.0)  # the logarithm
TOLD = 5  # points


def blunt(y: Floats, y_err: Floats, used: Flags) -> Floats:
    """Errors in y (..., points) that are `FAR` times those given and the range of y in each row."""
    with np.errstate(over="ignore", invalid="ignore"):
        high = np.where(used, y, -np.inf).max(axis=-1, keepdims=True)
        low = np.where(used, y, np.inf).min(axis=-1, keepdims=True)
        return np.asarray(FAR * np.hypot(high - low, y_err))


def weightless(objective: Objective, data: Data, params: Floats) -> Flags:
    """Which of the points have no weight at `params`; none if it were all."""
    if not isinstance(data, Points) or not data.has_x_err:
        return np.zeros(0, dtype=bool)
    none, marks = np.zeros_like(data.inside), data.padded()
    y_err = blunt(marks.y, marks.y_err, marks.used)
    with objective.without_deadline():
        costs = [objective.cost_with(params, y_err=y_err, log_weight=w) for w in WITH_AND_WITHOUT]
        if not costs[0] - costs[1] > HEAVY:
            return none
        found = _logarithms(objective, marks, y_err, params)[: data.size] > HEAVY
    if not found.all():
        none[data.inside] = found
    return none


def _logarithms(objective: Objective, marks: Marks, y_err: Floats, params: Floats) -> Floats:
    """log(V / y_err^2) of each point with these errors in y."""
    objective.replace(y_err=y_err, log_weight=WITH_AND_WITHOUT[0])
    try:
        residuals, _ = objective.residuals(params)
    finally:
        objective.replace(y_err=marks.y_err, log_weight=marks.log_weight)
    length = objective.kernel.key.length  # of a block: its pulls, their roots, and constraints
    roots = residuals.reshape(-1, 2 * length + len(params))[:, length : 2 * length]
    return np.asarray(roots.ravel() ** 2 / objective.scale)


def without(problem: FitProblem, those: Flags) -> FitProblem:
    """The same question about the other points."""
    data = problem.data
    assert isinstance(data, Points)
    x, y, x_err, y_err = (a[..., ~those] for a in (data.x, data.y, data.x_err, data.y_err))
    return replace(problem, data=replace(data, x=x, y=y, x_err=x_err, y_err=y_err))


def warning(problem: FitProblem, those: Flags) -> FitWarning:
    """Where these points are."""
    data = problem.data
    assert isinstance(data, Points)
    places = [f"{x:g}" for x in np.atleast_2d(data.x)[0][those]]
    more = f" and {len(places) - TOLD} more" if len(places) > TOLD else ""
    return FitWarning(
        "no-weight",
        f"At x = {', '.join(places[:TOLD])}{more} the slope of the model is so large, perhaps "
        "infinite, that with errors in x there is nothing to be learned: these points were left "
        "out, of the degrees of freedom, too. Where x is known exactly, give an x_err of 0.",
    )
