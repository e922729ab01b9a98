"""What a worker can be asked; tasks and outcomes travel as pickles between our processes."""

import time
import traceback
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fitting.batch.fit import fit_batch
from fitting.batch.question import Batch
from fitting.batch.result import BatchResult
from fitting.coordinates import ease
from fitting.covariance import Method
from fitting.errors import Cancelled, DeadlineReached, InvalidProblem
from fitting.fit import bind, fit
from fitting.further import CovarianceOutcome, covariance_of
from fitting.kernels.cache import KernelCache
from fitting.padding import Flags, Floats
from fitting.problem import FitProblem
from fitting.result import FitResult

Stop = Callable[[], None]

SLICE_S = 0.15
WARM_FIT_S = 20.0
DONE, LATE, CANCELLED, INVALID, FAILED = "done", "late", "cancelled", "invalid", "failed"


@dataclass(frozen=True, eq=False)
class ProblemTask:
    """What all tasks are about, and by what they are routed."""

    problem: FitProblem
    is_shared: ClassVar[bool] = False  # whether idle workers take part, once it is compiled

    @property
    def key(self) -> Hashable:
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
class CovarianceTask(ProblemTask):
    """Covariance of `problem` at `params`, times `scale`; `moved`: not where the fit ended."""

    params: Floats
    moved: bool
    method: Method
    scale: float
    deadline: float

    def run(self, kernels: KernelCache, stop: Stop) -> CovarianceOutcome:
        return covariance_of(
            self.problem,
            self.params,
            kernels,
            self.deadline,
            stop,
            moved=self.moved,
            method=self.method,
            scale=self.scale,
        )


@dataclass(frozen=True, eq=False)
class WarmTask(ProblemTask):
    """Compile whatever a fit like `problem` may come to need, on easy and on hard ways."""

    def run(self, kernels: KernelCache, stop: Stop) -> FitResult:
        result = fit(self.problem, kernels, time.monotonic() + WARM_FIT_S, stop)
        eased = ease(self.problem)  # as in the fit
        problem = self.problem if eased is None else eased.problem
        objective, anywhere = bind(problem, kernels, stop=stop), np.ones(len(problem.names))
        objective.evaluate(anywhere)
        objective.linearised(anywhere)
        return result


@dataclass(frozen=True, eq=False)
class BatchTask:
    """Fit rows of a batch for `slice_s`, so that others get their turn; what is left comes again.

    `alone` are the rows that were tried with the others before; `origin` is that of another part.
    """

    batch: Batch
    alone: Flags
    origin: Floats | None
    covariance: bool
    deadline: float
    slice_s: float = SLICE_S
    is_shared: ClassVar[bool] = True

    @property
    def key(self) -> Hashable:
        """Not that of a single fit, which needs other functions."""
        return self.batch.kernel_key, "rows"

    @property
    def is_custom(self) -> bool:
        """Whether its kernel is of a client's own making."""
        return self.batch.model.is_custom

    def run(self, kernels: KernelCache, stop: Stop) -> BatchResult:
        until = time.monotonic() + self.slice_s
        return fit_batch(
            self.batch,
            kernels,
            self.deadline,
            stop,
            until=until,
            alone=self.alone,
            origin=self.origin,
            covariance=self.covariance,
        )


Task = FitTask | CovarianceTask | WarmTask | BatchTask
Outcome = FitResult | CovarianceOutcome | BatchResult


def attempt(task: Task, kernels: KernelCache, stop: Stop) -> tuple[str, Any]:
    """How a task ended, and with what."""
    try:
        return DONE, task.run(kernels, stop)
    except Cancelled:
        return CANCELLED, None
    except DeadlineReached:
        return LATE, None
    except InvalidProblem as invalid:
        return INVALID, (invalid.path, invalid.message)
    except Exception:
        return FAILED, traceback.format_exc()
