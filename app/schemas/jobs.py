"""What clients send and get where a batch is a job."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from app.schemas.answers import Answer, FitKind
from app.schemas.base import NotNegative, Number, NumberOrList, Positive, Request, Row
from fitting.status import Status, WarningCode


class Line(Request):
    """One row of a job, where it is more than a list of numbers."""

    starts: dict[str, Number] = Field(
        default_factory=dict,
        description="By name: this row's start; of a fixed parameter its value",
    )


class HistogramLine(Line):
    """One histogram."""

    counts: Row[NotNegative]


class PointsLine(Line):
    """One set of points."""

    y: Row[Number]
    x: Row[Number] | None = None
    x_err: NumberOrList[NotNegative] | None = None
    y_err: NumberOrList[Positive] | None = None


class RowCovariance(Answer):
    """Over the parameters that are not fixed; entries of a parameter at a limit are null."""

    parameters: list[str]
    matrix: list[list[float | None]] | None


class JobRow(Answer):
    """A line of a job's results; what is null is explained by `status`, or by `at_limit`.

    An error is also null for a parameter that is fixed.
    """

    row: int = Field(description="Its number in the request, from 0")
    values: dict[str, float | None]
    errors: dict[str, float | None]
    fval: float | None = Field(description="The cost at the minimum, as of a single fit")
    chi2: float | None = Field(description="The same without the logarithms of Berkson errors")
    ndof: int
    valid: bool
    status: Status
    path: Literal["batch", "single"] | None = Field(
        description="batch: fitted with others; single: by itself, as POST /fit/... would"
    )
    edm: float | None = Field(description="Estimated distance to the minimum, in the cost")
    message: str | None = Field(
        None, description="Only of a row that did not converge: what its status means"
    )
    at_limit: list[str] | None = Field(None, description="Only if there are any: parameters")
    warnings: list[WarningCode] | None = Field(None, description="Only if there are any: codes")
    covariance: RowCovariance | None = Field(None, description="Only if it was asked for")


class JobLinks(Answer):
    """Where a job's answer is."""

    results: str
    events: str


class JobAnswer(Answer):
    """A batch that is worked on while nobody waits."""

    id: str
    kind: FitKind
    model: Any = Field(description="The model as it was requested")
    status: Literal["queued", "running", "succeeded", "failed", "cancelled"] = Field(
        description="cancelled: it was deleted; only those who follow it are told"
    )
    message: str | None = Field(description="Why it did not succeed")
    created: datetime
    started: datetime | None = Field(description="null while it is queued")
    finished: datetime | None = Field(description="null until it has ended")
    estimated_end: datetime | None = Field(
        description="By the pace since this server works on it; null until it has done a chunk, "
        "and once it has ended"
    )
    rows: int
    rows_done: int
    statuses: dict[str, int] = Field(description="Rows that are done, by their status")
    chunks: int = Field(
        description="Parts in which rows are fitted and kept; slow ones are cut, so it may grow"
    )
    chunks_done: int
    links: JobLinks
