"""Data at a coarse grain: starting values need the outline, not a million bins."""

import numpy as np

from fitting.data import LARGEST, Data, Histogram, Points
from fitting.padding import Floats

GRAINS = 128
SCATTERED = 1024  # points in several dimensions, where neighbours cannot be merged
GOLDEN = (5**0.5 - 1) / 2
SMALLEST = float(np.finfo(float).smallest_subnormal)


def coarsen(data: Data) -> Data:
    """At most about 128 entries that say the same, or `data` itself if it has no more."""
    if isinstance(data, Points) and data.inputs > 1:
        return data if data.length <= SCATTERED else _thin_points(data)
    if data.length <= GRAINS:
        return data
    return _merge_bins(data) if isinstance(data, Histogram) else _merge_points(data)


def _merge_bins(data: Histogram) -> Histogram:
    """Groups of neighbouring bins, never across the end of a fit range."""
    span, used = data.span, data.used
    group = -(-len(used) // (GRAINS - 2 * len(data.ranges) - 1))
    borders = np.flatnonzero(np.diff(used)) + 1
    firsts = np.union1d(np.arange(0, len(used), max(group, 1)), borders)
    edges = data.edges[span.start : span.stop + 1]
    with np.errstate(over="ignore"):
        counts = np.add.reduceat(np.where(used, data.counts[span], 0.0), firsts)
    return Histogram(
        edges=np.append(edges[firsts], edges[-1]),
        counts=np.minimum(counts, LARGEST),
        ranges=data.ranges,
    )


def _thin_points(data: Points) -> Points:
    """Some points of several predictors, spread over all.

    In order of the predictors; the golden section is far from every ratio of whole numbers, so
    that no row of a grid is met at the same places as the row before.
    """
    inside = np.flatnonzero(data.inside)
    order = inside[np.lexsort((data.y[inside], *data.x[::-1, inside]))]
    steps = (np.arange(SCATTERED) * GOLDEN) % 1.0
    some = order[np.unique((steps * len(order)).astype(int))]
    return Points(
        x=data.x[:, some],
        y=data.y[some],
        x_err=np.zeros((data.inputs, len(some))),
        y_err=data.y_err[some],
        berkson=data.berkson,
    )


def _merge_points(data: Points) -> Points:
    """Weighted means of points that are neighbours in x."""
    inside = data.inside
    order = np.argsort(data.x[inside], kind="stable")
    x, y = data.x[inside][order], data.y[inside][order]
    y_err = data.y_err[inside][order]
    firsts = np.unique(np.linspace(0, len(x), GRAINS, endpoint=False).astype(int))
    sizes = np.diff(firsts, append=len(x))
    # relative to the smallest of each group, whose square may be none
    smallest = np.minimum.reduceat(y_err, firsts)
    weight = (np.repeat(smallest, sizes) / y_err) ** 2
    total = np.add.reduceat(weight, firsts)
    share = weight / np.repeat(total, sizes)

    def mean(values: Floats) -> Floats:
        return np.add.reduceat(values * share, firsts)

    return Points(
        x=mean(x),
        y=mean(y),
        x_err=np.zeros(len(firsts)),
        y_err=np.maximum(smallest / np.sqrt(total), SMALLEST),
        berkson=data.berkson,
    )
