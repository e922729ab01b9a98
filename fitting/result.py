"""One fit, answered. Immutable; arrays are in the model's order of parameters."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal

import numpy as np

from fitting.covariance import Covariance
from fitting.kernels.cache import Usage
from fitting.padding import Flags, Floats
from fitting.problem import FitProblem, starts_of


class Status(StrEnum):
    """How a fit ended; `message` says what to do."""

    CONVERGED = "converged"
    NOT_CONVERGED = "not-converged"
    DEADLINE = "deadline"
    NOT_POSITIVE_DEFINITE = "not-positive-definite"
    UNDETERMINED = "undetermined"
    RUNAWAY = "runaway"
    AT_LIMIT_ONLY = "at-limit-only"
    UNDEFINED_COST = "undefined-cost"
    EMPTY_DATA = "empty-data"
    UNDER_DETERMINED = "under-determined"


MESSAGES = {
    Status.CONVERGED: "The fit converged: gradient zero to rounding, Hessian positive definite.",
    Status.NOT_CONVERGED: (
        "No minimum was reached: the cost still falls from here. Give starting values nearer to "
        "the answer, limits, or a model with fewer parameters."
    ),
    Status.DEADLINE: (
        "The deadline passed before the fit was done; the values are the best so far. Allow more "
        "time, or give starting values."
    ),
    Status.NOT_POSITIVE_DEFINITE: (
        "The fit ended at a saddle: along a combination of {names} the cost curves downwards, so "
        "there is no minimum here and there are no errors. Give other starting values, or limits."
    ),
    Status.UNDETERMINED: (
        "The data do not determine {names}: along a combination of these the model predicts all "
        "but the same, so there are no errors. Fix or constrain one of them, or use fewer "
        "parameters."
    ),
    Status.RUNAWAY: (
        "There is no minimum near the data: the cost falls along {names} without end, or the "
        "errors in x are so large that an absurdly steep model agrees with everything. Give "
        "limits, a constraint, or a simpler model."
    ),
    Status.AT_LIMIT_ONLY: (
        "Every free parameter ended at a limit ({names}), so nothing was measured. Widen the "
        "limits, or look whether the model can describe these data."
    ),
    Status.UNDEFINED_COST: (
        "The model cannot be evaluated for these data: it is infinite or not a number, or "
        "expects no events (or fewer than none) where there are some, also at starting values "
        "estimated from the data. Give starting values and limits at which it is defined, or a "
        "fit_range."
    ),
    Status.EMPTY_DATA: (
        "Every fitted bin is empty, so there is nothing to fit. Check the counts and fit_range."
    ),
    Status.UNDER_DETERMINED: (
        "{size} data cannot determine {free} free parameters. Fix or constrain some, use a model "
        "with fewer, or give more data."
    ),
}

NOTHING_YET = (
    "The deadline passed before the model was evaluated once: starting a process and compiling "
    "count, too. Ask again, because what was compiled is kept, or allow more time."
)
NO_SQUARES = (
    "y or its errors (if left out, 1 each) are so small or so large that squares of these are no "
    "numbers, and there is no chi-square. Give both in other units, with y_err of the size of the "
    "errors."
)
NO_VALUE = (
    "The model cannot be evaluated for these data: it is infinite or not a number at some of the "
    "points, or changes infinitely fast there, also at starting values estimated from the data. "
    "Give starting values and limits at which it is defined, or a fit_range."
)
NO_SQUARES_OF_MODEL = (
    "The model has values at all points, but squares of these or of their derivatives, in units of "
    "the errors, are no numbers. Give x and y in other units, in which they are nearer to 1."
)
FAR_AND_POOR = (
    "The values of {names} ran far away, and still the fit describes the data badly (a chi-square "
    "of {chi2:.4g} for {ndof} degrees of freedom): the model may not have the shape of these data, "
    "so there are no errors. Try another model, or limits within which it has."
)
ON_THE_MODEL = (
    "The points lie exactly on the model, so their scatter, from which the errors are taken, is "
    "zero, and with it the covariance. Give the errors of the data (y_err)."
)
UNSCALED = (
    "The errors of the data are relative, so the covariance is scaled by the reduced chi-square, "
    "which this fit does not have. Give absolute errors (y_err), or more data than parameters."
)
ALL_FIXED = "All parameters are fixed: the cost was evaluated, and nothing was fitted."
FIXED_AT_LIMIT = (
    " Fixed at a natural limit, where a shape may have no value: {names}. Fix it a little way off, "
    "or use the shape that this one becomes."
)
UNDEFINED_AT = " At the starting values {place} is the first such place."
NO_PREDICTOR = " The formula does not contain x. {remedy}"
WRITE_X = "Write x for the horizontal axis."
WRITE_OR_NAME_X = 'Write x for the horizontal axis, or name it: "x": {"t": [...]}.'
WHOLLY_INSIDE = " Only bins wholly inside the fit range are data: {size} of {bins}."
AT_LIMIT = " At a limit, and without an error: {names}."


WarningCode = Literal[
    "better-minimum-elsewhere",
    "corner",
    "corner-nearby",
    "deadline",
    "inexact-integral",
    "negative-fraction",
    "no-predictor",
    "no-weight",
    "poor-fit",
    "relative-errors",
    "sparse-bins",
    "undefined-start",
]


Algorithm = Literal["newton", "migrad"]


@dataclass(frozen=True)
class FitWarning:
    """Something that the client should know about an answer."""

    code: WarningCode
    message: str


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


def killed(problem: FitProblem, *, waiting: bool) -> FitResult:
    """The result of a fit that was still waiting at its deadline, or had to be killed."""
    free = ~problem.bounds.fixed
    unknown = np.full(len(problem.knowledge), np.nan)
    starts = starts_of(problem.knowledge)
    return FitResult(
        status=Status.DEADLINE,
        message="The deadline passed before a process was free for this fit, so it has no values. "
        "Try again later, or allow more time."
        if waiting
        else "The deadline passed while the fit could not be interrupted, so it has no values. "
        "Compiling the model may take this long: try a simpler model or allow more time.",
        values=unknown,
        starts=starts,
        held=np.zeros(len(starts), dtype=bool),
        covariance=no_covariance(free),
        cost=None,
        chi2=None,
        ndof=problem.ndof,
    )
