"""The two kinds of data, as the client sent them and as a compiled kernel takes them.

`Histogram` and `Points` are validated, immutable and of any length; `padded` gives the
arguments of a kernel: float64 arrays of a bucket length and a mask of the entries that count.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from fitting.errors import InvalidProblem, Path
from fitting.padding import Flags, Floats, bucket_length, pad

Leaf = Any  # a NumPy array on the host, a JAX array inside a kernel
Ranges = tuple[tuple[float, float], ...]


class Bins(NamedTuple):
    """A padded histogram: edges (length + 1,), counts and used (length,)."""

    edges: Leaf
    counts: Leaf
    used: Leaf

    @staticmethod
    def sizes(length: int) -> tuple[int, ...]:
        """Number of entries of each field."""
        return length + 1, length, length


class Marks(NamedTuple):
    """Padded points, all (length,); `x_slope` is where f' is taken, `log_weight` a scalar.

    `x_slope` equals x where x_err > 0, and elsewhere a point at which f' is needed anyway, so
    that a slope which is infinite at an exactly known x cannot spoil the gradient.
    """

    x: Leaf
    y: Leaf
    x_err: Leaf
    y_err: Leaf
    x_slope: Leaf
    log_weight: Leaf
    used: Leaf

    @staticmethod
    def sizes(length: int) -> tuple[int, ...]:
        """Number of entries of each field."""
        return length, length, length, length, length, 1, length


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts between rising edges; `ranges` limits the fit to the bins wholly inside."""

    edges: Floats
    counts: Floats
    ranges: Ranges = ()

    def __post_init__(self) -> None:
        if len(self.edges) != len(self.counts) + 1:
            raise InvalidProblem(
                ("edges",),
                f"{len(self.edges)} edges for {len(self.counts)} counts; "
                f"{len(self.counts)} bins have {len(self.counts) + 1} edges",
            )
        refuse_where(
            np.diff(self.edges) <= 0,
            "edges",
            lambda i: f"edge is {self.edges[i + 1]:g} after {self.edges[i]:g}; edges must rise",
            offset=1,
        )
        refuse_where(
            self.counts < 0,
            "counts",
            lambda i: f"count is {self.counts[i]:g}; counts cannot be negative",
        )
        if not self._in_range.any():
            raise InvalidProblem(
                ("fit_range",),
                "no bin lies wholly inside the fit range; "
                f"the histogram covers {self.edges[0]:g} to {self.edges[-1]:g}",
            )

    @cached_property
    def _in_range(self) -> Flags:
        inside = within(self.ranges, self.edges)
        if not self.ranges:
            return inside[:-1]
        # both edges in the same range, not in two neighbouring ones
        lows, highs = self.edges[:-1], self.edges[1:]
        return np.any([(lows >= lo) & (highs <= hi) for lo, hi in self.ranges], axis=0)

    @cached_property
    def span(self) -> slice:
        """From the first to the last bin of the fit; bins outside need not be computed."""
        used = np.flatnonzero(self._in_range)
        return slice(int(used[0]), int(used[-1]) + 1)

    @property
    def used(self) -> Flags:
        """Which bins of the span are fitted."""
        return self._in_range[self.span]

    @property
    def ends(self) -> tuple[float, float]:
        """The first and the last edge of the fit."""
        return float(self.edges[self.span.start]), float(self.edges[self.span.stop])

    @property
    def size(self) -> int:
        """Number of bins fitted."""
        return int(self.used.sum())

    @property
    def length(self) -> int:
        """Length of the padded arrays."""
        return bucket_length(len(self.used))

    @property
    def has_x_err(self) -> bool:
        """Never: the edges of bins are exact."""
        return False

    @property
    def is_empty(self) -> bool:
        """No event in any fitted bin."""
        return not self.counts[self.span][self.used].any()

    def padded(self) -> Bins:
        """Padding bins have no width, no count and no weight."""
        span, length = self.span, self.length
        size = span.stop - span.start
        counts, used = np.zeros(length), np.zeros(length, dtype=bool)
        used[:size] = self.used
        counts[:size] = self.counts[span]
        counts[~used] = 0
        return Bins(pad(self.edges[span.start : span.stop + 1], length + 1), counts, used)


