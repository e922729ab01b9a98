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

    def clip(self, params: Floats) -> Floats:
        """The nearest parameters inside the limits."""
        # np.clip takes twice as long
        return np.minimum(np.maximum(params, self.lower), self.upper)

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
        """The step of a quadratic model that ends within the limits, (parameters,).

        `descent(gradient, free)` gives the step of the free parameters. One that would pass a
        limit ends there, and the others are told: a step that is merely cut off may lead uphill
        (D. Bertsekas, SIAM J. Control Optim. 20 (1982) 221).
        """
        if free.all():  # usually, and usually there is no limit near
            step = descent(gradient, free)
            if not self.passing(params + step).any():
                return step
        free, step = free.copy(), np.zeros_like(params)
        while free.any():
            step[free] = 0.0
            step[free] = descent((gradient + curvature @ step)[free], free)
            passing = free & self.passing(params + step)
            if not passing.any():
                break
            step[passing] = (self.clip(params + step) - params)[passing]
            free &= ~passing
        return step


def block(matrix: Floats, free: Flags) -> Floats:
    """Rows and columns of the free parameters."""
    return matrix if free.all() else matrix[np.ix_(free, free)]
