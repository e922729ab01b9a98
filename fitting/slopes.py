"""Where the slope in x of a model is taken, which errors in x are multiplied with.

Not at x itself: at a root's 0 the slope is infinite, and what is known of such a point is nothing.
A number next to it has the slope that x has to all digits, and there one that is finite and huge.
It lies towards the middle of the data, where the model has values.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np

from fitting.padding import Floats

ULPS = 4  # so many, lest x minus the place of a root is rounded to 0
TINIEST, LARGEST = 1e-30, 1e-6  # steps, in errors of x


def beside(x: Any, x_err: Any, middle: Any) -> Any:
    """The number next to each x, for arrays of NumPy and of JAX; x itself where that is far."""
    xp = np if isinstance(x, np.ndarray) else jnp
    step = xp.maximum(ULPS * np.finfo(float).eps * xp.abs(x), TINIEST * x_err)
    return x + xp.sign(middle - x) * xp.where(step < LARGEST * x_err, step, 0.0)


def middle(x: Floats) -> Floats:
    """Of the range of each row, and none of the points unless all are one."""
    low, high = x.min(axis=-1), x.max(axis=-1)
    half = high / 2 - low / 2  # the difference may not be a number
    return np.asarray(low + (1 + 1e-9) * half)


def slope_places(x: Floats, x_err: Floats) -> Floats:
    """Beside x; where x is exact, beside the first that is not."""
    blurred = x_err > 0
    moved = beside(x, x_err, middle(x))
    return np.where(blurred, moved, moved[blurred][0] if blurred.any() else x[0])


def anchors(x: Floats, x_err: Floats) -> Floats:
    """For each predictor a point whose x_j is not exact, if there is one: the one in the middle.

    Where slopes are infinite, it is at the ends. The last row is the middle of each predictor.
    """
    rows = []
    for own, error in zip(x, x_err, strict=True):
        blurred = np.flatnonzero(error > 0) if error.any() else np.arange(len(own))
        order = np.argsort(own[blurred], kind="stable")
        rows.append(x[:, blurred[order[len(order) // 2]]])
    return np.array([*rows, middle(x)])
