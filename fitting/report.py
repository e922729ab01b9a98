"""From where the search ended to a `FitResult`: covariance, goodness of fit, MINOS, words."""

import math
import time
from collections.abc import Sequence

import numpy as np
from scipy.special import gammaincc

from fitting.covariance import Covariance, at_minimum
from fitting.data import Histogram, Points
from fitting.errors import DeadlineReached
from fitting.exactness import WORTH_TELLING, inexactness
from fitting.minos import Profile
from fitting.objective import Objective
from fitting.padding import Floats
from fitting.problem import FitProblem, starts_of
from fitting.result import (
    ALL_FIXED,
    AT_LIMIT,
    FAR_AND_POOR,
    FIXED_AT_LIMIT,
    MESSAGES,
    NO_PREDICTOR,
    NO_SQUARES,
    NO_SQUARES_OF_MODEL,
    NO_VALUE,
    NOTHING_YET,
    ON_THE_MODEL,
    UNDEFINED_AT,
    UNSCALED,
    WHOLLY_INSIDE,
    WRITE_OR_NAME_X,
    WRITE_X,
    Effort,
    FitResult,
    FitWarning,
    MinosInterval,
    Status,
    no_covariance,
)
from fitting.search.newton import Minimum
from fitting.search.strategy import Strategy
from fitting.search.verdict import grown, is_exact, is_poor, is_surprising
from fitting.undefined import first_undefined
from models.composition.mixture import negative_shares
from models.formula.formula import Formula

FIVE_SIGMA = 5.7e-7


