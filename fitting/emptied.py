"""Empty bins in which a model has come down to zero events: it cannot go on, though its cost falls.

A straight line, an offset, a background that falls: beyond zero there is no cost, so the lowest
point lies at an edge, and is no minimum.
"""

import numpy as np

from fitting.data import Histogram
from fitting.objective import Objective
from fitting.padding import Floats
from fitting.problem import FitProblem

NOTHING = 1e-6  # of how much the parameters would change it: in the tail of a peak they do not

EMPTIED = (
    " In {place} there are no events, and the model has come down to none: lower it cannot go. "
    "Leave {it} out with fit_range, take a model that stays positive, or limit a parameter so that "
    "it does."
)


def emptied(objective: Objective, problem: FitProblem, params: Floats) -> str:
    """A sentence, begun with a space, about such bins; nothing if there are none."""
    data = problem.data
    if not isinstance(data, Histogram) or not np.isfinite(params).all():
        return ""
    with objective.without_deadline():
        prediction, slopes = objective.jacobian(params)
    expected, reach = data.fitted(prediction), data.fitted(np.abs(slopes * params).sum(axis=1))
    at_zero = np.flatnonzero((data.fitted_counts == 0) & (np.abs(expected) < NOTHING * reach))
    if not len(at_zero):
        return ""
    low, high = data.intervals[at_zero[0]]
    place, more = f"the bin from {low:g} to {high:g}", f" and {len(at_zero) - 1} others"
    several = len(at_zero) > 1
    return EMPTIED.format(place=place + more * several, it="them" if several else "it")
