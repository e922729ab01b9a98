"""GET /covariance: further questions to a stored fit, with its kernel already compiled."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic_core import from_json

from app.errors import InvalidRequest, NotFound, Unavailable
from app.http.headers import JSON
from app.http.ids import Id
from app.http.queries import StrictRoute
from app.http.responses import TIMED, problems
from app.reading.body import aside, parse
from app.schemas.answers import CovarianceAnswer
from app.schemas.requests import REQUESTS
from app.service import Here
from app.settings import Settings
from app.store.store import StoredFit
from app.translation.answer import server_timing
from app.translation.covariance import chi2_scale, reason_for, to_answer, to_point
from app.translation.problem import to_problem
from app.workers.tasks import CovarianceTask
from app.workers.ticket import TimedOut
from fitting.covariance import Method
from fitting.further import CovarianceOutcome
from fitting.problem import FitProblem

router = APIRouter(route_class=StrictRoute, tags=["fits"])

FitId = Annotated[Id, Query(description="The fit_id of an answer")]
LONGEST_AT = 10_000  # characters
At = Annotated[
    str | None,
    Query(
        description="Where to evaluate: name:value pairs joined by commas; parameters that are "
        "not named stay at the minimum",
        examples=["mu:0.5,sigma:1.1"],
        max_length=LONGEST_AT,
    ),
]


@router.get(
    "/covariance",
    summary="Covariance of a stored fit",
    response_model=CovarianceAnswer,
    responses=problems(404, 422, 503) | TIMED,
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
    problem, answer = await aside(stored.request, read_fit, stored, service.settings)
    point = to_point(problem, answer, at)
    deadline = began + service.settings.deadline_s
    scale = chi2_scale(problem, answer)
    moved = bool(at) or not answer["valid"]
    task = CovarianceTask(problem, point, moved, method, scale, deadline)
    try:
        served = await service.outcome(task, deadline, request)
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


def read_fit(stored: StoredFit, settings: Settings) -> tuple[FitProblem, dict[str, Any]]:
    """The question of a stored fit, and its answer."""
    answer: dict[str, Any] = from_json(stored.answer)
    try:
        problem = to_problem(parse(REQUESTS[stored.kind], stored.request), settings)
        if set(problem.names) != answer["values"].keys():
            raise InvalidRequest([((), "its parameters have other names now")])
    except InvalidRequest as invalid:  # limits, or the version, are not those of the fit
        _, why = invalid.errors[0]
        message = f"this fit's request is not accepted any more ({why}); fit again"
        raise InvalidRequest([(("fit_id",), message)]) from None
    return problem, answer
