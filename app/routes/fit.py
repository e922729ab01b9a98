"""POST /fit/histogram, POST /fit/xy-errors: the path of a fit, from bytes to bytes."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, Request, Response

from app.deadlines import more_time, tell
from app.examples import HISTOGRAM_EXAMPLES, POINTS_EXAMPLES
from app.http.headers import JSON
from app.http.openapi import request_body
from app.http.queries import StrictRoute
from app.http.responses import FIT_PROBLEMS, TIMED
from app.reading.body import read_body
from app.schemas.answers import FitAnswer, FitKind
from app.schemas.requests import FitRequest, HistogramRequest, PointsRequest
from app.service import Served, Service, service_of
from app.store.store import StoredFit
from app.translation.answer import model_as_sent, server_timing, to_answer
from app.translation.problem import to_problem
from app.workers.tasks import FitTask
from app.workers.ticket import TimedOut
from fitting.kernels.cache import Usage
from fitting.problem import FitProblem
from fitting.result import FitResult, killed

router = APIRouter(prefix="/fit", tags=["fits"], route_class=StrictRoute)


@router.post(
    "/histogram",
    summary="Fit a model to a histogram",
    response_model=FitAnswer,
    responses=FIT_PROBLEMS | TIMED,
    openapi_extra=request_body(HistogramRequest, HISTOGRAM_EXAMPLES),
)
async def fit_histogram(request: Request) -> Response:
    """Extended binned maximum likelihood (Baker-Cousins); the model is integrated over each bin."""
    return await answer_fit(request, HistogramRequest)


@router.post(
    "/xy-errors",
    summary="Fit a model to points with errors in x and y",
    response_model=FitAnswer,
    responses=FIT_PROBLEMS | TIMED,
    openapi_extra=request_body(PointsRequest, POINTS_EXAMPLES),
)
async def fit_xy_errors(request: Request) -> Response:
    """Effective variance, f' by automatic differentiation; x errors classical or Berkson.

    Several predictors are an `x` of named columns and a formula in their names:
    `{"x": {"x1": [...], "x2": [...]}, "model": {"formula": "b1 - b2*x1*exp(-b3*x2)"}}`.
    """
    return await answer_fit(request, PointsRequest)


async def answer_fit(request: Request, schema: type[FitRequest]) -> Response:
    """Read, translate, fit in a worker, store, answer."""
    service = service_of(request)
    with service.bodies.room() as hold:
        question = await read_question(service, request, schema, hold)
        served = await fit_or_timeout(service, request, question)
        assert isinstance(served.outcome, FitResult)
        result = tell(served.outcome, question.more_time)
        answer = to_answer(
            fit_id=secrets.token_urlsafe(18),
            created=question.created,
            kind=question.kind,
            model=question.model,
            problem=question.problem,
            result=result,
            queue_s=served.queue_s,
            total_s=time.monotonic() - question.accepted,
        )
        content = answer.model_dump_json().encode()
        await service.store.save(
            StoredFit(answer.fit_id, question.created, answer.kind, question.raw, content)
        )
        count(service, answer, result, served.queue_s)
        timing = server_timing(answer.timing_ms.model_dump(), answer.kernel.cache)
        return Response(content, media_type=JSON, headers=timing)


@dataclass(frozen=True, eq=False)
class Question:
    """A request, translated: what was asked, in the client's words where these are answered with.

    The body's numbers are gone, of which each was a Python object: while many fits wait, they
    would crowd the caches. `created` is in seconds since 1970, `accepted` and `deadline` are on
    time.monotonic's clock.
    """

    kind: FitKind
    model: Any
    raw: bytes
    problem: FitProblem
    created: float
    accepted: float
    deadline: float
    more_time: str


async def read_question(
    service: Service, request: Request, schema: type[FitRequest], hold: Callable[[int], None]
) -> Question:
    """The body, read, validated and translated."""
    body = await read_body(request, schema, hold)
    accepted, created, asked = time.monotonic(), time.time(), body.content
    return Question(
        kind=asked.kind,
        model=model_as_sent(asked),
        raw=body.raw,
        problem=to_problem(asked, service.settings),
        created=created,
        accepted=accepted,
        deadline=accepted + service.allowed_s(asked),
        more_time=more_time(asked, service.settings),
    )


async def fit_or_timeout(service: Service, request: Request, question: Question) -> Served:
    """The result; that of a fit which had to be killed is a result too."""
    try:
        task = FitTask(question.problem, question.deadline)
        return await service.outcome(task, question.deadline, request)
    except TimedOut as late:
        waited_s = time.monotonic() - question.accepted if late.waiting else 0.0
        result = killed(question.problem, waiting=late.waiting, compiled=not late.compiling)
        return Served(replace(result, usage=Usage(compiled=int(late.compiling))), waited_s)


def count(service: Service, answer: FitAnswer, result: FitResult, queue_s: float) -> None:
    """What the metrics tell of a fit."""
    metrics = service.metrics
    metrics.fits.labels(answer.kind, answer.status).inc()
    metrics.fit_seconds.observe(answer.timing_ms.minimize / 1e3)
    metrics.count_usage(result.usage, queue_s)
