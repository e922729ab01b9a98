"""The two kinds of data, as the client sent them and as a compiled kernel takes them.

`Histogram` and `Points` are validated, immutable and of any length; `padded` gives the
arguments of a kernel: float64 arrays of a bucket length and a mask of the entries that count.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from fitting.bare import Bare
from fitting.entries import Ranges, refuse_where, within
from fitting.errors import InvalidProblem, Path
from fitting.padding import Flags, Floats, bucket_length, pad
from fitting.slopes import anchors, slope_places

ROUNDED = 1e-9  # of a bin: 3 * 0.1 is not 0.3
POSITIVE = "it must be positive"
FOR_COUNTS = (
    f"{POSITIVE}; leave this point out, or give it an error (where x alone has errors, one far "
    "below what these make of y); counts are fitted as a histogram, which needs no errors"
)
LARGEST = float(np.finfo(float).max)  # what is larger counts as this

Leaf = Any  # a NumPy array on the host, a JAX array inside a kernel


class Bins(NamedTuple):
    """A padded histogram: edges (length + 1,), counts and used (length,)."""

    edges: Leaf
    counts: Leaf
    used: Leaf

    @staticmethod
    def shapes(length: int, inputs: int) -> tuple[tuple[int, ...], ...]:
        """The shape of each field; histograms have one predictor."""
        return (length + 1,), (length,), (length,)

    def block(self, first: int, length: int) -> "Bins":
        """So many bins from `first` on."""
        end = first + length
        return Bins(self.edges[first : end + 1], self.counts[first:end], self.used[first:end])


class Marks(NamedTuple):
    """Padded points, all (length,); `x_slope` is where f' is taken, `log_weight` a scalar.

    `x_slope` is beside x (see `slopes`) where x_err > 0, and elsewhere a point at which f' is
    needed anyway, so that a slope which is infinite at an exactly known x cannot spoil the
    gradient.

    Of several predictors x and x_err are (inputs, length), and x_slope is (inputs + 1, inputs): in
    row j the point at which df/dx_j is taken for those points whose x_j is exact, in the last the
    middle of each predictor.
    """

    x: Leaf
    y: Leaf
    x_err: Leaf
    y_err: Leaf
    x_slope: Leaf
    log_weight: Leaf
    used: Leaf

    @staticmethod
    def shapes(length: int, inputs: int) -> tuple[tuple[int, ...], ...]:
        """The shape of each field, for so many predictors."""
        one = (length,)
        x, x_slope = (one, one) if inputs == 1 else ((inputs, length), (inputs + 1, inputs))
        return x, one, x, one, x_slope, (1,), one

    def block(self, first: int, length: int) -> "Marks":
        """So many points from `first` on."""
        part = slice(first, first + length)
        return Marks(
            x=self.x[..., part],
            y=self.y[part],
            x_err=self.x_err[..., part],
            y_err=self.y_err[part],
            x_slope=self.x_slope[part] if self.x_slope.ndim == 1 else self.x_slope,
            log_weight=self.log_weight,
            used=self.used[part],
        )


@dataclass(frozen=True, eq=False)
class Histogram(Bare):
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
            ("edges",),
            lambda i: f"edge is {self.edges[i + 1]:g} after {self.edges[i]:g}; edges must rise",
            offset=1,
        )
        refuse_where(
            self.counts < 0,
            ("counts",),
            lambda i: (
                f"count is {self.counts[i]:g}; counts cannot be negative: what has been "
                "subtracted from is fitted as points, with the errors that it has"
            ),
        )
        if not self._in_range.any():
            raise InvalidProblem(
                ("fit_range",),
                "no bin lies wholly inside the fit range; "
                f"the histogram covers {self.edges[0]:g} to {self.edges[-1]:g}",
            )

    @cached_property
    def _in_range(self) -> Flags:
        lows, highs = self.edges[:-1], self.edges[1:]
        inside = np.full(len(self.counts), not self.ranges)
        slack = ROUNDED * (highs - lows)
        for lo, hi in self.ranges:
            # both edges in the same range, not in two neighbouring ones
            inside |= (lows >= lo - slack) & (highs <= hi + slack)
        return inside

    @cached_property
    def span(self) -> slice:
        """From the first to the last bin of the fit; bins outside need not be computed."""
        used = np.flatnonzero(self._in_range)
        return slice(int(used[0]), int(used[-1]) + 1)

    @property
    def used(self) -> Flags:
        """Which bins of the span are fitted."""
        return self._in_range[self.span]

    def fitted(self, entries: Floats) -> Floats:
        """Of one number for each bin of the span, and perhaps of padding, those of fitted bins."""
        return entries[: len(self.used)][self.used]

    @property
    def fitted_counts(self) -> Floats:
        """Those of the fitted bins."""
        return self.fitted(self.counts[self.span])

    @property
    def intervals(self) -> Floats:
        """From where to where each fitted bin goes, (bins, 2)."""
        return np.stack([self.edges[:-1], self.edges[1:]], axis=1)[self._in_range]

    @property
    def ends(self) -> Ranges:
        """The first and the last edge of the fit."""
        return ((float(self.edges[self.span.start]), float(self.edges[self.span.stop])),)

    @cached_property
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

    @cached_property
    def mean_count(self) -> float:
        """Events of a fitted bin."""
        return float(self.fitted_counts.mean())

    @property
    def is_empty(self) -> bool:
        """No event in any fitted bin."""
        return not self.fitted_counts.any()

    @property
    def is_fractional(self) -> bool:
        """Whether there are counts that no counting gives."""
        counts = self.fitted_counts
        return bool((counts != np.rint(counts)).any())

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
class Points(Bare):
    """Points with errors; `x_err` is zero where x is exact, `berkson` says what x is.

    Classical: x is a noisy reading of the true value. Berkson: x was set and the true value
    scatters about it, so the cost has the logarithm of the effective variance.

    With several predictors x and x_err are (inputs, points), and `box` limits the fit to points
    whose every x lies in one of its own ranges.
    """

    x: Floats
    y: Floats
    x_err: Floats
    y_err: Floats
    berkson: bool = False
    ranges: Ranges = ()
    box: tuple[Ranges, ...] = ()

    def __post_init__(self) -> None:
        for name in ("y", "x_err", "y_err"):
            if getattr(self, name).shape[-1] != self.x.shape[-1]:
                raise InvalidProblem(
                    (name,),
                    f"{getattr(self, name).shape[-1]} values for {self.x.shape[-1]} in x",
                )
        refuse_where(
            self.y_err <= 0,
            ("y_err",),
            lambda i: f"y_err is {self.y_err[i]:g}; {POSITIVE if self.y_err[i] else FOR_COUNTS}",
        )
        for j, row in enumerate(np.atleast_2d(self.x_err)):
            refuse_negative_x_err(row, ("x_err",) if self.inputs == 1 else ("x_err", j))
        if not self.inside.any():
            covers = " and ".join(f"{x.min():g} to {x.max():g}" for x in np.atleast_2d(self.x))
            raise InvalidProblem(
                ("fit_range",), f"no point lies inside the fit range; x covers {covers}"
            )

    @property
    def inputs(self) -> int:
        """Number of predictors."""
        return 1 if self.x.ndim == 1 else len(self.x)

    @cached_property
    def inside(self) -> Flags:
        """Which points are fitted."""
        if not self.box:
            return within(self.ranges, np.atleast_2d(self.x)[0])
        columns = zip(self.box, self.x, strict=True)
        return np.all([within(ranges, x) for ranges, x in columns], axis=0)

    @property
    def ends(self) -> Ranges:
        """The smallest and the largest x of the fit, of each predictor."""
        columns = np.atleast_2d(self.x)[:, self.inside]
        return tuple((float(x.min()), float(x.max())) for x in columns)

    @cached_property
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
        return bool(self.x_err[..., self.inside].any())

    @property
    def is_empty(self) -> bool:
        """Never: a point that is there says something, a bin without events may not."""
        return False

    def softened(self) -> "Points":
        """Errors in x turned into errors in y by one slope for all, the range of y over that of x.

        Where errors in x are large, a fit that knows nothing of them follows single points.
        """
        # of halves every difference is a number
        y_err, height = self.y_err, float(np.ptp(self.y[self.inside] / 2))
        with np.errstate(over="ignore"):
            for x, x_err in zip(np.atleast_2d(self.x), np.atleast_2d(self.x_err), strict=True):
                slope = np.minimum(height / (np.ptp(x[self.inside] / 2) or 0.5), LARGEST)
                y_err = np.minimum(np.hypot(y_err, slope * x_err), LARGEST)
        return replace(self, x_err=np.zeros_like(self.x_err), y_err=y_err)

    def padded(self) -> Marks:
        """Padding repeats the last point, without weight."""
        inside, length = self.inside, self.length
        x, x_err = self.x[..., inside], self.x_err[..., inside]
        return Marks(
            x=pad(x, length),
            y=pad(self.y[inside], length),
            x_err=pad(x_err, length),
            y_err=pad(self.y_err[inside], length),
            x_slope=anchors(x, x_err) if x.ndim > 1 else pad(slope_places(x, x_err), length),
            log_weight=np.asarray(float(self.berkson)),
            used=np.arange(length) < self.size,
        )


Data = Histogram | Points


def refuse_negative_x_err(x_err: Floats, path: Path) -> None:
    """Raise for errors of one predictor that are no errors."""
    refuse_where(
        x_err < 0,
        path,
        lambda i: f"x_err is {x_err[i]:g}; it must be positive, or 0 where x is exact",
    )
