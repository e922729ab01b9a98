"""The minimum of a cost with errors in x, which the runaway solutions cannot fool.

The variance of a point, V = y_err^2 + (f'(x) x_err)^2, grows with the slope of the model: from a
cold start a large x_err has valleys at absurd slopes, which inflate the variance until chi-square
vanishes. So
    everything is first done without errors in x;
    minima are compared by the full likelihood, in which log V makes inflation cost;
    a minimum that inflates the variance more than the first step explains is looked for again,
    with errors that grow in steps, and from a fit whose errors in y know a typical slope;
    parameters that the data do not determine without errors in x, they do not with them; where
    that is so everywhere, some are held, for a search where the cost is flat takes long.
"""

from collections.abc import Iterable, Sequence
from operator import itemgetter

import numpy as np
from scipy.special import gammainc

from fitting.data import Marks, Points
from fitting.padding import Floats, Places
from fitting.search.descent import Descent
from fitting.search.newton import Minimum
from fitting.search.spectrum import parallel, spanned
from fitting.search.verdict import is_level

PARTS = (0.25, 0.5, 0.75, 1.0)  # of the errors in x, one after the other
INFLATED = 1.0  # log V of a point, more than at first
SWALLOWED = 3.0
TOO_GOOD = 0.01  # probability of a chi-square as small


class ErrorsInX:
    """The search for one problem with errors in x."""

    def __init__(self, descent: Descent, data: Points):
        self.descent = descent
        self.objective = descent.objective
        self.data = data
        self.marks: Marks = data.padded()
        self.exact: Minimum  # of the first fit without errors in x
        self.usual = np.inf  # the least sum of log V, of all fits without errors in x

    def first(self, start: Floats) -> Minimum:
        """From the minimum without errors in x."""
        self.exact = self._without(start, self.data)
        self.usual = self._logarithm(self.exact.values)
        return self.descent.run(self.exact.values)

    def is_inflated(self, minimum: Minimum) -> bool:
        """Whether the errors in x have grown more than the fit without them explains."""
        return not self._logarithm(minimum.values) < self.usual + INFLATED * self.data.size

    def unseen(self, minimum: Minimum) -> tuple[int, ...]:
        """Parameters that only errors in x tell apart, by inflating the variance.

        Without these errors the fit determines no minimum, and residuals stay the same along a
        combination, where that fit ended and here.
        """
        if self.descent.is_certain(self.exact):
            return ()
        there, here = (
            self._free[parallel(jacobian)] if jacobian is not None else self._free[:0]
            for jacobian in map(self._slopes, (self.exact.values, minimum.values))
        )
        return tuple(here.tolist()) if len(there) else ()

    def spare(self, start: Floats, minimum: Minimum) -> tuple[int, ...]:
        """Of these such as can be held where they are at the minimum, as if there were none.

        Empty where the start tells them apart.
        """
        there, here = map(self._slopes, (start, minimum.values))
        if there is None or here is None or not parallel(there).any():
            return ()
        return tuple(self._free[list(spanned(here))].tolist())

    @property
    def _free(self) -> Places:
        return np.flatnonzero(~self.descent.problem.bounds.fixed)

    def _slopes(self, values: Floats) -> Floats | None:
        """Of the residuals, along what is not fixed, without errors in x; None if not finite."""
        self.objective.replace(x_err=np.zeros_like(self.marks.x_err))
        try:
            _, jacobian = self.objective.residuals(values)
        finally:
            self.restore()
        return jacobian[:, self._free] if np.isfinite(jacobian).all() else None

    def thorough(self, first: Minimum, origins: Iterable[Floats]) -> tuple[Minimum, bool]:
        """The likeliest minimum, and whether there is none but where errors swallow the data."""
        found = [first]
        for origin in origins:
            for errors in (self.data, self.data.softened()):
                values = self._without(origin, errors).values
                self.usual = min(self.usual, self._logarithm(values))
                found += self._continued(values)
        found = [self.descent.certify(minimum.values) for minimum in found]
        scored = [(self.likelihood(minimum), minimum) for minimum in found]
        least, best = likeliest([one for one in scored if one[1].defined] or scored)
        # the first step, which is no minimum, may be likelier than the minimum it leads to
        near = [one for one in scored if one[0] < least + INFLATED * self.data.size]
        minima = [one for one in near if self.descent.is_certain(one[1])] or [
            one for one in near if is_level(one[1], self.descent.problem)
        ]
        if minima:
            _, best = likeliest(minima)
        limit = self.usual + SWALLOWED * self.data.size
        ends = [best] if minima else found  # without a minimum: where did they all go?
        far = [m for m in ends if self._logarithm(m.values) > limit]
        return best, any(self._is_too_good(m) for m in far)

    def _is_too_good(self, minimum: Minimum) -> bool:
        """A chi-square that data do not have which are described, but such as are swallowed.

        Large errors in x alone are no reason: a line through well-measured y may be many times as
        steep as it is without them, and well determined.
        """
        problem = self.descent.problem
        if not problem.absolute_sigma:
            return True
        chi2 = self.objective.cost_with(minimum.values, log_weight=np.asarray(0.0))
        return not gammainc(problem.ndof_of_free / 2, chi2 / 2) > TOO_GOOD

    def _without(self, start: Floats, data: Points) -> Minimum:
        """The minimum without errors in x, with the errors in y of `data`."""
        marks, descent = self.marks, self.descent
        self.objective.replace(
            x_err=np.zeros_like(marks.x_err),
            y_err=data.padded().y_err,
            log_weight=np.zeros_like(marks.log_weight),
        )
        try:
            can_start = self.objective.can_start_at(start)
            return descent.run_anyhow(start) if can_start else descent.certify(start)
        finally:
            self.restore()

    def restore(self) -> None:
        """The data as they are."""
        marks = self.marks
        self.objective.replace(x_err=marks.x_err, y_err=marks.y_err, log_weight=marks.log_weight)

    def _continued(self, point: Floats) -> list[Minimum]:
        """Where `point` leads with errors in x, at once and as they grow in steps; and itself."""
        found = [self.descent.certify(point), self.descent.run(point, valley=True)]
        try:
            for part in PARTS:
                self.objective.replace(x_err=part * self.marks.x_err)
                if self.objective.can_start_at(point):
                    found.append(self.descent.run(point))
                    point = found[-1].values
        finally:
            self.restore()
        return found

    def _logarithm(self, params: Floats) -> float:
        """Sum of log(V / y_err^2): the difference that its weight makes."""
        known = self.objective.evaluate(params)[0] / self.objective.scale
        other = self.objective.cost_with(params, log_weight=1 - self.marks.log_weight)
        difference = abs(known - other)
        return difference if np.isfinite(difference) else np.inf

    def likelihood(self, minimum: Minimum) -> float:
        """The cost with the logarithm, which a classical cost has not."""
        return minimum.fval + (0.0 if self.data.berkson else self._logarithm(minimum.values))


def likeliest(scored: Sequence[tuple[float, Minimum]]) -> tuple[float, Minimum]:
    """The first of those with the least of what `likelihood` gave."""
    return min(scored, key=itemgetter(0))
