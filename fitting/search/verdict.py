"""What the exact derivatives say of where a descent ended, whatever Minuit thinks of it."""

from typing import Any

import numpy as np

from fitting.data import Data, Histogram
from fitting.objective import Objective
from fitting.padding import Flags, Floats
from fitting.problem import FitProblem
from fitting.search.migrad import EDM_GOAL
from fitting.search.newton import Minimum
from fitting.sparse import expected_chi2, is_unclear
from fitting.status import Status

CERTAIN_EDM = 1e-10  # 1e-5 standard deviations; Newton's method ends far below
ROUNDING = 4 * np.finfo(float).eps  # of a prediction, relative
EXACT = 1e-26  # of the squares of the data: residuals of rounding alone
DEGENERATE = 1e-5  # weakest direction of a Hessian of unit diagonal: correlations of 0.99999
DOWNWARDS = -1e-7  # curvature that no rounding explains, on the same scale
SUSPICIOUS = 3.0  # standard deviations of a chi-square: one good fit of 500 is looked at again
FAR = 1e3  # times the start
GAINED = 1e-3  # of the cost: who runs along a flat direction gains nothing


def judge(minimum: Minimum, problem: FitProblem, start: Floats, gained: float) -> Status:
    """How the fit ended that began at `start` and since has lowered the cost by `gained`."""
    if not minimum.defined:
        return Status.UNDEFINED_COST
    if problem.bounds.fixed.all():
        return Status.CONVERGED
    if not minimum.free.any():
        return Status.AT_LIMIT_ONLY
    if is_certain(minimum, problem):
        return Status.CONVERGED
    if gained * minimum.scale > GAINED and grown(minimum, start).any():
        return Status.RUNAWAY
    if minimum.positive_definite:
        return Status.NOT_CONVERGED
    assert minimum.spectrum is not None
    downwards = minimum.spectrum.weakest < DOWNWARDS and not is_exact(minimum, problem)
    return Status.NOT_POSITIVE_DEFINITE if downwards else Status.UNDETERMINED


def is_certain(minimum: Minimum, problem: FitProblem) -> bool:
    """Gradient zero to rounding, Hessian positive definite."""
    if not (minimum.defined and minimum.positive_definite):
        return False
    return _is_rounding(minimum.edm, minimum, problem)


def is_level(minimum: Minimum, problem: FitProblem) -> bool:
    """The same, but for combinations of parameters along which the cost is flat to rounding."""
    spectrum = minimum.spectrum
    if spectrum is None or not minimum.defined or minimum.positive_definite:
        return False
    slope = spectrum.slope(minimum.gradient[minimum.free])
    return spectrum.weakest > DOWNWARDS and _is_rounding(slope, minimum, problem)


def _is_rounding(edm: float, minimum: Minimum, problem: FitProblem) -> bool:
    return edm < CERTAIN_EDM or edm < min(rounding_edm(minimum, problem), EDM_GOAL)


def rounding_edm(minimum: Minimum, problem: FitProblem) -> float:
    """The EDM that rounded predictions leave where residuals are hardly larger than rounding."""
    if isinstance(problem.data, Histogram):
        return 0.0
    pulls = (problem.data.y / problem.data.y_err)[problem.data.inside]
    return float(len(minimum.values) * ROUNDING**2 * minimum.scale * np.mean(pulls**2))


def is_exact(minimum: Minimum, problem: FitProblem) -> bool:
    """Whether residuals are rounding: nothing is lower, whatever the curvature says."""
    return minimum.defined and abs(minimum.fval) <= EXACT * squares(problem)


def squares(problem: FitProblem) -> float:
    """Cost of a model that is zero, of counts one that is far off: what rounding is part of."""
    data = problem.data
    if isinstance(data, Histogram):
        return float(data.fitted_counts.sum())
    return float(np.sum((data.y / data.y_err)[data.inside] ** 2))


def grown(minimum: Minimum, start: Floats) -> np.ndarray:
    """Which free parameters have left the order of magnitude of their start."""
    far = np.abs(minimum.values) > FAR * np.abs(start)
    return far & minimum.free & (start != 0)


