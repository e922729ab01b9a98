"""Around each request: its id, its time, its line in the log, its count, and what went wrong.

Plain ASGI: Starlette's BaseHTTPMiddleware would hide the client's hanging up from the routes.
"""

import asyncio
import logging
import re
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import Unavailable, defect_response
from app.http.door import is_turned_away
from app.http.gone import GONE
from app.http.ids import new_id
from app.logs import request_id
from app.operation.metrics import Metrics

logger = logging.getLogger("fit.requests")

HEAD_ONLY = "fit.head_only"  # in the scope of a request that was a HEAD
QUIET = ("/livez", "/readyz", "/metrics")
_ID = b"x-request-id"
_SANE = re.compile(rb"[A-Za-z0-9_.:-]{1,100}")


class Leaving(Unavailable):
    kind, title = "leaving", "The service ends"


LEAVING = Leaving("It was told to stop before this was done. Try again at once.", 1.0)


class RequestContext:
    """Gives each request an id (the client's, if it sent a sane one) and accounts for it."""

    def __init__(self, app: ASGIApp, metrics: Metrics):
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        if scope["method"] == "HEAD":  # of which the server sends no body; the app knows no HEAD
            scope = {**scope, "method": "GET", HEAD_ONLY: True}
        sent = next((value for name, value in scope["headers"] if name == _ID), b"")
        identity = sent if _SANE.fullmatch(sent) else new_id()
        token = request_id.set(identity.decode())
        status: int | None = None

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # a list of its own: the same refusal is sent many times
                message["headers"] = [*message["headers"], (_ID, identity)]
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except asyncio.CancelledError:  # only the server does that, and goes on with its end
            logger.warning("cut off by the end", extra={"path": scope["path"][:200]})
            if status is None:
                await LEAVING.response()(scope, receive, send_with_id)
        except Exception:  # here and not in Starlette's handler, which knows neither id nor count
            logger.exception("unexpected error", extra={"path": scope["path"][:200]})
            if status is not None:
                raise  # the server breaks off what was begun
            await defect_response()(scope, receive, send_with_id)
        finally:
            self._account(scope, status or GONE, time.perf_counter() - began)
            request_id.reset(token)

    def _account(self, scope: Scope, status: int, seconds: float) -> None:
        # the route's template, never the path: ids would make a time series each
        route = getattr(scope.get("route"), "path", "unmatched")
        self.metrics.requests.labels(scope["method"], route, status).inc()
        self.metrics.request_seconds.labels(route).observe(seconds)
        level = logging.DEBUG if route in QUIET or is_turned_away(scope) else logging.INFO
        if logger.isEnabledFor(level):
            facts = {
                "method": scope["method"],
                "path": scope["path"][:200],
                "status": status,
                "ms": round(1e3 * seconds, 3),
            }
            logger.log(level, "request", extra=facts)
