"""Minuit's MIGRAD on the compiled cost and gradient.

Minuit gets `grad`, never `hessian=` or `g2=`: in iminuit 2.32 and 2.33 these give wrong errors
when a parameter before a free one is fixed, and crash on a negative second derivative. The
exact Hessian is used outside, in `newton` and `covariance`.
"""

from collections.abc import Sequence

import numpy as np
from iminuit import Minuit

from fitting.bounds import Bounds
from fitting.objective import Objective
from fitting.padding import Floats

EDM_GOAL = 0.0002  # Minuit's: 0.002 * tolerance 0.1 * errordef 1


class MinuitCost:
    """The objective as iminuit likes it best: a callable that carries names and limits."""

    errordef = Minuit.LEAST_SQUARES

    def __init__(self, objective: Objective, bounds: Bounds, names: Sequence[str]):
        limits = zip(bounds.lower.tolist(), bounds.upper.tolist(), strict=True)
        self._parameters = dict(zip(names, limits, strict=True))  # iminuit.util.describe
        self._value = objective.value

    def __call__(self, params: Floats) -> float:
        return self._value(params)


def first_steps(objective: Objective, start: Floats) -> Floats:
    """One standard deviation of each parameter alone, where the data know of it."""
    curvature = objective.linearised(start)[2].diagonal()
    usual = np.where(start != 0, 0.1 * np.abs(start), 0.1)
    sound = np.isfinite(curvature) & (curvature > 0)
    steps = np.sqrt(2 / np.where(sound, curvature, 1.0))
    return np.where(sound & (steps < 1e3 * usual) & (steps > 0), steps, usual)


def descend(
    objective: Objective,
    start: Floats,
    bounds: Bounds,
    names: Sequence[str],
) -> Floats:
    """The point at which MIGRAD ends, valid or not; `newton.certify` judges it."""
    cost = MinuitCost(objective, bounds, names)
    # the name again: of a single parameter iminuit would make x0
    m = Minuit(cost, start, grad=objective.gradient, name=names)
    m.strategy = 0
    m.print_level = -1  # at 0 it still writes some errors to the terminal
    if bounds.fixed.any():
        m.fixed = bounds.fixed.tolist()
    m.errors = first_steps(objective, start)  # standard deviations of each parameter alone
    m.migrad(iterate=1)
    return np.array(m.values)
