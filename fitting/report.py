"""From where the search ended to a `FitResult`: covariance, goodness of fit, MINOS, words."""

import math
import time

import numpy as np
from scipy.special import gammaincc

from fitting.covariance import Covariance, at_minimum
from fitting.data import Histogram
from fitting.errors import DeadlineReached
from fitting.exactness import WORTH_TELLING, inexactness
from fitting.message import Message, lacks_predictor, write_x
from fitting.minos import Profile
from fitting.objective import Objective
from fitting.outliers import outliers
from fitting.padding import Floats
from fitting.problem import FitProblem
from fitting.result import Effort, FitResult, MinosInterval, no_covariance
from fitting.search.newton import Minimum
from fitting.search.strategy import Strategy
from fitting.search.verdict import own_chi2
from fitting.status import Status
from fitting.strays import strays
from models.composition.mixture import negative_shares

FIVE_SIGMA = 5.7e-7  # the probability of as much on either side


class Report:
    """Everything that is said of one fit."""

    def __init__(self, problem: FitProblem, objective: Objective, strategy: Strategy):
        self.problem = problem
        self.objective = objective
        self.strategy = strategy

    def result(self, minimum: Minimum | None, status: Status, minimize_s: float) -> FitResult:
        """The answer; without a minimum it holds what there is."""
        began = time.perf_counter()
        objective, starts = self.objective, self.strategy.began_at
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
        self._warn_of_fractional_counts()
        self._warn_of_relative_errors()
        self._warn_of_no_predictor()
        return FitResult(
            status=status,
            message=Message(self.problem, objective, self.strategy).text(status, minimum),
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
            own = own_chi2(chi2, poor, ndof, params, self.problem.data, self.objective, 5)
        if own is not None:
            mean, spread = own
            poor = chi2 > mean + 5 * spread
            if abs(mean - ndof) > 2 * math.sqrt(2 * ndof):
                self.strategy.warn(
                    "sparse-bins",
                    "Many bins expect few events, so that chi2 does not follow its usual "
                    f"distribution: {mean:.4g} with a standard deviation of {spread:.2g} is "
                    "expected here, and the p-value means little. Use wider bins for a test.",
                )
        if poor:
            self.strategy.warn(
                "poor-fit",
                f"The chi-square is {chi2:.4g} for {ndof} degrees of freedom: the model does "
                "not describe these data, their errors are too small, or there is a better "
                "minimum that other starting values would find."
                + (
                    strays(self.objective, self.problem, params)
                    or outliers(self.objective, self.problem.data, params)
                ),
            )

    def _warn_of_inexact_integrals(self, minimum: Minimum) -> None:
        """Of what is narrower than the nodes of a quadrature, which then misses it or takes it for
        more than it is."""
        data = self.problem.data
        if not isinstance(data, Histogram) or not self.problem.model.by_quadrature:
            return
        if inexactness(self.objective, data, minimum) > WORTH_TELLING:
            self.strategy.warn(
                "inexact-integral",
                "The model has something in it that is much narrower than a bin, a peak, a "
                "jump, or an infinite value or slope, so that its integral over bins is not "
                "exact: it changes when each bin is halved, or the errors do. Use narrower "
                "bins, a fit_range without that place, or one of the shapes of GET /models.",
            )

    def _warn_of_negative_fractions(self, params: Floats) -> None:
        """Each fraction is between 0 and 1, but what several leave may be less than nothing."""
        for mixture, share in negative_shares(self.problem.model, params.tolist()):
            names = ", ".join(p.name for p in mixture.own()[1:])
            self.strategy.warn(
                "negative-fraction",
                f"The fractions {names} add up to {1 - share:.6g}, so the last term of the "
                f"mixture has a share of {share:.4g}. Limit a fraction, leave that term out, "
                "or fit without fractions: amounts of events cannot be negative.",
            )

    def _warn_of_fractional_counts(self) -> None:
        data = self.problem.data
        if isinstance(data, Histogram) and data.is_fractional:
            total = data.mean_count * data.size
            self.strategy.warn(
                "fractional-counts",
                "The counts are not whole numbers, and are taken for numbers of events all the "
                f"same: {total:.6g} altogether. If they were scaled, to a density or by weights, "
                "errors and chi-square are not those of the events that were counted. Send the "
                "counts.",
            )

    def _warn_of_relative_errors(self) -> None:
        """What is known absolutely beside data of which nobody says how well they are known."""
        problem = self.problem
        constrained = any(known.constraint is not None for known in problem.knowledge)
        if not problem.absolute_sigma and (constrained or problem.data.has_x_err):
            self.strategy.warn(
                "relative-errors",
                "The errors in y are relative (1 each, in units of y, if left out), but "
                "constraints and errors in x are absolute: how much these count depends on "
                "that guess. Give the errors in y, and no `absolute_sigma: false`.",
            )

    def _warn_of_no_predictor(self) -> None:
        if lacks_predictor(self.problem):
            self.strategy.warn(
                "no-predictor",
                "The formula does not contain x, so it is the same everywhere. All other names "
                f"in it are parameters: {', '.join(self.problem.names)}. {write_x(self.problem)}",
            )

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
