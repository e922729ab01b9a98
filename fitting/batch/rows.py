"""Many data sets of one kind and length: the rows of a batch.

`stack` gives what differs from row to row as one matrix, (rows, fields * length), and `shared`
what a kernel takes once for all of them; `packing.with_row` puts the two together again there.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from fitting.data import Bins, Histogram, Marks, Points
from fitting.entries import MOST_REPORTED, InvalidEntries, Ranges, refuse_where, within
from fitting.errors import InvalidProblem
from fitting.kernels.packing import VARYING
from fitting.padding import Flags, Floats, pad
from fitting.slopes import beside, middle


def refuse_in_rows(wrong: Flags, field: str, message: str) -> None:
    """Raise for the entries of the matrix `field` that are wrong, each with row and column."""
    places = np.argwhere(wrong)[:MOST_REPORTED]
    if len(places):
        raise InvalidEntries([((field, int(r), int(c)), f"{field} {message}") for r, c in places])


def mean_of(rows: Floats) -> Floats:
    """Of each column, between its entries; finite, also where the sum is not."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean: Floats = rows.mean(axis=0)
        if not np.isfinite(mean).all():
            mean = (rows / len(rows)).sum(axis=0)
        return np.clip(mean, rows.min(axis=0), rows.max(axis=0))  # rounded, it may be beyond


@dataclass(frozen=True, eq=False)
class HistogramRows:
    """Counts (rows, bins) between common edges."""

    edges: Floats
    counts: Floats
    ranges: Ranges = ()

    def __post_init__(self) -> None:
        refuse_in_rows(self.counts < 0, "counts", "cannot be negative")

    def __len__(self) -> int:
        return len(self.counts)

    def row(self, i: int) -> Histogram:
        """One data set."""
        return Histogram(self.edges, self.counts[i], self.ranges)

    @cached_property
    def pooled(self) -> Histogram:
        """The mean of all."""
        return Histogram(self.edges, mean_of(self.counts), self.ranges)

    def some(self, places: Any) -> "HistogramRows":
        """The rows at these places."""
        return replace(self, counts=self.counts[places])

    @property
    def length(self) -> int:
        """Length of the padded rows."""
        return self.pooled.length

    @property
    def sizes(self) -> Floats:
        """How many entries each row has."""
        return np.full(len(self), float(self.pooled.size))

    @property
    def has_x_err(self) -> bool:
        return False

    @property
    def is_empty(self) -> Flags:
        """Rows without an event."""
        return np.asarray(~self.stack().any(axis=1))

    @property
    def is_fractional(self) -> Flags:
        """Rows with counts that no counting gives."""
        counts = self.stack()
        return np.asarray((counts != np.rint(counts)).any(axis=1))

    def shared(self) -> Bins:
        """What is the same for all, in the form of one data set."""
        return self.pooled.padded()

    def stack(self) -> Floats:
        """The counts, padded."""
        span, used, length = self.pooled.span, self.pooled.used, self.length
        rows = np.zeros((len(self), length))
        rows[:, : len(used)] = np.where(used, self.counts[:, span], 0.0)
        return rows

    def __reduce__(self) -> Any:
        # whole counts travel between processes in a half of their bytes, or less
        small = self.counts.astype(np.float32)
        counts = small if (small == self.counts).all() else self.counts
        return _histogram_rows, (self.edges, counts, self.ranges)


def _histogram_rows(edges: Floats, counts: Any, ranges: Ranges) -> HistogramRows:
    return HistogramRows(edges, counts.astype(np.float64), ranges)


