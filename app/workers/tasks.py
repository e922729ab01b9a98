"""What a worker can be asked; tasks and outcomes travel as pickles between our processes."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from fitting.coordinates import ease
from fitting.covariance import Covariance, Method, at_point
from fitting.fit import bind, fit
from fitting.kernels import KernelCache, KernelKey, Usage
from fitting.padding import Floats
from fitting.problem import FitProblem
from fitting.result import FitResult

Stop = Callable[[], None]


@dataclass(frozen=True, eq=False)
class ProblemTask:
    """What all tasks are about, and by what they are routed."""

    problem: FitProblem

    @property
    def key(self) -> KernelKey:
        """The kernel that this task needs."""
        return self.problem.kernel_key

    @property
    def is_custom(self) -> bool:
        """Whether its kernel is of a client's own making."""
        return self.problem.model.is_custom


@dataclass(frozen=True, eq=False)
class FitTask(ProblemTask):
    """Fit; `deadline` is on time.monotonic's clock, which all processes share."""

    deadline: float

    def run(self, kernels: KernelCache, stop: Stop) -> FitResult:
        return fit(self.problem, kernels, self.deadline, stop)


@dataclass(frozen=True, eq=False)
class CovarianceOutcome:
    """A covariance and what it took."""

    covariance: Covariance
    usage: Usage
    seconds: float


@dataclass(frozen=True, eq=False)
class CovarianceTask(ProblemTask):
    """Covariance of `problem` at `params`, times `scale`."""

    params: Floats
    method: Method
    scale: float
    deadline: float

    def run(self, kernels: KernelCache, stop: Stop) -> CovarianceOutcome:
        began = time.perf_counter()
        eased = ease(self.problem)
        problem, params = self.problem, self.params
        if eased is not None:
            problem, params = eased.problem, eased.coordinates(params)
        bounds = problem.bounds
        objective = bind(problem, kernels, self.deadline, stop)
        at_limit = (params <= bounds.lower) | (params >= bounds.upper)
        covariance = at_point(
            objective,
            params,
            ~bounds.fixed & ~at_limit,
            bounds,
            problem.names,
            self.method,
            self.scale,
        )
        if eased is not None:
            covariance = eased.covariance(covariance)
        seconds = time.perf_counter() - began - objective.usage.compile_s
        return CovarianceOutcome(covariance, objective.usage, seconds)


@dataclass(frozen=True, eq=False)
class WarmTask(ProblemTask):
    """Compile whatever a fit like `problem` may come to need, on easy and on hard ways."""

    def run(self, kernels: KernelCache, stop: Stop) -> FitResult:
        result = fit(self.problem, kernels, stop=stop)
        bind(self.problem, kernels, stop=stop).linearised(result.values)
        return result


Task = FitTask | CovarianceTask | WarmTask
Outcome = FitResult | CovarianceOutcome
