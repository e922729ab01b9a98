"""Many data sets, one model: the question of a batch, and its answer in columns.

batch             the question; `problem(i)` is that of one row alone
batch_starts      starting values of all rows
batch_descent     Newton's method on all rows at once
batch_verdict     which rows are certain; the others are fitted one by one, with all means
batch_fit         one after the other, for as long as there is time
"""

from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from fitting.bounds import Bounds
from fitting.data import Data
from fitting.entries import refuse_where
from fitting.kernels import KernelKey, Usage
from fitting.padding import Flags, Floats
from fitting.problem import FitProblem, Knowledge, describe, with_ends
from fitting.result import Status
from fitting.rows import HistogramRows, Rows
from models.model import Model

UNKNOWN = -1  # the status of a row that is not done
STATUSES = tuple(Status)


@dataclass(frozen=True, eq=False)
class Batch:
    """The same question about each row.

    `starts` (rows, parameters) are each row's own, NaN where it has none; those of fixed
    parameters are the values at which they are fixed.
    """

    model: Model
    rows: Rows
    knowledge: tuple[Knowledge, ...]
    starts: Floats
    absolute_sigma: bool = True

    def __post_init__(self) -> None:
        counting = isinstance(self.rows, HistogramRows)
        pairs = zip(self.model.parameters, self.knowledge, strict=True)
        for k, (parameter, known) in enumerate(pairs):
            natural = parameter.limits(counting=counting)
            lower, upper = natural if known.limits is None else known.limits
            starts = self.starts[:, k]
            with np.errstate(invalid="ignore"):
                outside = starts < (-np.inf if lower is None else lower)
                outside |= starts > (np.inf if upper is None else upper)
            limits = describe((lower, upper))
            refuse_where(outside, ("starts", parameter.name), partial(_outside, limits))
        _ = self.pooled  # refuses what cannot be meant

    def __len__(self) -> int:
        return len(self.rows)

    def some(self, places: Any) -> "Batch":
        """The question about the rows at these places."""
        return replace(self, rows=self.rows.some(places), starts=self.starts[places])

    def problem(self, i: int) -> FitProblem:
        """The question about one row."""
        return self._ask(self.rows.row(i), self.starts[i])

    @cached_property
    def pooled(self) -> FitProblem:
        """The question about all rows together."""
        with np.errstate(invalid="ignore"):
            known = ~np.isnan(self.starts).any(axis=0)
            starts = np.where(known, self.starts.mean(axis=0), np.nan)
        return self._ask(self.rows.pooled, starts)

    def _ask(self, data: Data, starts: Floats) -> FitProblem:
        own = zip(self.knowledge, starts.tolist(), strict=True)
        knowledge = [k if s != s else replace(k, start=s) for k, s in own]
        return FitProblem(
            self.model, data, with_ends(self.model, data, knowledge), self.absolute_sigma
        )

    @property
    def bounds(self) -> Bounds:
        """The same for all rows."""
        return self.pooled.bounds

    @property
    def cost(self) -> str:
        """The name of the cost function, that of the row which needs most."""
        if isinstance(self.rows, HistogramRows):
            return "poisson"
        return "effective-variance" if self.rows.has_x_err else "least-squares"

    @cached_property
    def kernel_key(self) -> KernelKey:
        """What the rows need compiled."""
        return KernelKey(self.cost, self.model, self.rows.length)

    @property
    def ndof(self) -> Floats:
        """Degrees of freedom of each row."""
        return self.rows.sizes + (self.pooled.ndof - self.pooled.data.size)

    @property
    def is_linear(self) -> bool:
        """Whether the cost is convex: a minimum is the only one."""
        pairs = zip(self.pooled.parameters, self.bounds.fixed, strict=True)
        return self.cost != "effective-variance" and all(p.linear or f for p, f in pairs)


def _outside(limits: str, _: int) -> str:
    return f"start is outside the limits {limits}; move it"


@dataclass(frozen=True, eq=False)
class BatchResult:
    """Columns, NaN where a number is missing; `status` are places in `STATUSES`, or `UNKNOWN`.

    A row may have the numbers of a minimum and no status yet: it is certain, but something better
    may be found. `starts` is from where a row that is not done should go on, `origin` where all
    began that had no starts.
    """

    values: Floats
    errors: Floats
    fval: Floats
    chi2: Floats
    ndof: Floats
    edm: Floats
    status: Any
    alone: Flags  # fitted, or to be fitted, by itself
    held: Flags
    starts: Floats
    covariance: Floats | None = None
    messages: dict[str, str] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    origin: Floats | None = None

    @classmethod
    def empty(cls, batch: Batch, *, covariance: bool) -> "BatchResult":
        """Of a batch of which nothing is known yet."""
        size, count = batch.starts.shape
        return cls(
            values=np.full((size, count), np.nan),
            errors=np.full((size, count), np.nan),
            fval=np.full(size, np.nan),
            chi2=np.full(size, np.nan),
            ndof=batch.ndof,
            edm=np.full(size, np.nan),
            status=np.full(size, UNKNOWN, dtype=np.int8),
            alone=np.zeros(size, dtype=bool),
            held=np.zeros((size, count), dtype=bool),
            starts=batch.starts.copy(),
            covariance=np.full((size, count, count), np.nan) if covariance else None,
        )

    @property
    def done(self) -> Flags:
        """Rows that need nothing more."""
        return self.status != UNKNOWN

    def put(self, places: Any, other: "BatchResult") -> None:
        """Take over the rows of a part of the batch."""
        for name in COLUMNS:
            getattr(self, name)[places] = getattr(other, name)
        if self.covariance is not None:
            self.covariance[places] = other.covariance
        self.messages.update({k: v for k, v in other.messages.items() if k not in self.messages})
        self.usage.compile_s += other.usage.compile_s
        self.usage.compiled += other.usage.compiled
        self.usage.loaded += other.usage.loaded


COLUMNS = (
    "values",
    "errors",
    "fval",
    "chi2",
    "edm",
    "status",
    "alone",
    "held",
    "starts",
)
