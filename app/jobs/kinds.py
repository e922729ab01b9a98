"""What a job can be of: the schemas of its request, and the name of its data."""

from dataclasses import dataclass

from app.schemas.batches import (
    BatchHead,
    HistogramBatchRequest,
    HistogramHead,
    PointsBatchRequest,
    PointsHead,
)
from app.schemas.jobs import HistogramLine, Line, PointsLine


@dataclass(frozen=True)
class Kind:
    """`head` is `request` without what differs from row to row; `data` is what each row has.

    `spread` are fields that all rows may share, or each have their own.
    """

    name: str
    request: type[HistogramBatchRequest] | type[PointsBatchRequest]
    head: type[BatchHead]
    line: type[Line]
    data: str
    spread: tuple[str, ...] = ()


HISTOGRAM = Kind("histogram", HistogramBatchRequest, HistogramHead, HistogramLine, "counts")
POINTS = Kind("xy-errors", PointsBatchRequest, PointsHead, PointsLine, "y", ("x", "x_err", "y_err"))
KINDS = {kind.name: kind for kind in (HISTOGRAM, POINTS)}