def is_degenerate(minimum: Minimum, problem: FitProblem) -> bool:
    """Parameters so strongly correlated are often the trace of two terms that merged into one."""
    spectrum = minimum.spectrum
    if spectrum is None or not spectrum.positive_definite:
        return True
    if spectrum.weakest > DEGENERATE:
        return False
    within = stiffness_within(spectrum.inverse[None], problem.linear[minimum.free], problem)
    return not within[0] < 1 / DEGENERATE


def stiffness_within(covariance: Floats, linear: Flags, problem: FitProblem) -> Floats:
    """How strongly linear parameters are correlated among each other, and the others with these at
    their best: (rows,) traces of inverses of unit diagonal, of (rows, free, free).

    That a scale follows from the others (a of a*exp(-x/t), far from x = 0) is no trace of terms
    that merged. Infinite where there are several terms, or several others: of these a minimum may
    be the wrong one.
    """
    if len(problem.model.parts) > 1 or np.count_nonzero(~linear) > 1:
        return np.full(len(covariance), np.inf)
    sigmas = np.sqrt(np.einsum("rii->ri", covariance))
    unit = covariance / sigmas[:, :, None] / sigmas[:, None]
    of_linear = np.linalg.inv(unit)[:, linear][:, :, linear]
    others = unit[:, ~linear][:, :, ~linear]
    traces = [np.einsum("rii,rii->r", block, np.linalg.inv(block)) for block in (of_linear, others)]
    return np.maximum(*traces)


def surprising(ndof: Any) -> Any:
    """A chi-square that so many degrees of freedom hardly ever leave."""
    return ndof + SUSPICIOUS * np.sqrt(2 * ndof)


def is_poor(minimum: Minimum, problem: FitProblem, objective: Objective) -> bool:
    """One that describes the data badly: three sigma, or no better than half of what a constant
    leaves where errors are relative."""
    cost, data, ndof = minimum.fval, problem.data, problem.ndof_of_free
    if problem.absolute_sigma:
        poor = bool(cost > surprising(ndof))
        own = own_chi2(cost, poor, ndof, minimum.values, data, objective, SUSPICIOUS)
        return poor if own is None else cost > own[0] + SUSPICIOUS * own[1]
    assert not isinstance(data, Histogram)
    return bool(cost > 0.5 * left_by_constant(data.y, data.y_err, data.inside))


def own_chi2(
    chi2: float,
    poor: bool,
    ndof: int,
    params: Floats,
    data: Data,
    objective: Objective,
    sigmas: float,
) -> tuple[float, float] | None:
    """Mean and standard deviation of the chi-square of bins that expect few events; None where the
    usual distribution can be trusted.

    `poor` is what that says of `chi2`. See `sparse` for where it is wrong, either way.
    """
    if not isinstance(data, Histogram):
        return None
    if not is_unclear(chi2, poor, ndof, data.size, data.mean_count, sigmas):
        return None
    mean, spread = expected_chi2(data.fitted(objective.jacobian(params)[0]), ndof)
    return float(mean), float(spread)


@np.errstate(over="ignore", under="ignore", invalid="ignore")
def left_by_constant(y: Floats, y_err: Floats, used: Flags) -> Floats:
    """Chi-square (...) of the best constant for the `used` of (..., points).

    It is sum(((y - c) / y_err)^2) with c = sum(y / y_err^2) / sum(1 / y_err^2): the square of what
    y / y_err has across 1 / y_err.
    """
    smallest = np.where(used, y_err, np.inf).min(axis=-1, keepdims=True)
    along = np.where(used, smallest / y_err, 0.0)  # between 0 and 1, so that squares are numbers
    values = np.where(used, y / y_err, 0.0)
    part = (values * along).sum(axis=-1, keepdims=True) / (along**2).sum(axis=-1, keepdims=True)
    return np.asarray(((values - part * along) ** 2).sum(axis=-1))
