"""GET and DELETE /jobs/{job_id}, its events and its results: batches that nobody waits for."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

from app.errors import NotFound
from app.examples import RESULT_LINES
from app.http.headers import JSON, NDJSON, RESPOND_ASYNC
from app.http.ids import Id
from app.http.middleware import HEAD_ONLY
from app.http.queries import StrictRoute
from app.http.responses import problems
from app.jobs.answer import path, to_answer
from app.jobs.follow import Follower, events, results
from app.jobs.intake import take_lines, take_whole
from app.jobs.runner import Runner
from app.schemas.jobs import JobAnswer
from app.schemas.kinds import Kind
from app.service import Here, Service, service_of
from app.store.jobs import StoredJob

router = APIRouter(route_class=StrictRoute, prefix="/jobs", tags=["jobs"])

JobId = Annotated[Id, Path(description="The id of a job")]
EVENTS = "text/event-stream"
# a proxy must pass on what there is, and keep nothing
LIVE = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

#: What the batches, which become jobs, have in OpenAPI.
PREFER: dict[str, Any] = {
    "parameters": [
        {
            "name": "Prefer",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": f"{RESPOND_ASYNC}: answer 202 at once, and work on the batch as a job; "
            "other preferences are ignored",
        }
    ]
}
ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {
        "model": JobAnswer,
        "description": f"A job, with Prefer: {RESPOND_ASYNC}",
        "headers": {
            "Location": {"description": "The job", "schema": {"type": "string"}},
            "Preference-Applied": {"schema": {"type": "string"}},
        },
    }
}
RESULTS = {
    "type": "string",
    "description": "Lines of JSON, each with the fields of the schema JobRow; if there are not all "
    "rows, a last line has `end` (failed, cancelled or interrupted) and `message` instead",
}
GONE = "There is no job with this id; it may have been deleted or expired."


def runner_of(request: Request) -> Runner:
    """The runner of the service that this request came to."""
    runner: Runner = request.app.state.runner
    return runner


def prefix_of(request: Request) -> str:
    """/v1 where the client asked under it."""
    return "/v1" if request.url.path.startswith("/v1/") else ""


async def accept_job(request: Request, kind: Kind, media_type: str) -> Response:
    """Take a job in, whatever form it has, and say where it is."""
    service = service_of(request)
    take = take_lines if media_type == NDJSON else take_whole
    runner = runner_of(request)
    job_id = await take(request, service, runner, kind)
    prefix = prefix_of(request)
    answer = to_answer(await found(service, job_id), prefix, runner.progress)
    headers = {"Location": path(job_id, prefix), "Preference-Applied": RESPOND_ASYNC}
    return Response(answer.model_dump_json(), 202, headers, JSON)


async def found(service: Service, job_id: str) -> StoredJob:
    """The job; NotFound if there is none."""
    job = await service.store.jobs.find(job_id)
    if job is None:
        raise NotFound(GONE)
    return job


@router.get(
    "/{job_id}", summary="A job", response_model=JobAnswer, responses=problems(404, 422, 503)
)
async def get_job(service: Here, request: Request, job_id: JobId) -> Response:
    """How far it is."""
    job, progress = await found(service, job_id), runner_of(request).progress
    answer = to_answer(job, prefix_of(request), progress)
    return Response(answer.model_dump_json(), media_type=JSON)


@router.delete(
    "/{job_id}", summary="Cancel a job", status_code=204, responses=problems(404, 422, 503)
)
async def delete_job(service: Here, request: Request, job_id: JobId) -> Response:
    """It stops at once, and it and its results are gone."""
    if not await service.store.jobs.forget(job_id):
        raise NotFound(GONE)
    runner_of(request).stop(job_id)
    return Response(status_code=204, background=BackgroundTask(service.store.jobs.sweep))


@router.get(
    "/{job_id}/events",
    summary="A job's progress",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events: `progress` with the job whenever it has changed, "
            "and a last `end`",
            "content": {EVENTS: {"schema": {"type": "string"}}},
        },
        **problems(404, 422, 503),
    },
)
async def get_events(service: Here, request: Request, job_id: JobId) -> Response:
    """Server-sent events, until the job has ended."""
    job = await found(service, job_id)
    runner = runner_of(request)
    follower = Follower(request, runner.news, job)
    told = events(follower, prefix_of(request), runner.progress)
    return streamed(request, told, EVENTS)


@router.get(
    "/{job_id}/results",
    summary="A job's results",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "A line a row; if there are not all, a last line says why",
            "content": {NDJSON: {"schema": RESULTS, "example": RESULT_LINES}},
        },
        **problems(404, 422, 503),
    },
)
async def get_results(
    service: Here,
    request: Request,
    job_id: JobId,
    follow: Annotated[
        bool, Query(description="false: only what is there now, and not what is still to come")
    ] = True,
    skip: Annotated[
        int,
        Query(ge=0, le=2**53, description="Lines to leave out: those that you have already"),
    ] = 0,
) -> Response:
    """NDJSON, a line a row, as chunks of rows finish; in this order whenever you ask."""
    job = await found(service, job_id)
    store = service.store.jobs
    follower = Follower(request, runner_of(request).news, job)
    return streamed(request, results(follower, store, skip, follow=follow), NDJSON)


def streamed(request: Request, stream: AsyncIterator[bytes], media_type: str) -> Response:
    """What comes until the job ends; a HEAD, of which nothing comes, need not wait for that."""
    content = () if HEAD_ONLY in request.scope else stream
    return StreamingResponse(content, media_type=media_type, headers=LIVE)
