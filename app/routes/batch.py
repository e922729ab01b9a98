"""POST /fit/histogram/batch, POST /fit/xy-errors/batch: many data sets, one model."""

import asyncio
import time
from collections import Counter
from typing import Any

from fastapi import APIRouter, Request, Response

from app.batch.answer import to_bytes, to_columns
from app.batch.dealer import Dealer
from app.batch.translate import refuse_two_starts, to_batch
from app.deadlines import tell_batch
from app.errors import WrongMediaType
from app.examples import (
    HISTOGRAM_BATCH_EXAMPLES,
    HISTOGRAM_LINES,
    POINTS_BATCH_EXAMPLES,
    POINTS_LINES,
)
from app.http.gone import unless_gone
from app.http.headers import (
    JSON,
    MSGPACK,
    NDJSON,
    RESPOND_ASYNC,
    media_type_of,
    prefers_async,
    wants_binary,
)
from app.http.openapi import request_body
from app.http.queries import StrictRoute
from app.http.responses import BATCH_PROBLEMS, TIMED
from app.reading.binary import pack
from app.reading.body import read_body
from app.routes.jobs import ACCEPTED, PREFER, accept_job
from app.schemas.batches import BatchAnswer, HistogramBatchRequest, PointsBatchRequest
from app.schemas.kinds import HISTOGRAM, POINTS, Kind
from app.service import Service, service_of
from app.translation.answer import server_timing

BINARY_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"content": {MSGPACK: {"schema": {"type": "string", "format": "binary"}}}} | TIMED[200]
}


def lines_of(kind: Kind, example: str) -> dict[str, Any]:
    """The OpenAPI entry of a job's NDJSON."""
    head, line = kind.head.__name__, kind.line.__name__
    row = f"its {kind.data} as a list, or with the fields of {line}"
    description = f"Lines of JSON: first the fields of the schema {head}, then for each row {row}"
    return {"schema": {"type": "string", "description": description}, "example": example}


router = APIRouter(prefix="/fit", tags=["fits"], route_class=StrictRoute)


@router.post(
    "/histogram/batch",
    summary="Fit a model to many histograms",
    response_model=BatchAnswer,
    responses=ACCEPTED | BATCH_PROBLEMS | BINARY_ANSWER,
    openapi_extra=PREFER
    | request_body(
        HistogramBatchRequest,
        HISTOGRAM_BATCH_EXAMPLES,
        or_binary=True,
        lines=lines_of(HISTOGRAM, HISTOGRAM_LINES),
    ),
)
async def fit_histograms(request: Request) -> Response:
    """Histograms of the same bins, thousands at once; the answer has a column a quantity.

    Each row has the minimum of `POST /fit/histogram`. A batch is not stored: it has no `fit_id`.
    Bodies may be MessagePack, with arrays as bytes (README).
    With `Prefer: respond-async` it becomes a job, and may come as NDJSON, of any length.
    """
    return await answer_batch(request, HISTOGRAM)


@router.post(
    "/xy-errors/batch",
    summary="Fit a model to many sets of points",
    response_model=BatchAnswer,
    responses=ACCEPTED | BATCH_PROBLEMS | BINARY_ANSWER,
    openapi_extra=PREFER
    | request_body(
        PointsBatchRequest,
        POINTS_BATCH_EXAMPLES,
        or_binary=True,
        lines=lines_of(POINTS, POINTS_LINES),
    ),
)
async def fit_sets_of_points(request: Request) -> Response:
    """Sets of as many points each, thousands at once; the answer has a column a quantity.

    Each row has the minimum of `POST /fit/xy-errors`. A batch is not stored: it has no `fit_id`.
    Bodies may be MessagePack, with arrays as bytes (README).
    With `Prefer: respond-async` it becomes a job, and may come as NDJSON, of any length.
    """
    return await answer_batch(request, POINTS)


async def answer_batch(request: Request, kind: Kind) -> Response:
    """Read, translate, deal out to the workers, answer; or take a job in."""
    media_type = media_type_of(request)
    if prefers_async(request):
        return await accept_job(request, kind, media_type)
    if media_type == NDJSON:
        raise WrongMediaType(f"{NDJSON} is for jobs: ask for one by Prefer: {RESPOND_ASYNC}.")
    service = service_of(request)
    (service.cluster or service.pool).refuse_if_full()
    with service.bodies.room() as hold:
        # of a long body only its numbers stay in memory
        asked = (await read_body(request, kind.request, hold, or_binary=True)).content
        accepted = time.monotonic()
        batch = await asyncio.to_thread(to_batch, asked, service.settings)
        refuse_two_starts(asked)
        deadline = accepted + service.allowed_s(asked)
        dealer = Dealer(service, batch, deadline, asked.covariance)
        dealt = time.monotonic()
        result = await unless_gone(request, dealer.run())
        queue_s, now = dealer.queue_s or 0.0, time.monotonic()
        timing = {
            "queue": queue_s,
            "compile": result.usage.compile_s,
            "minimize": max(now - dealt - queue_s, 0.0),
            "total": now - accepted,
        }
        answer = to_columns(asked, batch, result, timing)
        tell_batch(answer, asked, service.settings)
        count(service, answer)
        service.metrics.count_usage(result.usage, queue_s)
        headers = server_timing(answer["timing_ms"], result.usage.tier)
        if wants_binary(request):
            return Response(pack(answer), media_type=MSGPACK, headers=headers)
        content = await asyncio.to_thread(to_bytes, answer)
        return Response(content, media_type=JSON, headers=headers)


def count(service: Service, answer: dict[str, Any]) -> None:
    """What the metrics tell of a batch: a fit a row."""
    for status, rows in Counter(answer["status"]).items():
        service.metrics.fits.labels(answer["kind"], status).inc(rows)
