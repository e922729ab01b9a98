"""Levenberg-Marquardt descent of a weighted sum of squares, for starting values.

D. Marquardt, J. Soc. Indust. Appl. Math. 11 (1963) 431, with the diagonal scaling of J. More,
Lecture Notes in Mathematics 630 (1978) 105, and steps projected onto the limits. It only has to
come near: MIGRAD and Newton on the true cost do the rest.
"""

import numpy as np

from fitting.newton import Bounds
from fitting.objective import Objective
from fitting.padding import Flags, Floats

MAX_STEPS = 20
NEAR = 1e-3  # relative decrease of the sum of squares below which another step is not worth it


def refine(
    objective: Objective,
    start: Floats,
    target: Floats,
    root_weight: Floats,
    used: Flags,
    free: Flags,
    bounds: Bounds,
) -> Floats:
    """`start` with its free parameters moved to lower sum((target - prediction)^2 weight)."""
    params, damping = start, 1e-3

    def linearised(at: Floats) -> tuple[Floats, Floats, float]:
        prediction, jacobian = objective.jacobian(at)
        pulls = (target - prediction[used]) * root_weight
        return pulls, jacobian[np.ix_(used, free)] * root_weight[:, None], float(pulls @ pulls)

    pulls, jacobian, squares = linearised(params)
    if not (np.isfinite(squares) and np.isfinite(jacobian).all()) or not free.any():
        return params
    for _ in range(MAX_STEPS):
        normal = jacobian.T @ jacobian
        scales = np.sqrt(np.maximum(np.diag(normal), 1e-300))
        scaled = normal / np.outer(scales, scales) + damping * np.eye(len(scales))
        step = np.linalg.lstsq(scaled, jacobian.T @ pulls / scales, rcond=None)[0]
        moved = params.copy()
        moved[free] += step / scales
        moved = bounds.clip(moved)
        new_pulls, new_jacobian, new_squares = linearised(moved)
        if np.isfinite(new_jacobian).all() and new_squares < squares:
            gain = 1 - new_squares / squares
            params, pulls, jacobian, squares = moved, new_pulls, new_jacobian, new_squares
            damping *= 0.1
            if gain < NEAR:
                break
        else:
            damping *= 10
            if damping > 1e6:
                break
    return params
