"""Pages of other origins: which may ask is told to browsers, refusals as everywhere."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import problem_response
from app.http.middleware import RequestContext
from app.operation.metrics import Metrics

EXPOSED = ["Location", "Preference-Applied", "Retry-After", "Server-Timing", "X-Request-ID"]
PREFLIGHT = ("origin", "access-control-request-method")
REFUSED = "What this page asks for is not allowed to it (FIT_CORS_ORIGINS): {}."


class Cors(CORSMiddleware):
    """Starlette's, but for preflights: they have an id and are counted, like all requests.

    It stands around `RequestContext`, so that pages can read what that says of a defect.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, origins: str):
        super().__init__(
            app,
            allow_origins=[origin.strip() for origin in origins.split(",")],
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["*"],
            expose_headers=EXPOSED,
        )
        self._preflight = RequestContext(super().__call__, metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asks = scope["type"] == "http" and scope["method"] == "OPTIONS"
        if asks and all(name in Headers(scope=scope) for name in PREFLIGHT):
            await self._preflight(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        if answer.status_code == HTTPStatus.OK:
            return answer
        what = bytes(answer.body).decode().removeprefix("Disallowed CORS ")
        kept = {k: v for k, v in answer.headers.items() if not k.startswith("content-")}
        return problem_response(
            HTTPStatus.BAD_REQUEST,
            "cors",
            "Not allowed to this page",
            REFUSED.format(what),
            headers=kept,
        )
