"""Everything that can go wrong, and the answer to it (problem+json, RFC 9457).

    Problem                 has a status, a type, a title, a detail and errors
    ├── NotJson             400
    ├── NotMsgpack          400
    ├── NotFound            404
    ├── TooSlow             408
    ├── TooLarge            413
    ├── WrongMediaType      415
    ├── InvalidRequest      422
    └── Unavailable         503, Retry-After
        ├── Busy
        ├── WorkerLost
        ├── ClusterAway
        └── StoreAway

Others that are Unavailable for a reason of their own stand where that is found out.
FastAPI's own exceptions, and SQLAlchemy's, are translated in `install`. Input is never echoed.
"""

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from http import HTTPStatus
from typing import ClassVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic_core import to_json
from sqlalchemy import exc
from starlette.exceptions import HTTPException
from starlette.routing import Match

from fitting.entries import MOST_REPORTED
from fitting.errors import Path
from models.nearest import nearest

MEDIA_TYPE = "application/problem+json"

REQUIRED = "this query parameter is required"
NOT_OFFERED = "not offered yet by this version of the service"

logger = logging.getLogger("fit.errors")


class Problem(Exception):
    """An answer other than the one that was asked for."""

    status: ClassVar[int]
    kind: ClassVar[str]
    title: ClassVar[str]

    def __init__(
        self,
        detail: str,
        errors: Sequence[tuple[Path, str]] = (),
        headers: Mapping[str, str] | None = None,
    ):
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.headers = headers

    def response(self) -> Response:
        """As problem+json."""
        return problem_response(
            self.status, self.kind, self.title, self.detail, self.errors, self.headers
        )


class NotJson(Problem):
    status, kind, title = 400, "not-json", "The body is not JSON"


class NotMsgpack(Problem):
    status, kind, title = 400, "not-msgpack", "The body is not MessagePack"


class NotFound(Problem):
    status, kind, title = 404, "not-found", "No such thing"


class TooSlow(Problem):
    status, kind, title = 408, "too-slow", "The body stopped coming"


class TooLarge(Problem):
    status, kind, title = 413, "too-large", "The body is too large"


class WrongMediaType(Problem):
    status, kind, title = 415, "wrong-media-type", "This media type is not understood"


class InvalidRequest(Problem):
    """Understood, but wrong; each error has a path to the field and a remedy."""

    status, kind, title = 422, "invalid-request", "The request is not valid"

    def __init__(self, errors: Sequence[tuple[Path, str]]):
        count = len(errors)
        more = " or more" if count >= MOST_REPORTED else ""
        several = f"{count} things{more} are wrong; the first: " if count > 1 else ""
        super().__init__(several + (errors[0][1] if errors else "see errors"), errors)


class Unavailable(Problem):
    """Try again after a while."""

    status = 503

    def __init__(self, detail: str, retry_after_s: float):
        seconds = max(1, round(retry_after_s))
        super().__init__(detail, headers={"Retry-After": str(seconds)})


class Busy(Unavailable):
    kind, title = "busy", "The queue is full"


class WorkerLost(Unavailable):
    """`workers` processes died on the same task."""

    kind, title = "worker-lost", "The worker process died"

    def __init__(self, detail: str, retry_after_s: float, workers: int = 1):
        super().__init__(detail, retry_after_s)
        self.workers = workers


class ClusterAway(Unavailable):
    kind, title = "cluster-away", "The cluster does not answer"


class StoreAway(Unavailable):
    kind, title = "store-away", "The store does not answer"


def problem_response(
    status: int,
    kind: str,
    title: str,
    detail: str,
    errors: Sequence[tuple[Path, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The one shape of every error."""
    body = {
        "type": f"/problems/{kind}",
        "title": title,
        "status": status,
        "detail": detail,
        "errors": [{"pointer": pointer(p), "message": m} for p, m in errors[:MOST_REPORTED]],
    }
    return Response(to_json(body), status, dict(headers or {}), MEDIA_TYPE)


def defect_response() -> Response:
    """For what nobody has thought of; `http.middleware` logs it, with the id of the answer."""
    return problem_response(
        500,
        "internal-error",
        "The service has a defect",
        "This should not happen. Please report it with the X-Request-ID of this answer.",
    )


def pointer(path: Path) -> str:
    """RFC 6901; overlong names, which only a client can have made, are cut."""
    parts = (str(part)[:100].replace("~", "~0").replace("/", "~1") for part in path)
    return "".join(f"/{part}" for part in parts)


def did_you_mean(name: str, known: Collection[str], alike: float = 0.6) -> str:
    """', did you mean "..."' where one is near."""
    close = nearest(name, known, alike)
    return f', did you mean "{close}"?' if close else ""


def in_a_line(error: BaseException) -> str:
    """What the database itself says, without the statement or what was to be written."""
    said = str(getattr(error, "orig", None) or error)
    return next(iter(said.splitlines()), type(error).__name__)


def methods_at(request: Request) -> list[str]:
    """What a path takes, in whatever routes (Starlette tells of the first alone)."""
    routes, scope = request.app.router.routes, request.scope
    taken = [
        method
        for method in ("GET", "POST", "DELETE")
        if any(r.matches({**scope, "method": method})[0] is Match.FULL for r in routes)
    ]
    return [*taken, "HEAD"] if "GET" in taken else taken


def install(app: FastAPI) -> None:
    """Every exception that is expected to its answer."""

    @app.exception_handler(Problem)
    async def own(_: Request, error: Problem) -> Response:
        return error.response()

    @app.exception_handler(exc.DBAPIError)
    @app.exception_handler(exc.TimeoutError)  # of the pool of connections
    async def store(request: Request, error: exc.SQLAlchemyError) -> Response:
        expected = isinstance(error, exc.OperationalError | exc.TimeoutError)  # as of a full disk
        logger.error(
            "the store failed: %s",
            in_a_line(error),
            exc_info=None if expected else error,
            extra={"path": request.url.path},
        )
        detail = "It cannot be read or written: perhaps its disk is full. Try again later."
        return StoreAway(detail, 5.0).response()

    @app.exception_handler(RequestValidationError)
    async def validation(_: Request, error: RequestValidationError) -> Response:
        # only query and path parameters come here: bodies are read by `reading.body`
        errors = [
            (
                tuple(e["loc"][1:]),
                REQUIRED
                if e["type"] == "missing"
                else re.sub("^(Input|String) should", "should", str(e["msg"])),
            )
            for e in error.errors()[:MOST_REPORTED]
        ]
        return InvalidRequest(errors).response()

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        if error.status_code == HTTPStatus.NOT_FOUND:
            raised = NotFound("There is nothing at this path; GET /docs shows what there is.")
            return raised.response()
        phrase = HTTPStatus(error.status_code).phrase
        kind = phrase.lower().replace(" ", "-")
        details = {405: "This path does not take this method; GET /docs shows what it takes."}
        detail = details.get(error.status_code, phrase)
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(methods_at(request))
        return problem_response(error.status_code, kind, phrase, detail, headers=headers)
