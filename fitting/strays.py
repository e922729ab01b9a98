"""Events where the model expects none: they outweigh all others, and the client is told of them."""

import numpy as np

from fitting.data import Histogram
from fitting.objective import Objective
from fitting.padding import Floats
from fitting.problem import FitProblem

IMPOSSIBLE = 1e-6  # events of a bin: that one of a million such bins holds one would be chance
FEW = 0.05  # of all events: where more are such, the model is of something else

ONE = "the bin from {:g} to {:g}, which holds {:g}"
SOME = "{number} filled bins, the first from {:g} to {:g} with {:g}"
STRAYS = (
    " The model expects fewer than {impossible:g} events in {place}, and such events outweigh the "
    "others: if they belong to something else, leave them out with fit_range, or add a background "
    "to the model."
)


def strays(objective: Objective, problem: FitProblem, params: Floats) -> str:
    """A sentence, begun with a space, about filled bins that should be empty; nothing if none."""
    data = problem.data
    if not isinstance(data, Histogram):
        return ""
    with objective.without_deadline():
        expected = data.fitted(objective.jacobian(params)[0])
    counts = data.fitted_counts
    stray = (counts > 0) & (expected < IMPOSSIBLE)
    if not 0 < counts[stray].sum() < FEW * counts.sum():
        return ""
    number, first = np.count_nonzero(stray), int(np.argmax(stray))
    told = (ONE if number == 1 else SOME).format(
        *data.intervals[first], counts[first], number=number
    )
    return STRAYS.format(impossible=IMPOSSIBLE, place=told)
