"""Whether the integral of a model over bins is as exact as the data need it.

Models without a cdf are integrated by a rule of some nodes a bin. It is exact to rounding for what
is smooth over a bin, and silently wrong for what is narrower than the distance of its nodes. At the
minimum it is asked again, with each bin halved: by the same compiled function, since edges and
counts are its arguments, and without counts the cost is twice the expected number of events.
"""

import math

import numpy as np

from fitting.data import Histogram
from fitting.objective import Objective
from fitting.padding import Floats

WORTH_TELLING = 0.01  # of the statistical error of all events


def inexactness(objective: Objective, data: Histogram, params: Floats) -> float:
    """By how much the expected number of events changes, in its own statistical error."""
    span = data.span
    edges = data.edges[span.start : span.stop + 1]
    halved = np.sort(np.concatenate([edges, (edges[1:] + edges[:-1]) / 2]))
    events, again = (_expected(objective, data, e, params) for e in (edges, halved))
    return abs(again - events) / np.sqrt(max(events, again, 1.0))


def _expected(objective: Objective, data: Histogram, edges: Floats, params: Floats) -> float:
    """Events in all fitted bins."""
    empty = Histogram(edges, np.zeros(len(edges) - 1), data.ranges).padded()
    asked = objective.sibling(objective.kernel, empty)
    asked.deadline = math.inf  # a fit that has ended in time is not lost for that
    asked.hessian(params)
    return asked.evaluate(params)[0] / 2