class Report:
    """Everything that is said of one fit."""

    def __init__(self, problem: FitProblem, objective: Objective, strategy: Strategy):
        self.problem = problem
        self.objective = objective
        self.strategy = strategy

    def result(self, minimum: Minimum | None, status: Status, minimize_s: float) -> FitResult:
        """The answer; without a minimum it holds what there is."""
        began = time.perf_counter()
        objective, starts = self.objective, self._starts()
        values = objective.best if minimum is None else minimum.values
        covariance = no_covariance(~self.problem.bounds.fixed)
        cost = chi2 = edm = None
        scale, minos = 1.0, {}
        if minimum is not None and minimum.defined:
            # of rounding it may be negative
            cost = max(minimum.cost / objective.scale, 0.0)
            chi2 = self._chi2(minimum.values, cost) + self.problem.penalty
            cost += self.problem.penalty
            covariance = no_covariance(minimum.free)
            edm = minimum.edm if np.isfinite(minimum.edm) else None
            scale = self._chi2_scale(chi2)
            self._warn_of_inexact_integrals(minimum)
            if status is Status.CONVERGED and np.isfinite(scale):
                covariance = at_minimum(minimum, scale * objective.scale)
                minos = self._minos(minimum, covariance, scale)
        elif status is Status.DEADLINE and math.isfinite(objective.best_cost):
            cost = objective.best_cost + self.problem.penalty
        if status is Status.CONVERGED and minimum is not None and chi2 is not None:
            self._warn_of_chi2(chi2, minimum.values)
            self._warn_of_negative_fractions(minimum.values)
        self._warn_of_relative_errors()
        self._warn_of_no_predictor()
        return FitResult(
            status=status,
            message=self._message(status, minimum),
            values=starts if values is None else values,
            starts=starts,
            held=np.zeros(len(starts), dtype=bool) if minimum is None else minimum.held,
            covariance=covariance,
            cost=cost,
            chi2=chi2,
            ndof=self.problem.ndof,
            minos=minos,
            warnings=tuple(self.strategy.warnings),
            effort=Effort(
                edm=edm,
                algorithm=self.strategy.algorithm,
                nfcn=objective.nfcn,
                nhess=objective.nhess,
                minimize_s=minimize_s,
                covariance_s=time.perf_counter() - began,
            ),
            usage=objective.usage,
        )

    def _warn_of_chi2(self, chi2: float, params: Floats) -> None:
        """Five standard deviations: a wrong model, wrong errors, or a minimum that is not best.

        Where bins hold few events, the chi-square is not distributed as one.
        """
        ndof = self.problem.ndof
        if not self.problem.absolute_sigma or ndof <= 0:
            return
        poor = bool(gammaincc(ndof / 2, max(chi2, 0.0) / 2) < FIVE_SIGMA)
        with self.objective.without_deadline():
            poor, mean, spread = is_surprising(
                chi2, ndof, params, self.problem.data, self.objective, 5, poor
            )
        if abs(mean - ndof) > 2 * math.sqrt(2 * ndof):
            self.strategy.warnings.append(
                FitWarning(
                    "sparse-bins",
                    "Many bins expect few events, so that chi2 does not follow its usual "
                    f"distribution: {mean:.4g} with a standard deviation of {spread:.2g} is "
                    "expected here, and the p-value means little. Use wider bins for a test.",
                )
            )
        if poor:
            self.strategy.warnings.append(
                FitWarning(
                    "poor-fit",
                    f"The chi-square is {chi2:.4g} for {ndof} degrees of freedom: the model does "
                    "not describe these data, their errors are too small, or there is a better "
                    "minimum that other starting values would find.",
                )
            )

    def _warn_of_inexact_integrals(self, minimum: Minimum) -> None:
        """Of what is narrower than the nodes of a quadrature, which then misses it or takes it for
        more than it is."""
        data = self.problem.data
        if not isinstance(data, Histogram) or not self.problem.model.by_quadrature:
            return
        if inexactness(self.objective, data, minimum) > WORTH_TELLING:
            self.strategy.warnings.append(
                FitWarning(
                    "inexact-integral",
                    "The model has something in it that is much narrower than a bin, a peak, a "
                    "jump, or an infinite value or slope, so that its integral over bins is not "
                    "exact: it changes when each bin is halved, or the errors do. Use narrower "
                    "bins, a fit_range without that place, or one of the shapes of GET /models.",
                )
            )

    def _warn_of_negative_fractions(self, params: Floats) -> None:
        """Each fraction is between 0 and 1, but what several leave may be less than nothing."""
        for mixture, share in negative_shares(self.problem.model, params.tolist()):
            names = ", ".join(p.name for p in mixture.own()[1:])
            self.strategy.warnings.append(
                FitWarning(
                    "negative-fraction",
                    f"The fractions {names} add up to {1 - share:.6g}, so the last term of the "
                    f"mixture has a share of {share:.4g}. Limit a fraction, leave that term out, "
                    "or fit without fractions: amounts of events cannot be negative.",
                )
            )

    def _warn_of_relative_errors(self) -> None:
        """What is known absolutely beside data of which nobody says how well they are known."""
        problem = self.problem
        constrained = any(known.constraint is not None for known in problem.knowledge)
        if not problem.absolute_sigma and (constrained or problem.data.has_x_err):
            self.strategy.warnings.append(
                FitWarning(
                    "relative-errors",
                    "The errors in y are relative (1 each, in units of y, if left out), but "
                    "constraints and errors in x are absolute: how much these count depends on "
                    "that guess. Give the errors in y.",
                )
            )

    def _warn_of_no_predictor(self) -> None:
        if self._lacks_predictor:
            self.strategy.warnings.append(
                FitWarning(
                    "no-predictor",
                    "The formula does not contain x, so it is the same everywhere. All other names "
                    f"in it are parameters: {', '.join(self.problem.names)}. {self._write_x}",
                )
            )

    @property
    def _lacks_predictor(self) -> bool:
        """Whether a formula is the same everywhere; that of a constant is meant to be."""
        model = self.problem.model
        return isinstance(model, Formula) and not model.tree.inputs and len(self.problem.names) > 1

    @property
    def _write_x(self) -> str:
        return WRITE_X if isinstance(self.problem.data, Histogram) else WRITE_OR_NAME_X

    def _starts(self) -> Floats:
        """Those used, or where the search did not come that far, those given."""
        if self.strategy.starts is not None:
            return self.strategy.starts
        return starts_of(self.problem.knowledge)

    def _chi2(self, params: Floats, cost: float) -> float:
        """The cost without the logarithm that a Berkson cost has."""
        if not getattr(self.problem.data, "berkson", False) or not self.problem.data.has_x_err:
            return cost
        with self.objective.without_deadline():
            return self.objective.cost_with(params, log_weight=np.asarray(0.0))

    def _chi2_scale(self, chi2: float) -> float:
        """The factor on the covariance; not finite where it cannot be told."""
        if self.problem.absolute_sigma:
            return 1.0
        return chi2 / self.problem.ndof if self.problem.ndof > 0 else float("nan")

    def _minos(
        self, minimum: Minimum, covariance: Covariance, up: float
    ) -> dict[str, MinosInterval]:
        bounds = self.problem.bounds
        found: dict[str, MinosInterval] = {}
        for name in self.problem.minos:
            axis = self.problem.axis(name)
            try:
                profile = Profile(self.objective, minimum, covariance, bounds, axis, up)
                found[name] = profile.interval()
            except DeadlineReached:
                found[name] = MinosInterval(None, None, "the deadline passed before MINOS ended")
        return found

    def _message(self, status: Status, minimum: Minimum | None) -> str:
        if status is Status.DEADLINE and self.objective.best is None:
            return NOTHING_YET
        if status is Status.UNDEFINED_COST and not self.problem.has_squares:
            return NO_SQUARES
        if status is Status.CONVERGED and minimum is not None:
            return self._converged(minimum)
        involved = self.strategy.vague
        if minimum is not None and status is Status.AT_LIMIT_ONLY:
            involved = tuple(np.flatnonzero(minimum.held).tolist())
        elif minimum is not None and (status is Status.RUNAWAY or self._is_far_and_poor(minimum)):
            far = np.flatnonzero(grown(minimum, self._starts()))
            involved = tuple(far.tolist()) or minimum.flat
        elif minimum is not None and not involved:
            involved = minimum.flat
        told = self._text(status, minimum).format(
            names=self._named(involved),
            size=self.problem.data.size,
            free=int((~self.problem.bounds.fixed).sum()),
            chi2=math.nan if minimum is None else minimum.fval,
            ndof=self.problem.ndof_of_free,
        )
        data = self.problem.data
        if status is Status.UNDER_DETERMINED and isinstance(data, Histogram) and data.ranges:
            told += WHOLLY_INSIDE.format(size=data.size, bins=len(data.counts))
        if status is Status.UNDEFINED_COST and (limited := self._fixed_at_limits()):
            told += FIXED_AT_LIMIT.format(names=self._named(limited))
        if status is Status.UNDEFINED_COST and (place := self._undefined_at()):
            told += UNDEFINED_AT.format(place=place)
        if self._lacks_predictor:
            told += NO_PREDICTOR.format(remedy=self._write_x)
        return told

    def _text(self, status: Status, minimum: Minimum | None) -> str:
        """What is said of a fit that did not converge, names and numbers still missing."""
        if status is Status.UNDETERMINED and minimum is not None and self._is_far_and_poor(minimum):
            return FAR_AND_POOR
        if status is Status.UNDEFINED_COST and isinstance(self.problem.data, Points):
            return NO_SQUARES_OF_MODEL if self._has_slopes() else NO_VALUE
        return MESSAGES[status]

    def _is_far_and_poor(self, minimum: Minimum) -> bool:
        """Whether values have left where they began, and to no avail."""
        if not minimum.defined or not grown(minimum, self._starts()).any():
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
        held = np.flatnonzero(minimum.held).tolist()
        told = MESSAGES[Status.CONVERGED]
        if held:
            told += AT_LIMIT.format(names=self._named(held))
        if self.problem.absolute_sigma or not minimum.free.any():
            return told
        if self.problem.ndof <= 0:
            return f"{told} {UNSCALED}"
        return f"{told} {ON_THE_MODEL}" if self._is_on_the_model(minimum) else told

    def _is_on_the_model(self, minimum: Minimum) -> bool:
        """Whether residuals are rounding, and constraints are met."""
        return not self.problem.penalty and is_exact(minimum, self.problem)

    def _named(self, indices: Sequence[int]) -> str:
        return ", ".join(self.problem.names[i] for i in indices)
