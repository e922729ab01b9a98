"""Data at a coarse grain: starting values need the outline, not a million bins."""

from itertools import pairwise

import numpy as np

from fitting.data import LARGEST, Data, Histogram, Points
from fitting.padding import Floats

GRAINS = 128
SCATTERED = 1024  # points in several dimensions, where neighbours cannot be merged
GOLDEN = (5**0.5 - 1) / 2
SMALLEST = float(np.finfo(float).smallest_subnormal)


def coarsen(data: Data) -> Data:
    """Fewer entries that say the same, about 128; or `data` itself where it has hardly more."""
    if isinstance(data, Points) and data.inputs > 1:
        return data if data.length <= SCATTERED else _thin_points(data)
    if data.length <= GRAINS:
        return data
    coarse = _merge_bins(data) if isinstance(data, Histogram) else _merge_points(data)
    return coarse if coarse.length < data.length else data


def _merge_bins(data: Histogram) -> Histogram:
    """Groups of neighbouring bins, all of them fitted or none."""
    span, used = data.span, data.used
    borders = np.flatnonzero(np.diff(used)) + 1
    group = -(-len(used) // max(GRAINS - len(borders) - 1, GRAINS // 4))
    firsts = np.union1d(np.arange(0, len(used), group), borders)
    edges = data.edges[span.start : span.stop + 1]
    with np.errstate(over="ignore"):
        counts = np.add.reduceat(np.where(used, data.counts[span], 0.0), firsts)
    runs = pairwise([0, *borders, len(used)])
    return Histogram(
        edges=np.append(edges[firsts], edges[-1]),
        counts=np.minimum(counts, LARGEST),
        ranges=tuple((float(edges[a]), float(edges[b])) for a, b in runs if used[a]),
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
