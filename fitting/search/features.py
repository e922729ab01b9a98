"""What the data look like: candidate positions and lengths for starting values."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from fitting.data import Bins, Data
from fitting.padding import Floats
from models.features import Features

MOST_PERIODS = 30  # in the data's extent


@dataclass(frozen=True, eq=False)
class Outline:
    """Positions x, amounts there (events, or y^2 times spacing), all in the fit range.

    Amounts are relative, as they are in all that is read off them.

    `low` and `high` are the ends of the fitted data: the first and last edge, or x. Several
    predictors have an outline each, that of the first holds the others. `height` is the largest of
    |y|, or of the counts per unit of x.
    """

    x: Floats
    amount: Floats
    low: float
    high: float
    others: tuple["Outline", ...] = ()
    height: float = 1.0

    @classmethod
    def of(cls, data: Data) -> "Outline":
        padded = data.padded()
        used = padded.used
        if isinstance(padded, Bins):
            low, high = data.ends[0]
            centers = (padded.edges[1:] + padded.edges[:-1]) / 2
            with np.errstate(over="ignore"):
                densities = padded.counts[used] / np.diff(padded.edges)[used]
            height = float(densities.max(initial=0.0))
            outline = cls(centers[used], _of_order_one(padded.counts[used]), low, high)
            return replace(outline, height=height)
        # squares: noise far from a peak would otherwise outweigh it
        squares = np.square(_of_order_one(padded.y[used]))
        height = float(np.abs(padded.y[used]).max(initial=0.0))
        if padded.x.ndim > 1:
            first, *others = (cls._marginal(x, squares) for x in padded.x[:, used])
            return replace(first, others=tuple(others), height=height)
        order = np.argsort(padded.x[used], kind="stable")
        return replace(cls._spaced(padded.x[used][order], squares[order]), height=height)

    @classmethod
    def _spaced(cls, x: Floats, squares: Floats) -> "Outline":
        """By y^2 at rising x."""
        spacing = np.abs(np.gradient(_of_order_one(x))) if len(x) > 1 else np.ones(1)
        # the products may be so small that their halves are rounded
        amounts = _of_order_one(squares * _of_order_one(spacing))
        return cls(x, amounts, float(x[0]), float(x[-1]))

    @classmethod
    def _marginal(cls, x: Floats, squares: Floats) -> "Outline":
        """By the mean of y^2 over whatever the other predictors are at each x."""
        places, place_of = np.unique(x, return_inverse=True)
        return cls._spaced(places, np.bincount(place_of, squares) / np.bincount(place_of))

    @property
    def extent(self) -> float:
        """Length of the x range; 1 for a single position."""
        return float(np.ptp(self.x)) or 1.0

    def periods(self) -> tuple[float, ...]:
        """From twice the extent down to two entries, a quarter of a period apart over it."""
        most, extent = min(len(self.x) / 2, MOST_PERIODS), self.extent
        return tuple(extent / k for k in np.arange(0.25, most, 0.25).tolist()) or (extent,)

    def shortest_half(self) -> tuple[float, float]:
        """Middle and length of the shortest interval with half of the amount: the core of a peak.

        P. Rousseeuw and A. Leroy, Statistica Neerlandica 42 (1988) 103 (the shorth).
        """
        below = np.cumsum(self.amount) - self.amount / 2
        firsts = self.x[below <= self.amount.sum() / 2]
        ends = np.interp(below[: len(firsts)] + self.amount.sum() / 2, below, self.x)
        i = int(np.argmin(ends - firsts))
        return float(firsts[i] + ends[i]) / 2, float(ends[i] - firsts[i])

    def quantiles(self, *fractions: float) -> Floats:
        """Positions below which these fractions of the amount lie."""
        below = np.cumsum(self.amount) - self.amount / 2
        return np.interp(np.array(fractions) * self.amount.sum(), below, self.x)


def _of_order_one(values: Floats) -> Floats:
    """Divided by a power of two, which changes no digit, so that no square or sum is infinite."""
    _, exponent = np.frexp(np.abs(values).max(initial=0.0))
    return np.ldexp(values, -exponent)


def few_candidates(outline: Outline, *, squared: bool) -> Features:
    """For a single shape: moments; quantiles and the core where these tell another story.

    `squared`: amounts are squares, whose width is that of the peak over sqrt(2).
    """
    weight = outline.amount / (outline.amount.sum() or 1.0)
    mean = float(weight @ outline.x)
    deviation = float(np.sqrt(weight @ (outline.x - mean) ** 2)) or 0.1 * outline.extent
    low, median, high = (float(q) for q in outline.quantiles(0.25, 0.5, 0.75))
    robust = (high - low) / 1.349 or deviation
    widening = np.sqrt(2.0) if squared else 1.0
    core, length = outline.shortest_half()
    narrow = length / 1.349 or robust
    return Features(
        locations=distinct((mean, median, core), lambda a, b: abs(a - b) <= 0.3 * robust),
        widths=tuple(
            widening * width
            for width in distinct((deviation, robust, narrow), lambda a, b: 0.7 * b < a < 1.4 * b)
        ),
        decay_lengths=(max((2 if squared else 1) * (mean - outline.low), 0.01 * outline.extent),),
        periods=outline.periods(),
        low=outline.low,
        high=outline.high,
        others=tuple(few_candidates(other, squared=squared) for other in outline.others),
        height=outline.height,
    )


def distinct(values: Iterable[float], alike: Callable[[float, float], bool]) -> tuple[float, ...]:
    """Those that are not like an earlier one."""
    found: list[float] = []
    for value in values:
        if not any(alike(value, known) for known in found):
            found.append(value)
    return tuple(found)


def many_candidates(outline: Outline) -> Features:
    """For the terms of a sum: a coarse grid over the whole range."""
    low, extent = outline.low, outline.extent
    return Features(
        locations=tuple(low + extent * (k + 0.5) / 24 for k in range(24)),
        widths=tuple(extent * f for f in (0.015, 0.04, 0.1)),
        decay_lengths=tuple(extent * f for f in (0.05, 0.1, 0.2, 0.4, 0.8, 2.0)),
        periods=outline.periods(),
        low=low,
        high=outline.high,
        others=tuple(map(many_candidates, outline.others)),
        height=outline.height,
    )
