"""The bodies of the two fits."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, Tag
from pydantic.types import Strict

from app.schemas.answers import FitKind
from app.schemas.base import (
    Columns,
    Edges,
    FitRange,
    Minos,
    NotNegative,
    Number,
    NumberOrList,
    PointsRange,
    Positive,
    Request,
    Row,
    XErrors,
    choose,
    is_object,
)
from app.schemas.models import ModelSpec

Limit = Number | None


class Constraint(Request):
    """Gaussian knowledge from elsewhere: adds ((parameter - value) / sigma)^2 to the cost."""

    value: Number
    sigma: Positive


class ParameterSettings(Request):
    """What is known of one parameter."""

    start: Number | None = None
    limits: Annotated[tuple[Limit, Limit], Strict(False)] | None = Field(
        None, description="[lower, upper], null for none; left out: the shape's natural limits"
    )
    fixed: bool = Field(False, description="Hold the parameter at its start")
    constraint: Constraint | None = None


ParameterSpec = Annotated[
    Annotated[ParameterSettings, Tag("settings")] | Annotated[Number, Tag("start")],
    choose(settings=is_object, start=lambda _: True),
]


class Asked(Request):
    """What all fits share."""

    kind: ClassVar[FitKind]

    model: ModelSpec
    parameters: dict[str, ParameterSpec] = Field(
        default_factory=dict, description="By name: a start, or settings"
    )
    deadline_s: Annotated[Number, Field(gt=0)] | None = Field(
        None, description="Seconds; the server's own deadline still holds"
    )


XErrorModel = Annotated[
    Literal["classical", "berkson"],
    Field(
        description="classical: x is a noisy reading of the true value, the cost is "
        "sum((y - f)^2 / V) with V = y_err^2 + (f' x_err)^2; berkson: x was set, the true value "
        "scatters about it, the cost is sum((y - f)^2 / V + ln(V / y_err^2))"
    ),
]
AbsoluteSigma = Annotated[
    bool | None,
    Field(
        description="false: errors are relative, the covariance is scaled by the reduced "
        "chi-square. Default: true if y_err is given"
    ),
]


class FitRequest(Asked):
    """What both fits of one data set share."""

    minos: Minos = Field(
        False, description="true, or the names of parameters: their errors to either side"
    )


class HistogramData(Request):
    """Counts between rising edges, one more than there are counts."""

    edges: Edges
    counts: Row[NotNegative]


class HistogramRequest(FitRequest):
    """A fit of a model to a histogram."""

    kind = "histogram"
    arrays = ("histogram.edges", "histogram.counts")

    histogram: HistogramData
    fit_range: FitRange | None = Field(
        None, description="[lo, hi] or several; bins wholly inside are fitted"
    )
    cost: Literal["poisson"] = Field("poisson", description="Baker-Cousins, extended")
    bin_content: Literal["integral"] = Field(
        "integral", description="The model is integrated over each bin"
    )


class PointsRequest(FitRequest):
    """A fit of a model to points with errors in x and y."""

    kind = "xy-errors"
    arrays = ("x", "y", "x_err", "y_err")

    # to look which of the two was sent would cost as much as to read it
    x: Row[Number] | Columns = Field(
        description="Numbers; or several predictors by name, each of y's length: the model is "
        "then a formula in these names",
        examples=[[1, 2, 3, 4], {"x1": [1, 2, 3, 4], "x2": [0, 0, 5, 5]}],
    )
    y: Row[Number]
    x_err: XErrors | None = Field(
        None,
        description="Left out: x is exact. Where x has columns, by their names: a column that is "
        "left out is exact; errors of several columns are independent",
    )
    y_err: NumberOrList[Positive] | None = Field(
        None, description="Left out: equal weights, covariance scaled by the reduced chi-square"
    )
    x_error_model: XErrorModel = "classical"
    fit_range: PointsRange | None = Field(
        None,
        description="[lo, hi] or several; points inside are fitted. Where x has columns, by their "
        "names: points inside the ranges of all columns named are fitted",
    )
    absolute_sigma: AbsoluteSigma = None
    method: Literal["effective-variance"] = "effective-variance"
    loss: Literal["linear"] = "linear"


REQUESTS: dict[str, type[FitRequest]] = {s.kind: s for s in (HistogramRequest, PointsRequest)}
