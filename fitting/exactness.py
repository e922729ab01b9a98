"""Whether the integral of a model over bins is as exact as the data need it.

Models without a cdf are integrated by a rule of some nodes a bin. It is exact to rounding for what
is smooth over a bin, and silently wrong for what is narrower than the distance of its nodes. At the
minimum it is asked again, with each bin halved: by the same kernel, since edges are its arguments.

Bin by bin: against all events, what is missing of a few in one bin would not count. And slopes as
well as expectations: where something narrow stands on a node, or between two, the fit brings the
expectations to what the data say, but a parameter seems to be known far too well, or hardly.
"""

import math

import numpy as np

from fitting.data import Histogram
from fitting.objective import Objective
from fitting.padding import Floats
from fitting.search.newton import Minimum

WORTH_TELLING = 0.01  # standard deviations, or of an error


def inexactness(objective: Objective, data: Histogram, minimum: Minimum) -> float:
    """The larger change: of all expectations, in their statistical errors, or of any error.

    No parameter and no combination of them changes by more, in its own error, nor does its error,
    in parts of it. Where there are no errors, of the expectations. Infinite where the model has no
    value at some node.
    """
    edges = data.edges[data.span.start : data.span.stop + 1]
    halved = np.sort(np.concatenate([edges, (edges[1:] + edges[:-1]) / 2]))
    mu, slopes = _expected(objective, edges, minimum)
    parts, slopes_of_parts = _expected(objective, halved, minimum)
    mu_again = parts.reshape(-1, 2).sum(axis=1)
    slopes_again = slopes_of_parts.reshape(len(mu), 2, -1).sum(axis=1)
    used = data.used
    found = (mu, mu_again, slopes, slopes_again)
    if not all(np.isfinite(rows[used]).all() for rows in found):
        return math.inf  # halved bins have nodes where the model has no value
    weight = 1 / np.sqrt(np.maximum(np.maximum(mu, mu_again), 1.0))[used]
    pulls = (mu_again - mu)[used] * weight
    moved = math.sqrt(pulls @ pulls)
    if not minimum.positive_definite:
        return moved
    before, after = (
        (weight[:, None] * rows[used]) @ _unit_errors(minimum) for rows in (slopes, slopes_again)
    )
    change = np.linalg.norm(after.T @ after - before.T @ before, 2)
    return max(moved, float(change) / 2)


def _expected(objective: Objective, edges: Floats, minimum: Minimum) -> tuple[Floats, Floats]:
    """Events in each bin, and their slopes along the free parameters."""
    bins = Histogram(edges, np.zeros(len(edges) - 1)).padded()
    asked = objective.sibling(objective.kernel, bins)
    asked.deadline = math.inf  # a fit that has ended in time is not lost for that
    # a fit that has estimated its starts has this compiled already
    mu, slopes = (rows[: len(edges) - 1] for rows in asked.jacobian(minimum.values))
    return mu, slopes[:, minimum.free]


def _unit_errors(minimum: Minimum) -> Floats:
    """Independent combinations of the free parameters, one standard deviation each, in columns."""
    spectrum = minimum.spectrum
    assert spectrum is not None
    return math.sqrt(2) * spectrum.basis / np.sqrt(spectrum.values)
