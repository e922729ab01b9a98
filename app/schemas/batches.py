"""What clients send and get where many data sets are fitted with one model."""

from typing import Annotated, Any, Literal

from pydantic import Field, Tag

from app.schemas.answers import Answer, BatchTiming, FitKind, KernelAnswer
from app.schemas.arrays import OrArray, dimensions
from app.schemas.base import (
    Edges,
    FitRange,
    N,
    NotNegative,
    Number,
    NumberOrList,
    OneOrMore,
    Positive,
    Request,
    Row,
    choose,
    is_list,
    is_list_of_lists,
)
from app.schemas.requests import (
    AbsoluteSigma,
    Asked,
    HistogramRequest,
    PointsRequest,
    XErrorModel,
)
from fitting.status import Status, WarningCode

Matrix = Annotated[list[OneOrMore[N]], Field(fail_fast=True, min_length=1), OrArray(2)]


def is_matrix(value: Any) -> bool:
    return is_list_of_lists(value) or dimensions(value) == 2


def is_row(value: Any) -> bool:
    return is_list(value) or isinstance(value, dict)


ListOrMatrix = Annotated[
    Annotated[Matrix[Number], Tag("matrix")] | Annotated[Row[Number], Tag("list")],
    choose(matrix=is_matrix, list=lambda _: True),
]
Errors = Annotated[
    Annotated[Matrix[N], Tag("matrix")]
    | Annotated[Row[N], Tag("list")]
    | Annotated[N, Tag("number")],
    choose(matrix=is_matrix, list=is_row, number=lambda _: True),
]


class BatchHead(Asked):
    """What both batches share, their rows aside."""

    covariance: bool = Field(False, description="Give each row's covariance matrix, too")


class Starts(Request):
    """Starts of each row."""

    starts: dict[str, Row[Number]] = Field(
        default_factory=dict,
        description="By name: a start for each row; of a fixed parameter its value in each row",
    )


class BatchRequest(BatchHead, Starts):
    """What both batches share where their rows are in the body."""


class HistogramHead(BatchHead):
    """Fits of one model to many histograms of the same bins, which come later: one a line."""

    kind = HistogramRequest.kind

    edges: Edges
    fit_range: FitRange | None = Field(
        None, description="[lo, hi] or several; bins wholly inside are fitted"
    )


class HistogramBatchRequest(HistogramHead, BatchRequest):
    """Fits of one model to many histograms of the same bins."""

    arrays = ("edges", "counts")

    counts: Matrix[NotNegative] = Field(description="A row for each histogram")


class PointsOptions(BatchHead):
    """What is said of all sets of points."""

    kind = PointsRequest.kind

    x_error_model: XErrorModel = "classical"
    fit_range: FitRange | None = Field(
        None, description="[lo, hi] or several; points inside are fitted"
    )
    absolute_sigma: AbsoluteSigma = None


class PointsHead(PointsOptions):
    """Fits of one model to many sets of points, which come later: one a line."""

    x: Row[Number] | None = Field(None, description="For all rows; left out: each line has its own")
    x_err: NumberOrList[NotNegative] | None = Field(
        None, description="For all rows; left out: x is exact, or each line has its own"
    )
    y_err: NumberOrList[Positive] | None = Field(
        None, description="For all rows; left out: equal weights, or each line has its own"
    )


class PointsBatchRequest(PointsOptions, BatchRequest):
    """Fits of one model to many sets of points, each of the same number."""

    arrays = ("x", "y", "x_err", "y_err")

    x: ListOrMatrix = Field(description="One list for all rows, or a row for each")
    y: Matrix[Number] = Field(description="A row for each set of points")
    x_err: Errors[NotNegative] | None = Field(
        None, description="A number, a list for all rows, or a row for each; left out: x is exact"
    )
    y_err: Errors[Positive] | None = Field(
        None,
        description="A number, a list for all rows, or a row for each; left out: equal weights, "
        "covariance scaled by the reduced chi-square",
    )


Column = list[float | None]


class BatchCovariance(Answer):
    """Matrices over the parameters that are not fixed; null where a row has none."""

    parameters: list[str]
    matrices: list[list[Column] | None] = Field(
        description="Entries of a parameter at a limit are null"
    )


class BatchAnswer(Answer):
    """Columns with an entry for each row; what is null is explained by the row's `status`.

    A row for which there was no time to try everything has the status `deadline`; the minimum that
    was found until then, if any, is in the columns.

    An error is also null for a parameter that is fixed, or at a limit in that row (`at_limit`).
    """

    kind: FitKind
    model: Any = Field(description="The model as it was requested")
    rows: int
    parameters: list[str]
    values: dict[str, Column]
    errors: dict[str, Column]
    fval: Column = Field(description="The cost at the minimum, as of a single fit")
    chi2: Column = Field(description="The same without the logarithms of Berkson errors")
    ndof: int | list[int] = Field(description="One number if it is the same for all rows")
    valid: list[bool]
    status: list[Status]
    messages: dict[str, str] = Field(
        description="For each status but converged, what it means; of several such rows the first"
    )
    path: list[Literal["batch", "single"] | None] = Field(
        description="batch: fitted with the others; single: by itself, as POST /fit/... would"
    )
    edm: Column = Field(description="Estimated distance to the minimum, in the cost")
    at_limit: dict[str, list[int]] = Field(
        description="The rows in which a parameter is at a limit"
    )
    warnings: dict[WarningCode, list[int]] = Field(
        description="By code the rows that have such a warning; of rows that were fitted together "
        "`fractional-counts` alone"
    )
    covariance: BatchCovariance | None = None
    timing_ms: BatchTiming
    kernel: KernelAnswer
