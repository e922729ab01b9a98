"""GET /covariance: further questions to a stored fit, with its kernel already compiled."""

import math
import re
import time
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from pydantic_core import from_json

from app.errors import InvalidRequest, NotFound, Unavailable
from app.http.ids import Id
from app.http.queries import StrictRoute
from app.http.responses import TIMED, problems
from app.reading.body import JSON, parse
from app.schemas.answers import CovarianceAnswer, KernelAnswer
from app.schemas.requests import HistogramRequest, PointsRequest
from app.service import Here, Service
from app.store.store import StoredFit
from app.translation.answer import milliseconds, server_timing
from app.translation.problem import refuse_unknown, to_problem
from app.workers.tasks import CovarianceTask
from app.workers.ticket import TimedOut
from fitting.covariance import Covariance, Method
from fitting.further import CovarianceOutcome
from fitting.padding import Floats
from fitting.problem import FitProblem, describe
from fitting.result import ON_THE_MODEL, UNSCALED

router = APIRouter(route_class=StrictRoute, tags=["fits"])

FitId = Annotated[Id, Query(description="The fit_id of an answer")]
At = Annotated[
    str | None,
    Query(
        description="Where to evaluate: name:value pairs joined by commas; parameters that are "
        "not named stay at the minimum",
        examples=["mu:0.5,sigma:1.1"],
        max_length=10_000,
    ),
]
NOT_A_MINIMUM = (
    "The second derivatives of the cost are not positive definite here, so their inverse is no "
    "covariance. Ask for another point, or for method=gauss-newton."
)
NO_INFORMATION = (
    "The expected information is singular here: the data do not determine all free parameters, so "
    "it has no inverse. Ask for another point, or fit with some of them fixed or constrained."
)

NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")  # as JSON writes it
AT = (
    "write name:value pairs joined by commas, each once, with numbers as JSON writes them: "
    "mu:0.5,sigma:1.1"
)

ZERO_ERROR = "An error is zero, so it is correlated with nothing."


@router.get(
    "/covariance",
    summary="Covariance of a stored fit",
    response_model=CovarianceAnswer,
    responses=problems(400, 404, 422, 503) | TIMED,
)
async def get_covariance(
    service: Here,
    request: Request,
    fit_id: FitId,
    method: Annotated[
        Method,
        Query(
            description="autodiff: exact second derivatives; hesse: Minuit's finite differences; "
            "gauss-newton: expected information, the convention of York, ODRPACK and NIST; but for "
            "Berkson errors J'J of the pulls, without the logarithm's part"
        ),
    ] = "autodiff",
    at: At = None,
) -> Response:
    """Exact, by finite differences or Gauss-Newton; at the minimum or at another point."""
    began = time.monotonic()
    stored = await service.store.find(fit_id)
    if stored is None:
        raise NotFound("There is no fit with this fit_id; it may have been deleted or expired.")
    problem = stored_problem(service, stored)
    answer: dict[str, Any] = from_json(stored.answer)
    point = to_point(problem, answer, at)
    deadline = began + service.settings.deadline_s
    scale = chi2_scale(problem, answer)
    moved = bool(at) or not answer["valid"]
    task = CovarianceTask(problem, point, moved, method, scale, deadline)
    try:
        served = await service.run(request, task, deadline)
    except TimedOut:
        raise Late("The covariance was not ready at the deadline.", 1.0) from None
    outcome = served.outcome
    assert isinstance(outcome, CovarianceOutcome)
    service.metrics.count_usage(outcome.usage, served.queue_s)
    reason = reason_for(outcome.covariance, None if at else answer, scale)
    found = to_answer(stored.id, problem, point, outcome, reason, served.queue_s)
    headers = server_timing(found.timing_ms, found.kernel.cache)
    return Response(found.model_dump_json(), media_type=JSON, headers=headers)


class Late(Unavailable):
    kind, title = "deadline", "The deadline passed"


