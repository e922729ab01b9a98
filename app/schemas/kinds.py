"""What a batch or a job can be of: the schemas of its request, and the field of its data."""

from dataclasses import dataclass
from functools import cached_property

from pydantic import TypeAdapter

from app.schemas.batches import (
    BatchHead,
    BatchRequest,
    HistogramBatchRequest,
    HistogramHead,
    PointsBatchRequest,
    PointsHead,
)
from app.schemas.jobs import HistogramLine, Line, PointsLine


@dataclass(frozen=True)
class Kind:
    """`head` is `request` without what differs from row to row; `data` is what each row has.

    `common_or_own` are fields that all rows may share, or each have their own.
    """

    request: type[BatchRequest]
    head: type[BatchHead]
    line: type[Line]
    data: str
    common_or_own: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.request.kind

    @cached_property
    def lines(self) -> TypeAdapter[list[Line]]:
        """What reads rows that are objects."""
        return TypeAdapter(list[self.line])  # type: ignore[name-defined]


HISTOGRAM = Kind(HistogramBatchRequest, HistogramHead, HistogramLine, "counts")
POINTS = Kind(PointsBatchRequest, PointsHead, PointsLine, "y", ("x", "x_err", "y_err"))
KINDS = {kind.name: kind for kind in (HISTOGRAM, POINTS)}
