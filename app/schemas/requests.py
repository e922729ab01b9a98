"""The bodies of the two fits."""

from typing import Annotated, Literal

from pydantic import Field, Tag

from app.schemas.base import (
    FitRange,
    Minos,
    Number,
    NumberOrList,
    Request,
    choose,
    is_object,
)
from app.schemas.models import ModelSpec

Limit = Number | None


class Constraint(Request):
    """Gaussian knowledge from elsewhere: adds ((parameter - value) / sigma)^2 to the cost."""

    value: Number
    sigma: Number


class ParameterSettings(Request):
    """What is known of one parameter."""

    start: Number | None = None
    limits: tuple[Limit, Limit] | None = Field(
        None, description="[lower, upper], null for none; left out: the shape's natural limits"
    )
    fixed: bool = Field(False, description="Hold the parameter at its start")
    constraint: Constraint | None = None


ParameterSpec = Annotated[
    Annotated[ParameterSettings, Tag("settings")] | Annotated[Number, Tag("start")],
    choose(settings=is_object, start=lambda _: True),
]


class FitRequest(Request):
    """What both fits share."""

    model: ModelSpec
    parameters: dict[str, ParameterSpec] = Field(
        default_factory=dict, description="By name: a start, or settings"
    )
    fit_range: FitRange | None = Field(
        None, description="[lo, hi] or several; bins wholly inside, or points inside, are fitted"
    )
    minos: Minos = Field(False, description="true, or the names of parameters")
    deadline_s: Annotated[Number, Field(gt=0)] | None = Field(
        None, description="Seconds; the server's own deadline still holds"
    )


class HistogramData(Request):
    """Counts between rising edges, one more than there are counts."""

    edges: list[Number] = Field(min_length=2)
    counts: list[Number] = Field(min_length=1)


class HistogramRequest(FitRequest):
    """A fit of a model to a histogram."""

    histogram: HistogramData
    cost: Literal["poisson"] = Field("poisson", description="Baker-Cousins, extended")
    bin_content: Literal["integral"] = Field(
        "integral", description="The model is integrated over each bin"
    )


class PointsRequest(FitRequest):
    """A fit of a model to points with errors in x and y."""

    x: list[Number] = Field(min_length=1)
    y: list[Number] = Field(min_length=1)
    x_err: NumberOrList | None = Field(None, description="Left out: x is exact")
    y_err: NumberOrList | None = Field(
        None, description="Left out: equal weights, covariance scaled by the reduced chi-square"
    )
    x_error_model: Literal["classical", "berkson"] = Field(
        "classical",
        description="classical: x is a noisy reading of the true value; "
        "berkson: x was set, the true value scatters about it",
    )
    absolute_sigma: bool | None = Field(
        None,
        description="false: errors are relative, the covariance is scaled by the reduced "
        "chi-square. Default: true if y_err is given",
    )
    method: Literal["effective-variance"] = "effective-variance"
    loss: Literal["linear"] = "linear"
