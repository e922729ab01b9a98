"""One fit, from question to answer: bind the data to a kernel, find the minimum, report it."""

import time
from collections.abc import Callable
from dataclasses import replace

from fitting.coordinates import ease, ease_within
from fitting.errors import NO_NUMBER, DeadlineReached
from fitting.kernels.cache import KernelCache, Usage
from fitting.objective import Objective
from fitting.problem import FitProblem
from fitting.report import Report
from fitting.result import FitResult
from fitting.search.strategy import Strategy
from fitting.status import FitWarning, Status
from fitting.weightless import warning, weightless, without


def fit(
    problem: FitProblem,
    kernels: KernelCache,
    deadline: float = float("inf"),
    stop: Callable[[], None] | None = None,
) -> FitResult:
    """Fit; the result says how it ended.

    `deadline` is a moment on time.monotonic's clock. `stop` is called before each evaluation
    and may raise `errors.Stopped`, which then leaves this function.
    """
    eased = ease(problem)
    if eased is not None:
        return eased.result(fit(eased.problem, kernels, deadline, stop))
    began, usage = time.perf_counter(), Usage()
    eased = ease_within(problem)
    if eased is not None:
        result = eased.result(fit(eased.problem, kernels, deadline, stop))
        ended = result.valid or result.status is Status.DEADLINE
        if ended and problem.bounds.surround(result.values):
            return result
        usage = result.usage
    return _fit(problem, kernels, deadline, stop, usage, began)


def _fit(
    problem: FitProblem,
    kernels: KernelCache,
    deadline: float,
    stop: Callable[[], None] | None,
    usage: Usage,
    began: float,
) -> FitResult:
    """In the model's own parameters, and again without points that turn out to have no weight."""
    objective = bind(problem, kernels, deadline, stop, usage)
    strategy = Strategy(problem, objective, kernels)
    try:
        minimum, status = strategy.minimum()
    except DeadlineReached:
        minimum, status = None, Status.DEADLINE
    except NO_NUMBER:
        minimum, status = None, Status.UNDEFINED_COST
    if minimum is not None and status in (Status.CONVERGED, Status.UNDETERMINED):
        those = weightless(objective, problem.data, minimum.values)
        if those.any():
            rest = without(problem, those).begun_at(minimum.values)
            result = _fit(rest, kernels, deadline, stop, usage, began)
            return replace(
                result,
                starts=result.starts if strategy.starts is None else strategy.starts,
                warnings=_joined(strategy.warnings, result.warnings, warning(problem, those)),
                effort=result.effort.after(strategy.algorithm, objective.nfcn, objective.nhess),
            )
    minimize_s = time.perf_counter() - began
    return Report(problem, objective, strategy).result(minimum, status, minimize_s)


def _joined(
    before: list[FitWarning], after: tuple[FitWarning, ...], more: FitWarning
) -> tuple[FitWarning, ...]:
    """Those of a fit and of the one after it, each once; corners are of a minimum that is no more
    the answer."""
    kept = [one for one in before if one.code not in ("corner", "corner-nearby")]
    return (*dict.fromkeys((*kept, *after)), more)


def bind(
    problem: FitProblem,
    kernels: KernelCache,
    deadline: float = float("inf"),
    stop: Callable[[], None] | None = None,
    usage: Usage | None = None,
) -> Objective:
    """The compiled cost of this problem with its data; `usage` is what was made for it before."""
    kernel = kernels.get(problem.kernel_key)
    return Objective(
        kernel,
        problem.data.padded(),
        problem.prior,
        problem.model.tables,
        Usage() if usage is None else usage,
        deadline,
        stop,
    )