def stored_problem(service: Service, stored: StoredFit) -> FitProblem:
    """The question of a stored fit."""
    schema = HistogramRequest if stored.kind == "histogram" else PointsRequest
    try:
        return to_problem(parse(schema, stored.request), service.settings)
    except InvalidRequest as invalid:  # limits, or the version, are not those of the fit
        _, why = invalid.errors[0]
        message = f"this fit's request is not accepted any more ({why}); fit again"
        raise InvalidRequest([(("fit_id",), message)]) from None


def chi2_scale(problem: FitProblem, answer: dict[str, Any]) -> float:
    """The factor on the covariance: 1, or the reduced chi-square at the minimum, NaN without it."""
    if problem.absolute_sigma:
        return 1.0
    reduced = answer["goodness_of_fit"]["reduced_chi2"]
    return math.nan if reduced is None else float(reduced)


def to_point(problem: FitProblem, answer: dict[str, Any], at: str | None) -> Floats:
    """The minimum, with the parameters named in `at` moved."""
    values: dict[str, float | None] = answer["values"]
    named: dict[str, float | None] = {**parse_at(at)} if at else {}
    refuse_unknown(((("at", name), name) for name in named), list(problem.names))
    values = values | named
    point = np.array([np.nan if values[n] is None else values[n] for n in problem.names], float)
    if np.isnan(point).any():
        message = f"this fit has no values ({answer['status']})"
        remedy = "post it again, or name all parameters in at"
        raise InvalidRequest([(("fit_id",), f"{message}: {remedy}")])
    bounds = problem.bounds
    for name, low, high, value in zip(
        problem.names, bounds.lower, bounds.upper, point, strict=True
    ):
        if name in named and not low <= value <= high:
            limits = describe((None if np.isinf(low) else low, None if np.isinf(high) else high))
            raise InvalidRequest([(("at", name), f"{name} is outside its limits {limits}")])
    return point


def parse_at(at: str) -> dict[str, float]:
    """'mu:0.5,sigma:1.1' as a mapping."""
    named: dict[str, float] = {}
    for pair in at.split(","):
        name, _, text = pair.partition(":")
        value = float(text) if NUMBER.fullmatch(text.strip()) else float("nan")
        if not name.strip() or name.strip() in named or not np.isfinite(value):
            raise InvalidRequest([(("at",), AT)])
        named[name.strip()] = value
    return named


def reason_for(covariance: Covariance, answer: dict[str, Any] | None, scale: float) -> str | None:
    """Why a matrix is missing, or means little; `answer` is that of the fit whose it is."""
    if answer is not None and not answer["valid"]:
        return f"The fit itself is not valid ({answer['status']}): {answer['message']}"
    if covariance.matrix is None:
        none = NO_INFORMATION if covariance.method == "gauss-newton" else NOT_A_MINIMUM
        return covariance.reason or (UNSCALED if math.isnan(scale) else none)
    if covariance.correlation is None:
        return ZERO_ERROR if scale else ON_THE_MODEL
    return None


def to_answer(
    fit_id: str,
    problem: FitProblem,
    point: Floats,
    outcome: CovarianceOutcome,
    reason: str | None,
    queue_s: float,
) -> CovarianceAnswer:
    """The answer."""
    covariance, names = outcome.covariance, problem.names
    matrix, correlation = covariance.matrix, covariance.correlation
    errors: dict[str, float | None] = dict.fromkeys(names)
    if covariance.errors is not None:
        found = zip(covariance.parameters, covariance.errors, strict=True)
        errors |= {names[i]: float(error) for i, error in found}
    return CovarianceAnswer(
        fit_id=fit_id,
        method=covariance.method,
        parameters=[names[i] for i in covariance.parameters],
        matrix=None if matrix is None else matrix.tolist(),
        correlation=None if correlation is None else correlation.tolist(),
        errors=errors,
        positive_definite=covariance.positive_definite,
        reason=reason,
        at={n: float(v) for n, v in zip(names, point, strict=True)},
        timing_ms={
            "queue": milliseconds(queue_s),
            "compile": milliseconds(outcome.usage.compile_s),
            "covariance": milliseconds(outcome.seconds),
        },
        kernel=KernelAnswer(cache=outcome.usage.tier),
    )
