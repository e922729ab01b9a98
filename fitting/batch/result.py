"""What is known of the rows of a batch, in columns."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fitting.batch.question import Batch
from fitting.kernels.cache import Usage
from fitting.padding import Flags, Floats, Places
from fitting.status import Status, WarningCode

UNKNOWN = -1  # the status of a row that is not done
STATUSES = tuple(Status)
CONVERGED, DEADLINE = STATUSES.index(Status.CONVERGED), STATUSES.index(Status.DEADLINE)


@dataclass(frozen=True, eq=False)
class BatchResult:
    """Columns, NaN where a number is missing; `status` are places in `STATUSES`, or `UNKNOWN`.

    A row may have the numbers of a minimum and no status yet: it is certain, but something better
    may be found. `resume` is from where a row that had no time should go on, `origin` where all
    began that had no starts; `warnings` are by row: all of those that were fitted by themselves, of
    the others that counts are no whole numbers.
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
    resume: Floats
    message: Any  # what is said of a row, if it was fitted by itself
    covariance: Floats | None = None
    warnings: dict[int, tuple[WarningCode, ...]] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    origin: Floats | None = None

    @classmethod
    def empty(cls, batch: Batch, *, covariance: bool) -> "BatchResult":
        """Of a batch of which nothing is known yet."""
        size, count = batch.starts.shape
        nowhere = np.full((size, count), np.nan)
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
            resume=nowhere if batch.resume is None else batch.resume.copy(),
            message=np.full(size, "", dtype=object),
            covariance=np.full((size, count, count), np.nan) if covariance else None,
        )

    @property
    def done(self) -> Flags:
        """Rows that need nothing more."""
        return self.status != UNKNOWN

    @property
    def messages(self) -> dict[str, str]:
        """For each status but converged what is said of the first row that has it."""
        found, firsts = np.unique(self.status, return_index=True)
        pairs = zip(found.tolist(), self.message[firsts], strict=True)
        return {
            STATUSES[status].value: message
            for status, message in pairs
            if status not in (UNKNOWN, CONVERGED)
        }

    @property
    def warned(self) -> dict[str, list[int]]:
        """By the codes of warnings the rows that have them."""
        found: dict[str, list[int]] = {}
        for i in sorted(self.warnings):
            for code in dict.fromkeys(self.warnings[i]):
                found.setdefault(code, []).append(i)
        return found

    def put(self, places: Places, other: "BatchResult") -> None:
        """Take over the rows of a part of the batch.

        A minimum that is known stays where there was no time to find another.
        """
        late = ~other.done | (other.status == DEADLINE)
        new = ~(late & np.isnan(other.edm) & np.isfinite(self.edm[places]))
        for name in COLUMNS:
            getattr(self, name)[places] = getattr(other, name)
        for name in NUMBERS:
            getattr(self, name)[places[new]] = getattr(other, name)[new]
        if self.covariance is not None and other.covariance is not None:
            self.covariance[places[new]] = other.covariance[new]
        for i, place in enumerate(places.tolist()):
            self.warnings[place] = other.warnings.get(i, ())
        self.usage.add(other.usage)


COLUMNS = ("status", "alone", "resume", "message")
NUMBERS = ("values", "errors", "fval", "chi2", "ndof", "edm", "held")
