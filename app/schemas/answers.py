"""What clients get. A number that may be null has a neighbour that says why."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fitting.covariance import Method
from fitting.kernels.cache import Tier
from fitting.status import Status, WarningCode


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
    method: Method
    positive_definite: bool
    reason: str | None = Field(None, description="Why there is no matrix, or one of zeros")


class MinosBlock(Answer):
    """Signed distances from the minimum to where the profile has risen by one (of relative errors
    by chi2/ndof); null where it does not before a limit."""

    lower: float | None
    upper: float | None
    valid: bool
    message: str | None = Field(None, description="Why a side is missing")


class GoodnessOfFit(Answer):
    """The chi-square at the minimum, constraints included."""

    chi2: float | None = Field(
        description="fval, but for Berkson errors without the logarithms that are part of it"
    )
    ndof: int = Field(description="Data and constraints, less free parameters")
    reduced_chi2: float | None = Field(description="chi2/ndof")
    p_value: float | None = Field(
        description="How often a chi-square of ndof is larger by chance; null where errors are "
        "relative"
    )
    reason: str | None = Field(None, description="Why a number is missing")


class ParameterAnswer(Answer):
    """One parameter."""

    name: str
    value: float | None = Field(description="null: nothing was found, see `message`")
    error: float | None = Field(
        description="Standard deviation; null if the parameter is fixed or at a limit, or if there "
        "is no covariance (see its `reason`)"
    )
    start: float | None = Field(description="Where the fit began; null: it did not")
    limits: Limits = Field(description="Those that held, [lower, upper]; null for none")
    fixed: bool
    at_limit: bool = Field(
        description="The minimum is at one of the limits, where the cost still falls beyond it"
    )
    display: str = Field(
        description="Value and error, rounded as the Particle Data Group does",
        examples=["0.95 ± 0.08", "1.4 (fixed)"],
    )


class Minimizer(Answer):
    """What the minimiser did.

    Cost and gradient are computed together and counted once each; a Hessian brings both along.
    """

    algorithm: Literal["newton", "migrad"] = Field(
        description="newton: Newton's method from near ended in a certain minimum; migrad: "
        "Minuit's MIGRAD was needed besides"
    )
    edm: float | None = Field(
        description="Estimated distance to the minimum, g' inv(H) g / 2: how much lower the cost "
        "is there, one standard deviation being 1; null if the second derivatives allow none"
    )
    edm_goal: float = Field(description="Minuit's; fits that converged are far below it")
    nfcn: int = Field(description="Evaluations of the cost")
    ngrad: int = Field(description="Evaluations of its gradient")
    nhess: int = Field(description="Evaluations of its Hessian")


class WarningAnswer(Answer):
    """Something to know about this answer."""

    code: WarningCode
    message: str


class Timing(Answer):
    """Milliseconds. The parts do not overlap, but for what the covariance itself has to compile;
    they do not add up to the total either."""

    queue: float = Field(description="Waiting for a worker")
    compile: float = Field(description="Compiling kernels, or loading them from disk")
    minimize: float = Field(description="Starting values and the search, without compiling")
    covariance: float = Field(description="Covariance, goodness of fit, MINOS")
    total: float = Field(
        description="From the body's having been read until the answer is made: the parts, and "
        "handing over to the worker and back; not storing, nor HTTP"
    )


class BatchTiming(Answer):
    """Milliseconds, not all of which add up: workers share the rows."""

    queue: float = Field(description="Until the first worker was free")
    compile: float = Field(
        description="Compiling kernels, or loading them from disk: the sum over all workers, which "
        "do so at once; it is a part of `minimize` and may be more"
    )
    minimize: float = Field(
        description="From then until the last row was done, compiling and covariances included"
    )
    total: float = Field(
        description="From the body's having been read until the answer is made: `queue`, "
        "`minimize`, and checking the rows"
    )


class KernelAnswer(Answer):
    """The slowest place that a compiled function came from."""

    cache: Tier


class FitAnswer(Answer):
    """The answer to a fit."""

    fit_id: str
    created: datetime
    kind: FitKind
    model: Any = Field(description="The model as it was requested")
    valid: bool = Field(
        description="This is a certain minimum; not that the model describes the data, for which "
        "see `goodness_of_fit` and the warning poor-fit"
    )
    status: Status
    message: str
    values: dict[str, float | None]
    errors: dict[str, float | None] = Field(
        description="Standard deviations; null for a parameter that is fixed or at a limit, and "
        "without a covariance"
    )
    covariance: CovarianceBlock
    minos: dict[str, MinosBlock]
    fval: float | None = Field(
        description="The cost at the minimum, constraints included: of counts 2 sum(mu - n + "
        "n ln(n/mu)), of points the chi-square, for Berkson errors with logarithms "
        "(`x_error_model`); null: see `message`"
    )
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
    method: Method
    parameters: list[str]
    matrix: Matrix | None
    correlation: Matrix | None
    errors: dict[str, float | None]
    positive_definite: bool
    reason: str | None = Field(None, description="Why a matrix is missing, or means little")
    at: dict[str, float]
    timing_ms: dict[str, float] = Field(
        description="queue: waiting for a worker; compile: compiling kernels, or loading them; "
        "covariance: the rest of the question"
    )
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
    errors: list[ErrorEntry] = Field(max_length=20)
