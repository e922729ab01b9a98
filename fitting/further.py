"""Further questions to a fit that has ended: its covariance, there or anywhere else."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from fitting.coordinates import ease, ease_within
from fitting.covariance import Covariance, Method, at_point
from fitting.fit import bind
from fitting.kernels.cache import KernelCache, Usage
from fitting.padding import Floats
from fitting.problem import FitProblem
from fitting.result import no_covariance
from fitting.search.newton import polish
from fitting.weightless import weightless, without


@dataclass(frozen=True, eq=False)
class CovarianceOutcome:
    """A covariance and what it took."""

    covariance: Covariance
    usage: Usage
    seconds: float


def covariance_of(
    problem: FitProblem,
    params: Floats,
    kernels: KernelCache,
    deadline: float,
    stop: Callable[[], None],
    *,
    moved: bool,
    method: Method,
    scale: float,
) -> CovarianceOutcome:
    """Covariance at `params`, times `scale`; `moved`: not where the fit ended.

    As in the fit, polynomials are in coordinates of their own, and points without weight are left
    out. `deadline` and `stop` are those of `fit`.
    """
    began = time.perf_counter()
    eased = ease(problem)
    if eased is None and problem.bounds.surround(params):
        eased = ease_within(replace(problem, minos=()))
    if eased is not None:
        problem, params = eased.problem, eased.coordinates(params)
    bounds = problem.bounds
    objective = bind(problem, kernels, deadline, stop)
    those = weightless(objective, problem.data, params)
    if those.any():
        problem = without(problem, those)
        objective = bind(problem, kernels, deadline, stop, objective.usage)
    if scale > 0:
        objective.scale = 1 / scale
    if eased is not None and not moved:
        # its values, rounded in the model's own parameters, are not quite the minimum
        params = polish(objective, params, bounds).values
    at_limit = (params <= bounds.lower) | (params >= bounds.upper)
    if at_limit.any() and not moved:
        objective.hessian(params)  # brings the gradient along
        at_limit &= bounds.held(params, objective.evaluate(params)[1])
    free = ~bounds.fixed & ~at_limit
    if at_limit.any() and not free.any():
        covariance = replace(no_covariance(free), method=method)  # as in the fit
    else:
        covariance = at_point(objective, params, free, problem.names, method, scale)
    if eased is not None:
        covariance = eased.covariance(covariance)
    seconds = time.perf_counter() - began - objective.usage.compile_s
    return CovarianceOutcome(covariance, objective.usage, seconds)
