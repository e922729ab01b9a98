"""Limits and fixed parameters, and steps that respect them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fitting.padding import Flags, Floats


@dataclass(frozen=True, eq=False)
class Bounds:
    """Limits (-inf, inf where there are none) and fixed flags, each (parameters,)."""

    lower: Floats
    upper: Floats
    fixed: Flags

    def contain(self, params: Floats) -> bool:
        """Whether all are inside the limits, ends included."""
        return bool(((params >= self.lower) & (params <= self.upper)).all())

    def surround(self, params: Floats) -> bool:
        """Whether all are inside the limits, and none at one."""
        return bool(((params > self.lower) & (params < self.upper)).all())

    def clip(self, params: Floats) -> Floats:
        """The nearest parameters inside the limits."""
        # np.clip takes twice as long
        return np.minimum(np.maximum(params, self.lower), self.upper)

    def spread(self, rows: Floats) -> Floats:
        """Several (rows, parameters): values beyond limits are clipped, or where there are two of
        these, spread evenly between them in their order."""
        spread = self.clip(rows)
        for i in np.flatnonzero(np.isfinite(self.upper - self.lower)):
            values = rows[:, i]
            outside = (values <= self.lower[i]) | (values >= self.upper[i])
            known, place = np.unique(values[outside], return_inverse=True)
            if len(known) > 1:
                part = (place + 0.5) / len(known)
                spread[outside, i] = self.lower[i] + part * (self.upper[i] - self.lower[i])
        return spread

    def held(self, params: Floats, gradient: Floats) -> Flags:
        """Parameters at a limit beyond which the cost would fall."""
        at_lower = (params <= self.lower) & (gradient > 0)
        at_upper = (params >= self.upper) & (gradient < 0)
        return (at_lower | at_upper) & ~self.fixed

    def passing(self, params: Floats) -> Flags:
        """Parameters beyond their limits."""
        return (params < self.lower) | (params > self.upper)

    def step(
        self,
        params: Floats,
        gradient: Floats,
        curvature: Floats,
        free: Flags,
        descent: Callable[[Floats, Flags], Floats],
    ) -> Floats:
        """The step towards the minimum of a quadratic model within the limits, (parameters,).

        `descent(gradient, free)` gives the step of the free parameters alone. The first limit on
        the way stops its parameter, and the others are told: a step that is merely cut off may
        lead uphill. One that would have to leave its limit again may do so in the next step.
        """
        if free.all():  # usually, and usually there is no limit near
            step = descent(gradient, free)
            if not self.passing(params + step).any():
                return step
        moving, step = free.copy(), np.zeros_like(params)
        while moving.any():
            slope = gradient + curvature @ step
            further = np.zeros_like(params)
            further[moving] = descent(slope[moving], moving)
            part, stopped = self._way(params + step, further)
            if part >= 1:
                return step + further
            step = step + part * further
            step[stopped] = (self.clip(params + step + further) - params)[stopped]
            moving &= ~stopped
        return step

    def _way(self, params: Floats, step: Floats) -> tuple[float, Flags]:
        """The part of a step up to the first limit, and which parameters that stops."""
        # one that a limit has stopped may be beyond it by rounding
        passing = self.passing(params + step) & (step != 0)
        if not passing.any():
            return 1.0, passing
        room = np.where(step < 0, self.lower, self.upper) - params
        parts = np.where(passing, room / np.where(passing, step, 1.0), np.inf)
        part = max(float(parts.min()), 0.0)
        return part, parts <= part


def block(matrix: Floats, free: Flags) -> Floats:
    """Rows and columns of the free parameters."""
    return matrix if free.all() else matrix[np.ix_(free, free)]
