"""What is known of the rows of a batch, in columns."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fitting.batch.question import Batch
from fitting.kernels.cache import Usage
from fitting.padding import Flags, Floats
from fitting.result import Status

UNKNOWN = -1  # the status of a row that is not done
STATUSES = tuple(Status)


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
