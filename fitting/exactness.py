"""Whether the integral of a model over bins is as exact as the data need it.

Models without a cdf are integrated by a rule of some nodes a bin. It is exact to rounding for what
is smooth over a bin, and silently wrong for what is narrower than the distance of its nodes. At the
minimum it is asked again, with each bin halved: by the same compiled function, since edges and
counts are its arguments, and without counts the cost is twice the expected number of events.

That is asked of two halves of the bins, taken at random: what is too much in one bin and too little
in another does not cancel in both.
"""

import math

import numpy as np

from fitting.data import Histogram
from fitting.objective import Objective
from fitting.padding import Flags, Floats

WORTH_TELLING = 0.01  # of the statistical error of all events


def inexactness(objective: Objective, data: Histogram, params: Floats) -> float:
    """By how much the expected number of events changes, in its own statistical error."""
    span = data.span
    edges = data.edges[span.start : span.stop + 1]
    halved = np.sort(np.concatenate([edges, (edges[1:] + edges[:-1]) / 2]))
    one = np.random.default_rng(0).random(len(edges) - 1) < 0.5
    changes, events = 0.0, 0.0
    for half in (one, ~one):
        before = _expected(objective, data, edges, half, params)
        after = _expected(objective, data, halved, np.repeat(half, 2), params)
        changes += (after - before) ** 2
        events += max(before, after)
    return math.sqrt(changes / max(events, 1.0))


def _expected(
    objective: Objective, data: Histogram, edges: Floats, some: Flags, params: Floats
) -> float:
    """Events in some of the fitted bins."""
    bins = Histogram(edges, np.zeros(len(edges) - 1), data.ranges).padded()
    bins.used[: len(some)] &= some
    asked = objective.sibling(objective.kernel, bins)
    asked.deadline = math.inf  # a fit that has ended in time is not lost for that
    asked.hessian(params)
    return asked.evaluate(params)[0] / 2
