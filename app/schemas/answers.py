"""What clients get. A number that may be null has a neighbour that says why."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fitting.result import Status, WarningCode


class Answer(BaseModel):
    """NaN and infinity never leave the service: they fail here, in tests."""

    model_config = ConfigDict(allow_inf_nan=False, extra="forbid")


Matrix = list[list[float]]
Limits = tuple[float | None, float | None]
FitKind = Literal["histogram", "xy-errors"]


class CovarianceBlock(Answer):
    """Free parameters that are not at a limit, in the model's order."""

    parameters: list[str]
    matrix: Matrix | None
    method: Literal["autodiff", "hesse", "gauss-newton"]
    positive_definite: bool
    reason: str | None = Field(None, description="Why there is no matrix, or one of zeros")


class MinosBlock(Answer):
    """Signed distances from the minimum to where the profile has risen by one."""

    lower: float | None
    upper: float | None
    valid: bool
    message: str | None = Field(None, description="Why a side is missing")


class GoodnessOfFit(Answer):
    """The chi-square at the minimum, constraints included."""

    chi2: float | None
    ndof: int
    reduced_chi2: float | None
    p_value: float | None
    reason: str | None = Field(None, description="Why a number is missing")


class ParameterAnswer(Answer):
    """One parameter; `error` is null if it is fixed, at a limit, or the fit is not valid."""

    name: str
    value: float | None
    error: float | None
    start: float | None
    limits: Limits
    fixed: bool
    at_limit: bool
    display: str


class Minimizer(Answer):
    """What the minimiser did; `edm` is null if the second derivatives allow none.

    `newton`: Newton's method from near ended in a certain minimum; `migrad`: Minuit's MIGRAD was
    needed besides. Cost and gradient are computed together and counted once each; a Hessian
    brings both along.
    """

    algorithm: Literal["newton", "migrad"]
    edm: float | None
    edm_goal: float
    nfcn: int
    ngrad: int
    nhess: int


class WarningAnswer(Answer):
    """Something to know about this answer."""

    code: WarningCode
    message: str


class Timing(Answer):
    """Milliseconds."""

    queue: float
    compile: float
    minimize: float
    covariance: float
    total: float


class BatchTiming(Answer):
    """Milliseconds; `minimize` is that of all rows, compiling and covariances included."""

    queue: float
    compile: float
    minimize: float
    total: float


class KernelAnswer(Answer):
    """The slowest place that a compiled function came from."""

    cache: Literal["memory", "disk", "compiled"]


class FitAnswer(Answer):
    """The answer to a fit."""

    fit_id: str
    created: datetime
    kind: FitKind
    model: Any = Field(description="The model as it was requested")
    valid: bool
    status: Status
    message: str
    values: dict[str, float | None]
    errors: dict[str, float | None]
    covariance: CovarianceBlock
    minos: dict[str, MinosBlock]
    fval: float | None = Field(description="The cost at the minimum; null: see `message`")
    goodness_of_fit: GoodnessOfFit
    parameters: list[ParameterAnswer]
    minimizer: Minimizer
    warnings: list[WarningAnswer]
    timing_ms: Timing
    kernel: KernelAnswer


class StoredFitAnswer(FitAnswer):
    """A fit that is asked for again."""

    request: Any = Field(None, description="What was asked, with include=request")


class CovarianceAnswer(Answer):
    """The covariance of a stored fit, at its minimum or at another point."""

    fit_id: str
    method: Literal["autodiff", "hesse", "gauss-newton"]
    parameters: list[str]
    matrix: Matrix | None
    correlation: Matrix | None
    errors: dict[str, float | None]
    positive_definite: bool
    reason: str | None = Field(None, description="Why a matrix is missing, or means little")
    at: dict[str, float]
    timing_ms: dict[str, float]
    kernel: KernelAnswer


class ShapeParameter(Answer):
    """A parameter of a shape; `linear`: the shape is linear in it."""

    name: str
    limits: dict[FitKind, Limits] = Field(description="Natural limits, by the kind of fit")
    linear: bool


class ShapeAnswer(Answer):
    """All about one shape."""

    name: str
    description: str
    formula: str
    reference: str
    parameters: list[ShapeParameter]
    options: dict[str, dict[str, Any]] = Field(description="By name: its JSON schema")
    examples: dict[str, dict[str, Any]] = Field(
        description="By endpoint: a request that runs as it is"
    )


class CompositionAnswer(Answer):
    """What can be made of models."""

    description: str
    example: dict[str, Any] = Field(
        description="A request of POST /fit/histogram that runs as it is"
    )


class CatalogueAnswer(Answer):
    """All that can be fitted."""

    models: list[ShapeAnswer]
    compositions: dict[str, CompositionAnswer]


class Readiness(Answer):
    """`warm`: the usual kernels, and those that were used before, are loaded in every worker.

    `cluster` is null where none is set.
    """

    status: Literal["ready"]
    warm: bool
    cluster: str | None


class ErrorEntry(Answer):
    """One thing that is wrong; `pointer` leads to it (RFC 6901)."""

    pointer: str
    message: str


class ProblemAnswer(Answer):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[ErrorEntry] = Field(default_factory=list, max_length=20)
