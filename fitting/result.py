"""One fit, answered. Immutable; arrays are in the model's order of parameters."""

from dataclasses import dataclass, field, replace

import numpy as np

from fitting.covariance import Covariance
from fitting.kernels.cache import Usage
from fitting.padding import Flags, Floats
from fitting.problem import FitProblem, starts_of
from fitting.status import Algorithm, FitWarning, Status


@dataclass(frozen=True)
class MinosInterval:
    """Distances from the minimum to where the profile has risen by one (`minos`), None if not."""

    lower: float | None
    upper: float | None
    message: str | None = None

    @property
    def valid(self) -> bool:
        return self.lower is not None and self.upper is not None


@dataclass(frozen=True)
class Effort:
    """What the minimiser spent: evaluations of cost and gradient, of the Hessian, and seconds."""

    algorithm: Algorithm = "newton"
    edm: float | None = None
    nfcn: int = 0
    nhess: int = 0
    minimize_s: float = 0.0
    covariance_s: float = 0.0

    def after(self, algorithm: Algorithm, nfcn: int, nhess: int) -> "Effort":
        """The same, and what was spent before."""
        if algorithm == "newton":
            algorithm = self.algorithm
        return replace(self, algorithm=algorithm, nfcn=nfcn + self.nfcn, nhess=nhess + self.nhess)


@dataclass(frozen=True, eq=False)
class FitResult:
    """The answer to a `FitProblem`.

    `cost` includes the logarithm of a Berkson cost, `chi2` does not.
    """

    status: Status
    message: str
    values: Floats
    starts: Floats
    held: Flags
    covariance: Covariance
    cost: float | None
    chi2: float | None
    ndof: int
    minos: dict[str, MinosInterval] = field(default_factory=dict)
    warnings: tuple[FitWarning, ...] = ()
    effort: Effort = Effort()
    usage: Usage = field(default_factory=Usage)

    @property
    def valid(self) -> bool:
        return self.status is Status.CONVERGED

    @property
    def errors(self) -> list[float | None]:
        """Standard deviations; None for parameters that are fixed or at a limit."""
        errors: list[float | None] = [None] * len(self.values)
        if self.covariance.errors is not None:
            for i, error in zip(self.covariance.parameters, self.covariance.errors, strict=True):
                errors[i] = float(error)
        return errors


def no_covariance(free: Flags) -> Covariance:
    """The covariance of a fit that has none."""
    return Covariance("autodiff", tuple(np.flatnonzero(free).tolist()), None)


def killed(problem: FitProblem, *, waiting: bool, compiled: bool = False) -> FitResult:
    """The result of a fit that was still waiting at its deadline, or had to be killed.

    `compiled`: what it was to evaluate is known to have been compiled before.
    """
    slow = "Evaluating the model" if compiled else "Compiling the model, or evaluating it"
    free = ~problem.bounds.fixed
    unknown = np.full(len(problem.knowledge), np.nan)
    starts = starts_of(problem.knowledge)
    return FitResult(
        status=Status.DEADLINE,
        message="The deadline passed before a process was free for this fit, so it has no values. "
        "Try again later, or allow more time."
        if waiting
        else "The deadline passed while the fit could not be interrupted, so it has no values. "
        f"{slow} once may take this long: try a simpler model, fewer entries or more time.",
        values=unknown,
        starts=starts,
        held=np.zeros(len(starts), dtype=bool),
        covariance=no_covariance(free),
        cost=None,
        chi2=None,
        ndof=problem.ndof,
    )
