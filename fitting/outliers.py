"""Few data that make most of a poor fit: a hot or dead channel, an overflow, a wrong reading."""

import numpy as np
from scipy.special import xlogy

from fitting.data import Data, Histogram, Points
from fitting.objective import Objective
from fitting.padding import Floats

MOST = 0.5  # of the chi-square
FEW = 0.05  # of the data
SHOWN = 3

OUTLIERS = (
    " Most of it comes from {place}. If these are faults of the detector or of the reading, leave "
    "them out: fit_range takes several pairs."
)


def outliers(objective: Objective, data: Data, params: Floats) -> str:
    """A sentence, begun with a space, about the few data that make most of the chi-square of a fit;
    nothing if it comes from many."""
    if isinstance(data, Points) and (data.has_x_err or data.inputs > 1):
        return ""
    with objective.without_deadline():
        prediction = objective.jacobian(params)[0]
    if isinstance(data, Histogram):
        expected, found = data.fitted(prediction), data.fitted_counts
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = 2 * (expected - found + xlogy(found, found / expected))
        places, where = data.intervals, "the bin from {:g} to {:g}"
    else:
        expected, found = prediction[: len(data.y)][data.inside], data.y[data.inside]
        terms = ((found - expected) / data.y_err[data.inside]) ** 2
        places, where = data.x[data.inside][:, None], "the point at x = {:g}"
    order = np.argsort(-terms)
    number = int(np.searchsorted(np.cumsum(terms[order]), MOST * terms.sum())) + 1
    if not np.isfinite(terms).all() or number > max(1, FEW * len(terms)):
        return ""
    told = [
        f"{where.format(*places[i])} ({found[i]:g} where {expected[i]:.3g} is expected)"
        for i in order[: min(number, SHOWN)]
    ]
    more = f" and {number - SHOWN} more" if number > SHOWN else ""
    return OUTLIERS.format(place=", ".join(told) + more)