@dataclass(frozen=True, eq=False)
class PointsRows:
    """Points of rows of one length; what has a single row is common to all (see `Points`).

    Of a common x only the points inside `ranges` are kept, and no ranges.
    """

    x: Floats
    y: Floats
    x_err: Floats
    y_err: Floats
    berkson: bool = False
    ranges: Ranges = ()

    def __post_init__(self) -> None:
        for name in ("x", "x_err", "y_err"):
            array = getattr(self, name)
            if array.shape[1] != self.y.shape[1]:
                raise InvalidProblem(
                    (name,), f"{array.shape[1]} values a row for {self.y.shape[1]} in y"
                )
            if len(array) not in (1, len(self.y)):
                raise InvalidProblem((name,), f"{len(array)} rows for {len(self.y)} in y")
        refuse_in_rows(self.y_err <= 0, "y_err", "must be positive")
        refuse_in_rows(self.x_err < 0, "x_err", "must be positive, or 0 where x is exact")
        missing: Flags = np.asarray(~self._inside.any(axis=1))
        if len(self.x) == 1 and missing[0]:
            raise InvalidProblem(("fit_range",), "no point lies inside the fit range")
        refuse_where(missing, ("x",), lambda i: "no point of this row lies inside the fit range")
        if len(self.x) == 1 and self.ranges:
            self._leave_out(~self._inside[0])

    def _leave_out(self, outside: Flags) -> None:
        """Points that no row has inside its range are forgotten, and so is the range."""
        for name in ("x", "y", "x_err", "y_err"):
            object.__setattr__(self, name, getattr(self, name)[:, ~outside])
        object.__setattr__(self, "ranges", ())
        del self.__dict__["_inside"]

    def __len__(self) -> int:
        return len(self.y)

    def row(self, i: int) -> Points:
        """One data set."""
        x, x_err, y_err = (a[i if len(a) > 1 else 0] for a in (self.x, self.x_err, self.y_err))
        return Points(x, self.y[i], x_err, y_err, self.berkson, self.ranges)

    @cached_property
    def pooled(self) -> Points:
        """The mean of all where they have common x, else one from the middle."""
        middle = self.row(len(self) // 2)
        if len(self.x) > 1 or self.ranges:
            return middle
        return replace(middle, y=mean_of(self.y))

    def some(self, places: Any) -> "PointsRows":
        """The rows at these places."""
        return replace(
            self,
            y=self.y[places],
            **{
                name: array if len(array) == 1 else array[places]
                for name in ("x", "x_err", "y_err")
                for array in [getattr(self, name)]
            },
        )

    @cached_property
    def _inside(self) -> Flags:
        return np.array([within(self.ranges, x) for x in self.x])

    @property
    def length(self) -> int:
        """Length of the padded rows: of all points, those outside a range included."""
        return replace(self.pooled, ranges=()).length

    @property
    def sizes(self) -> Floats:
        """How many entries each row has."""
        return np.broadcast_to(self._inside.sum(axis=1).astype(float), len(self))

    @property
    def has_x_err(self) -> bool:
        return bool(self.x_err.any())

    @property
    def is_empty(self) -> Flags:
        return np.zeros(len(self), dtype=bool)

    @property
    def is_fractional(self) -> Flags:
        return np.zeros(len(self), dtype=bool)

    @property
    def has_one_metric(self) -> bool:
        """Whether all rows have the same x and errors."""
        return len(self.x) == len(self.x_err) == len(self.y_err) == 1

    def shared(self) -> Marks:
        """What is the same for all, in the form of one data set."""
        pooled = replace(self.pooled, ranges=()).padded()
        return pooled._replace(log_weight=np.asarray(float(self.berkson)))

    def stack(self, *, exact: bool = False) -> Floats:
        """The fields of `packing.VARYING`, padded; points outside are one that is inside, unused.

        `exact`: without errors in x.
        """
        inside, first = self._inside, self._inside.argmax(axis=1)[:, None]
        at = np.where(inside, np.arange(self.y.shape[1]), first)

        def taken(array: Floats) -> Floats:
            full = np.broadcast_to(array, self.y.shape)
            return np.take_along_axis(full, np.broadcast_to(at, self.y.shape), axis=1)

        x, y, y_err = taken(self.x), taken(self.y), taken(self.y_err)
        x_err = np.zeros_like(y) if exact else taken(self.x_err)
        blurred = x_err > 0
        moved = beside(x, x_err, middle(x)[:, None])
        anchor = np.take_along_axis(moved, blurred.argmax(axis=1)[:, None], axis=1)
        slopes = np.where(blurred, moved, anchor)
        size, length = self.y.shape[1], self.length
        used = np.zeros((len(self), length))
        used[:, :size] = inside
        fields = [pad(a, length) for a in (x, y, x_err, y_err, slopes)]
        return np.concatenate([*fields, used], axis=1)


def field(stack: Floats, name: str) -> Floats:
    """One of the fields of points, (rows, length), a view of the stack."""
    length = stack.shape[1] // len(VARYING)
    first = VARYING.index(name) * length
    return stack[:, first : first + length]


Rows = HistogramRows | PointsRows
