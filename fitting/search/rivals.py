"""Candidates that describe the data nearly as well as the best one does.

In data that show little, the highest place of a periodogram, or of a scan with a peak or a step,
may be another than that of the minimum: candidates lie beside minima, and are weighed with the
data's own errors, not with those expected. So all that are within reach of the best, and unlike
each other, are followed to where their minima are, and these are compared. Where the data are
clear there are none but the best one.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from fitting.bounds import Bounds
from fitting.padding import Flags, Floats
from fitting.search.levenberg import approach

REACH = 15.0  # squares more than the best leaves; a candidate is a part of a width off
CLOSE = 10.0  # the same, where both are refined
ALIKE = 0.5  # correlation of two candidates that explain the same
SAME = 0.1  # squares between two that are refined

Predict = Callable[[Floats], tuple[Floats, Floats]]


def distinct_first(columns: Floats, order: NDArray[np.intp], most: int) -> list[int]:
    """Places in that order, but those first, at most so many, whose columns of unit length are
    unlike each other.

    The best candidates are neighbours, at one peak of the data; the next best may be at another.
    """
    first: list[int] = []
    for i in order.tolist():
        if len(first) == most:
            break
        if all(abs(columns[i] @ columns[k]) < ALIKE for k in first):
            first.append(i)
    return [*first, *(i for i in order.tolist() if i not in first)]


def rivals(residuals: Floats, reach: float, least: int, most: int) -> list[int]:
    """Which candidates to follow, by their residuals (candidates, entries), the best first.

    Those within reach of the best that are unlike each other, at most so many; where these are
    fewer than `least`, the best of the others, too.
    """
    squares = squares_of(residuals)
    order = np.argsort(squares, kind="stable")
    near = order[squares[order] < squares[order[0]] + reach]
    if not len(near):
        return order[:least].tolist()
    around = residuals[near] - residuals[np.isfinite(squares)].mean(axis=0)
    columns = around / np.maximum(np.linalg.norm(around, axis=1, keepdims=True), 1e-300)
    first: list[int] = []
    for i in range(len(near)):
        if len(first) < most and all(columns[i] @ columns[k] < ALIKE for k in first):
            first.append(i)
    chosen = near[first].tolist()
    others = [i for i in order.tolist() if i not in chosen]
    return [*chosen, *others[: max(least - len(chosen), 0)]]


def squares_of(residuals: Floats) -> Floats:
    """Of each row of them; infinite where there are none."""
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.sum(residuals * residuals, axis=-1)
    return np.where(np.isfinite(squares), squares, np.inf)


def different(residuals: Floats, order: Sequence[int]) -> list[int]:
    """Those of refined candidates that have not met one before them."""
    found: list[int] = []
    for i in order:
        if all(squares_of(residuals[i] - residuals[k]) > SAME for k in found):
            found.append(i)
    return found


def to_deviance(
    counts: Floats, predict: Predict, start: Floats, bounds: Bounds, free: Flags
) -> tuple[Floats, float]:
    """`start` brought near the minimum of 2 sum(mu - n + n log(n / mu)) by Fisher's scoring, and
    what that is there.

    `predict` gives mu and its derivatives (entries, parameters).
    """

    @np.errstate(over="ignore", invalid="ignore", divide="ignore")
    def linearised(params: Floats) -> tuple[float, Floats, Floats]:
        mu, slopes = predict(params)
        known = mu > 0
        if not (known | ((mu == 0) & (counts == 0))).all():
            return np.inf, np.zeros(len(params)), np.zeros((len(params), len(params)))
        safe = np.where(known, mu, 1.0)
        cost = 2 * float(np.sum(mu - counts + xlogy(counts, counts / safe)))
        weight = np.where(known, 1 / safe, 0.0)
        gradient = 2 * slopes.T @ (1 - counts * weight)
        return cost, gradient, 2 * (slopes * weight[:, None]).T @ slopes

    ended = start
    if np.isfinite(linearised(start)[0]):
        ended, _ = approach(linearised, start, bounds, free, relative=1e-3)
    return ended, linearised(ended)[0]
