"""Levenberg-Marquardt descent with the Gauss-Newton (for counts: Fisher's) information.

D. Marquardt, J. Soc. Indust. Appl. Math. 11 (1963) 431, with the diagonal scaling of J. More,
Lecture Notes in Mathematics 630 (1978) 105, and steps projected onto the limits. The information
has first derivatives only and no negative curvature, so it comes near from far starts in a few
steps, where Newton's method would need a convex cost and MIGRAD many line searches. It only has
to come near: Newton's method with the exact Hessian does the rest.

Where parameters in which the model is linear follow from the others, as the a of a*exp(-x/t) far
from x = 0, the cost is a valley so bent that straight steps leave it: a step that leads uphill is
looked at once more there, with these at their best (A. Ruhe and P. Wedin, SIAM Rev. 22 (1980) 318).
"""

from collections.abc import Callable

import numpy as np
from scipy.linalg.lapack import dposv

from fitting.bounds import Bounds, block
from fitting.padding import Flags, Floats
from fitting.search.spectrum import Spectrum

MAX_STEPS = 20
MAX_DAMPING = 1e6
KEPT = 0.25  # of what a step promised
NARROW = 1e-2  # weakest direction of an information of unit diagonal

Linearised = Callable[[Floats], tuple[float, Floats, Floats]]


def approach(
    linearised: Linearised,
    start: Floats,
    bounds: Bounds,
    free: Flags,
    *,
    near: float = 0.0,
    relative: float = 0.0,
    linear: Flags | None = None,
) -> tuple[Floats, Floats]:
    """`start` with its free parameters moved downhill, and where the next step would lead.

    `linearised` gives the cost, its gradient and information there. The descent ends before a step
    that promises to lower the cost by less than `near`, whose end is left to the caller to look at,
    or after one that has lowered it by less than the fraction `relative`; also when steps no longer
    help. Where there is no such next step both points are the same. In parameters that are `linear`
    the information is exact.
    """
    params, damping, warned = bounds.clip(start), 1e-3, False
    cost, gradient, information = linearised(params)
    if not np.isfinite(information).all():
        return start, start
    for _ in range(MAX_STEPS):
        moving = free & ~bounds.held(params, gradient)

        def descent(
            gradient: Floats,
            free: Flags,
            information: Floats = information,
            damping: float = damping,
        ) -> Floats:
            return _step(gradient, block(information, free), damping)

        step = bounds.step(params, gradient, information, moving, descent)
        moved, promised = bounds.clip(params + step), -0.5 * (gradient @ step)
        if not moving.any() or promised <= 0:
            break
        if promised < near:
            return params, moved
        new = linearised(moved)
        uphill = not new[0] < cost
        # the first such step may only be too long
        if uphill and warned and linear is not None and _is_narrow(information, free, linear):
            settled = _settled(linearised, moved, new, bounds, linear & free)
            # what gains little of what was promised has only come to another valley
            if settled[1][0] < cost - KEPT * promised:
                moved, new = settled
        warned |= uphill
        if new[0] < cost and np.isfinite(new[2]).all():
            gain = 1 - new[0] / cost
            params, (cost, gradient, information) = moved, new
            damping *= 0.1
            if gain < relative:
                break
        else:
            damping *= 10
            if damping > MAX_DAMPING:
                break
    return params, params


def _is_narrow(information: Floats, free: Flags, linear: Flags) -> bool:
    """Whether the cost is a valley in which linear parameters might follow from others."""
    if not (free & linear).any():
        return False
    spectrum = Spectrum.of(block(information, free))
    return spectrum is not None and spectrum.weakest < NARROW


def _settled(
    linearised: Linearised,
    params: Floats,
    known: tuple[float, Floats, Floats],
    bounds: Bounds,
    linear: Flags,
) -> tuple[Floats, tuple[float, Floats, Floats]]:
    """`params` with the linear ones at their best, and what is `known` there."""
    _, gradient, information = known
    if not np.isfinite(information).all():
        return params, known

    def descent(gradient: Floats, free: Flags) -> Floats:
        return _step(gradient, block(information, free), 0.0)

    step = bounds.step(params, gradient, information, linear, descent)
    moved = bounds.clip(params + step)
    return moved, linearised(moved)


def _step(gradient: Floats, information: Floats, damping: float) -> Floats:
    """The damped step, computed with the information brought to unit diagonal."""
    scales = np.sqrt(information.diagonal())
    scales[scales == 0] = 1.0
    scaled = information / scales / scales[:, None]
    scaled.flat[:: len(scales) + 1] = 1 + damping
    _, solution, singular = dposv(scaled, -gradient / scales)
    if singular:  # parameters that say the same, and a damping too small to tell them apart
        solution = np.linalg.lstsq(scaled, -gradient / scales, rcond=None)[0]
    step: Floats = solution / scales
    return step
