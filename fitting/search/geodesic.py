"""Levenberg-Marquardt descent with geodesic acceleration: along curved and narrow valleys.

M. Transtrum and J. Sethna, arXiv:1201.5885 (2012). Far from the minimum a nonlinear model leads
the cost through narrow valleys that bend; a straight step leaves them at once, so that descents by
straight steps creep, and stop early. Here each step is a piece of a parabola, whose second
derivative comes from automatic differentiation. The Jacobian itself is decomposed, not J'J, which
would square its condition number.
"""

import numpy as np

from fitting.bounds import Bounds
from fitting.objective import Objective
from fitting.padding import Flags, Floats

MAX_STEPS = 2000
MAX_DAMPING = 1e16
CURVED = 0.75  # acceleration over velocity; beyond it the parabola is no use (their alpha)
NEAR = 1e-10  # a decrease of the cost, or the part of it, that is left to Newton's method
NOTHING = 1e-16  # a cost that describes the data to eight digits of their errors
PATIENCE = 3  # such decreases in a row
CREEPING, STRIDE = 1e-3, 100  # a part of the cost, in so many steps
SINGULAR = 1e-13  # singular values below this part of the largest are rounding


def descend_valley(objective: Objective, start: Floats, bounds: Bounds) -> Floats:
    """`start` with its free parameters moved downhill, until a step promises nothing more."""
    params, damping = bounds.clip(start), 1e-3
    cost, gradient = objective.evaluate(params)
    scales, idle, earlier = np.zeros_like(params), 0, np.inf
    for number in range(MAX_STEPS):
        if number % STRIDE == STRIDE - 1:
            if cost > (1 - CREEPING) * earlier:
                break
            earlier = cost
        moving = ~bounds.fixed & ~bounds.held(params, gradient)
        residuals, jacobian = objective.residuals(params)
        if not moving.any() or not np.isfinite(jacobian).all():
            break
        scales = np.maximum(scales, np.sqrt((jacobian * jacobian).sum(axis=0)))
        step = Step(objective, params, moving, np.where(scales > 0, scales, 1.0), jacobian)
        along = step.left.T @ residuals
        if cost < NOTHING or idle == PATIENCE or step.promise(along) < NEAR * min(cost, 1.0):
            break
        while damping < MAX_DAMPING:
            moved = step.moved(along, damping)
            if moved is not None:
                moved = bounds.clip(moved)
                new_cost, new_gradient = objective.evaluate(moved)
                if new_cost < cost and np.isfinite(new_gradient).all():
                    break
            damping *= 4
        else:
            break
        idle = idle + 1 if cost - new_cost < NEAR * min(cost, 1.0) else 0
        params, cost, gradient = moved, new_cost, new_gradient
        damping = max(damping / 5, 1e-15)
    return params


class Step:
    """The steps that can be made from one point, shorter ones with more damping."""

    def __init__(
        self,
        objective: Objective,
        params: Floats,
        moving: Flags,
        scales: Floats,
        jacobian: Floats,
    ):
        self.objective = objective
        self.params = params
        self.moving = moving
        self.scales = scales
        self.left, self.values, self.right = np.linalg.svd(
            (jacobian / scales)[:, moving], full_matrices=False
        )

    def promise(self, along: Floats) -> float:
        """How much the undamped step would lower the cost of a linear model."""
        sound = self.values > SINGULAR * self.values[0]
        return float(np.sum(along[sound] ** 2))

    def moved(self, along: Floats, damping: float) -> Floats | None:
        """The end of the step, None if it bends too much for its length."""
        shrunk = self.values / (self.values**2 + damping)
        velocity = -self.right.T @ (shrunk * along)
        bending = self.objective.acceleration(self.params, self._in_full(velocity))
        if not np.isfinite(bending).all():
            return None
        acceleration = -self.right.T @ (shrunk * (self.left.T @ bending))
        if 2 * np.linalg.norm(acceleration) > CURVED * np.linalg.norm(velocity):
            return None
        return self.params + self._in_full(velocity + 0.5 * acceleration)

    def _in_full(self, step: Floats) -> Floats:
        full = np.zeros_like(self.params)
        full[self.moving] = step / self.scales[self.moving]
        return full
