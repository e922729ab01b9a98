"""Linear least squares within limits."""

import numpy as np

from fitting.padding import Floats


def least_squares(a: Floats, b: Floats, lower: Floats, upper: Floats) -> Floats:
    """The x, (columns,), of the least (a x - b)^2 with lower <= x <= upper."""
    scales = np.sqrt((a * a).sum(axis=0))
    scales = np.where(scales > 0, scales, 1.0)
    solution: Floats = np.linalg.lstsq(a / scales, b, rcond=None)[0] / scales
    if (solution >= lower).all() and (solution <= upper).all():
        return solution
    limits = lower * scales, upper * scales
    if not (limits[0] < limits[1]).all():  # so close, or so far, that they are one number
        return np.clip(solution, lower, upper)
    # here, where few come: it is a tenth of all that a process imports
    from scipy.optimize import lsq_linear

    found: Floats = lsq_linear(a / scales, b, limits, method="bvls").x / scales
    return found
