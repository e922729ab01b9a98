"""What the client is told of how a fit ended, and what to do about it."""

from collections.abc import Sequence

import numpy as np

from fitting.data import Data, Histogram, Points
from fitting.emptied import emptied
from fitting.objective import Objective
from fitting.padding import Flags
from fitting.problem import FitProblem
from fitting.search.newton import Minimum
from fitting.search.strategy import Strategy
from fitting.search.verdict import grown, is_exact, is_poor
from fitting.status import Status
from fitting.strays import strays
from fitting.undefined import first_undefined
from models.formula.formula import Formula

FAR_FROM_ZERO = 10.0  # lengths of the range of x

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
        "There is no minimum near the data: the cost falls along {names} without end{x_errors}. "
        "Give limits, a constraint, or a simpler model."
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

FLAT = (Status.UNDETERMINED, Status.NOT_POSITIVE_DEFINITE)
X_ERRORS = ", or the errors in x are so large that an absurdly steep model agrees with everything"
STOPPED_FAR_OFF = (
    "At these values the model describes the data badly (a chi-square of {chi2:.4g} for {ndof} "
    "degrees of freedom), so they are no answer. {remedy} "
)
NEARER = "Give starting values nearer to the answer."
FROM_AN_ORIGIN = (
    "Subtract an origin from x, which is far from 0 compared with its range, or give starting "
    "values nearer to the answer."
)
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


def lacks_predictor(problem: FitProblem) -> bool:
    """Whether a formula is the same everywhere; that of a constant is meant to be."""
    model = problem.model
    return isinstance(model, Formula) and not model.tree.inputs and len(problem.names) > 1


def write_x(problem: FitProblem) -> str:
    """How a formula gets its predictor."""
    return WRITE_X if isinstance(problem.data, Histogram) else WRITE_OR_NAME_X


def is_far_from_zero(data: Data) -> bool:
    """Whether x, or one of several, is so far from 0 that a model of it may be the same for all."""
    return any(max(abs(low), abs(high)) > FAR_FROM_ZERO * (high - low) for low, high in data.ends)


class Message:
    """Of one fit."""

    def __init__(self, problem: FitProblem, objective: Objective, strategy: Strategy):
        self.problem = problem
        self.objective = objective
        self.strategy = strategy

    def text(self, status: Status, minimum: Minimum | None) -> str:
        """All of it."""
        if status is Status.CONVERGED and minimum is not None:
            return self._converged(minimum)
        told = self._failed(status, minimum)
        if lacks_predictor(self.problem):
            told += NO_PREDICTOR.format(remedy=write_x(self.problem))
        return told

    def _failed(self, status: Status, minimum: Minimum | None) -> str:
        if status is Status.DEADLINE and self.objective.best is None:
            return NOTHING_YET
        if status is Status.UNDEFINED_COST:
            return self._undefined()
        if status is Status.UNDER_DETERMINED:
            return self._under_determined()
        text = MESSAGES[status]
        if minimum is None:
            return text
        if status is Status.AT_LIMIT_ONLY:
            involved = self._places(minimum.held)
        elif status is Status.RUNAWAY:
            involved = self._places(grown(minimum, self.strategy.began_at)) or minimum.flat
        elif status is Status.UNDETERMINED and self._is_far_and_poor(minimum):
            text, involved = FAR_AND_POOR, self._places(grown(minimum, self.strategy.began_at))
        else:
            involved = self.strategy.vague or minimum.flat
        names, ndof = self._named(involved), self.problem.ndof_of_free
        x_errors = X_ERRORS if self.problem.cost == "effective-variance" else ""
        told = text.format(names=names, chi2=minimum.fval, ndof=ndof, x_errors=x_errors)
        if status in FLAT and text is not FAR_AND_POOR and self._is_poor(minimum):
            remedy = FROM_AN_ORIGIN if is_far_from_zero(self.problem.data) else NEARER
            told = STOPPED_FAR_OFF.format(chi2=minimum.fval, ndof=ndof, remedy=remedy) + told
        about = self.objective, self.problem, minimum.values
        return told + (strays(*about) or emptied(*about))

    def _under_determined(self) -> str:
        data, free = self.problem.data, int((~self.problem.bounds.fixed).sum())
        told = MESSAGES[Status.UNDER_DETERMINED].format(size=data.size, free=free)
        if isinstance(data, Histogram) and data.ranges:
            told += WHOLLY_INSIDE.format(size=data.size, bins=len(data.counts))
        return told

    def _undefined(self) -> str:
        """The place, too, where there is one."""
        if not self.problem.has_squares:
            return NO_SQUARES
        told = MESSAGES[Status.UNDEFINED_COST]
        if isinstance(self.problem.data, Points):
            told = NO_SQUARES_OF_MODEL if self._has_slopes() else NO_VALUE
        if limited := self._fixed_at_limits():
            told += FIXED_AT_LIMIT.format(names=self._named(limited))
        if place := self._undefined_at():
            told += UNDEFINED_AT.format(place=place)
        return told

    def _is_far_and_poor(self, minimum: Minimum) -> bool:
        """Whether values have left where they began, and to no avail."""
        has_grown = minimum.defined and grown(minimum, self.strategy.began_at).any()
        return bool(has_grown) and self._is_poor(minimum)

    def _is_poor(self, minimum: Minimum) -> bool:
        if not minimum.defined:
            return False
        with self.objective.without_deadline():
            return is_poor(minimum, self.problem, self.objective)

    def _has_slopes(self) -> bool:
        """Whether predictions and their derivatives are numbers at the starting values."""
        starts = self.strategy.starts
        if starts is None or not np.isfinite(starts).all():
            return False
        with self.objective.without_deadline():
            prediction, slopes = self.objective.jacobian(starts)
        used = np.asarray(self.problem.data.padded().used)
        known = np.isfinite(prediction[: len(used)]) & np.isfinite(slopes[: len(used)]).all(axis=1)
        return bool(known[used].all())

    def _undefined_at(self) -> str:
        """The first of the data at which the model has no value, at the starting values."""
        starts = self.strategy.starts
        if starts is None or not np.isfinite(starts).all():
            return ""
        with self.objective.without_deadline():
            return first_undefined(self.objective, self.problem, starts)

    def _fixed_at_limits(self) -> list[int]:
        """Parameters that bend the model, fixed where their natural range ends."""
        pairs = zip(self.problem.parameters, self.problem.knowledge, strict=True)
        return [
            i
            for i, (parameter, known) in enumerate(pairs)
            if known.fixed and known.start in (parameter.lower, parameter.upper)
        ]

    def _converged(self, minimum: Minimum) -> str:
        """What there is to be said of a minimum beyond that it is one."""
        if self.problem.bounds.fixed.all():
            return ALL_FIXED
        told = MESSAGES[Status.CONVERGED]
        if held := self._places(minimum.held):
            told += AT_LIMIT.format(names=self._named(held))
        if self.problem.absolute_sigma or not minimum.free.any():
            return told
        if self.problem.ndof <= 0:
            told += f" {UNSCALED}"
        elif not self.problem.penalty and is_exact(minimum, self.problem):
            told += f" {ON_THE_MODEL}"
        return told

    def _places(self, marked: Flags) -> tuple[int, ...]:
        return tuple(np.flatnonzero(marked).tolist())

    def _named(self, indices: Sequence[int]) -> str:
        return ", ".join(self.problem.names[i] for i in indices)
