"""Whether the integral of a model over bins is as exact as the data need it.

Models without a cdf are integrated by a rule of some nodes a bin. It is exact to rounding for what
is smooth over a bin, and silently wrong for what is narrower than the distance of its nodes. At the
minimum it is asked again, with each bin halved: by the same kernel, since edges are its arguments.

Bin by bin: against all events, what is missing of a few in one bin would not count.
"""

import math

import numpy as np

from fitting.data import Histogram
from fitting.objective import Objective
from fitting.padding import Floats

WORTH_TELLING = 0.01  # standard deviations


def inexactness(objective: Objective, data: Histogram, params: Floats) -> float:
    """The change of all expectations, in their statistical errors.

    No parameter and no combination of them changes by more, in its own error.
    """
    edges = data.edges[data.span.start : data.span.stop + 1]
    halved = np.sort(np.concatenate([edges, (edges[1:] + edges[:-1]) / 2]))
    before = _expected(objective, edges, params)
    after = _expected(objective, halved, params).reshape(-1, 2).sum(axis=1)
    pulls = ((after - before) / np.sqrt(np.maximum(np.maximum(before, after), 1.0)))[data.used]
    return math.sqrt(pulls @ pulls)


def _expected(objective: Objective, edges: Floats, params: Floats) -> Floats:
    """Events in each bin."""
    bins = Histogram(edges, np.zeros(len(edges) - 1)).padded()
    asked = objective.sibling(objective.kernel, bins)
    asked.deadline = math.inf  # a fit that has ended in time is not lost for that
    # a fit that has estimated its starts has this compiled already
    return asked.jacobian(params)[0][: len(edges) - 1]