@dataclass(frozen=True, eq=False)
class Points:
    """Points with errors; `x_err` is zero where x is exact, `berkson` says what x is.

    Classical: x is a noisy reading of the true value. Berkson: x was set and the true value
    scatters about it, so the cost has the logarithm of the effective variance.
    """

    x: Floats
    y: Floats
    x_err: Floats
    y_err: Floats
    berkson: bool = False
    ranges: Ranges = ()

    def __post_init__(self) -> None:
        for name in ("y", "x_err", "y_err"):
            if len(getattr(self, name)) != len(self.x):
                raise InvalidProblem(
                    (name,), f"{len(getattr(self, name))} values for {len(self.x)} in x"
                )
        refuse_where(
            self.y_err <= 0, "y_err", lambda i: f"y_err is {self.y_err[i]:g}; it must be positive"
        )
        refuse_where(
            self.x_err < 0,
            "x_err",
            lambda i: f"x_err is {self.x_err[i]:g}; it must be positive, or 0 where x is exact",
        )
        if not self.inside.any():
            raise InvalidProblem(
                ("fit_range",),
                "no point lies inside the fit range; "
                f"x covers {self.x.min():g} to {self.x.max():g}",
            )

    @cached_property
    def inside(self) -> Flags:
        """Which points are fitted."""
        return within(self.ranges, self.x)

    @property
    def ends(self) -> tuple[float, float]:
        """The smallest and the largest x of the fit."""
        x = self.x[self.inside]
        return float(x.min()), float(x.max())

    @property
    def size(self) -> int:
        """Number of points fitted."""
        return int(self.inside.sum())

    @property
    def length(self) -> int:
        """Length of the padded arrays."""
        return bucket_length(self.size)

    @property
    def has_x_err(self) -> bool:
        """Whether any fitted point has an error in x."""
        return bool(self.x_err[self.inside].any())

    @property
    def is_empty(self) -> bool:
        """Never: a point that is there says something, a bin without events may not."""
        return False

    def softened(self) -> "Points":
        """Errors in x turned into errors in y by one slope for all, the range of y over that of x.

        Where errors in x are large, a fit that knows nothing of them follows single points.
        """
        x, y = self.x[..., self.inside], self.y[self.inside]
        slope = float(np.ptp(y) / (np.ptp(x) or 1.0))
        y_err = np.hypot(self.y_err, slope * self.x_err)
        return replace(self, x_err=np.zeros_like(self.x_err), y_err=y_err)

    def padded(self) -> Marks:
        """Padding repeats the last point, without weight."""
        inside, length = self.inside, self.length
        x, x_err = self.x[inside], self.x_err[inside]
        blurred = x_err > 0
        anchor = x[blurred][0] if blurred.any() else x[0]
        return Marks(
            x=pad(x, length),
            y=pad(self.y[inside], length),
            x_err=pad(x_err, length),
            y_err=pad(self.y_err[inside], length),
            x_slope=pad(np.where(blurred, x, anchor), length),
            log_weight=np.asarray(float(self.berkson)),
            used=np.arange(length) < len(x),
        )


Data = Histogram | Points


def within(ranges: Ranges, x: Floats) -> Flags:
    """Which x lie in one of the ranges, ends included; all, where there are none."""
    if not ranges:
        return np.ones(len(x), dtype=bool)
    return np.any([(x >= lo) & (x <= hi) for lo, hi in ranges], axis=0)


MOST_REPORTED = 20


class InvalidEntries(InvalidProblem):
    """Several entries of one array are wrong."""

    def __init__(self, problems: Sequence[tuple[Path, str]]):
        super().__init__(*problems[0])
        self.problems = problems


def refuse_where(wrong: Flags, name: str, message: Callable[[int], str], offset: int = 0) -> None:
    """Raise for the entries that are wrong, each with its index."""
    entries = np.flatnonzero(wrong)[:MOST_REPORTED]
    if len(entries):
        raise InvalidEntries([((name, int(i) + offset), message(int(i))) for i in entries])
