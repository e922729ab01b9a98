"""While the queue is full, single fits are turned away at the door.

Under overload most requests are, and what each of them costs is taken from the fits: no route is
looked for, no body read, no answer made and no line logged for each. The metrics count them all.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.workers.pool import WorkerPool

logger = logging.getLogger("fit.requests")

RENEWED_EVERY_S = 1.0


@dataclass(frozen=True)
class Closed:
    """In the place of the route that was not looked for; the metrics ask for its path."""

    path: str


def is_turned_away(scope: Scope) -> bool:
    """Whether the door has answered this request."""
    return isinstance(scope.get("route"), Closed)


class Door:
    """Answers posts to `paths` itself, with Busy, while no more fits may wait."""

    def __init__(self, app: ASGIApp, paths: Sequence[str]):
        self.app = app
        self._routes = {path: Closed(path) for path in paths}
        self._refusal: Response | None = None
        self._made = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.get(scope["path"]) if scope["type"] == "http" else None
        if route is not None and scope["method"] == "POST":
            pool: WorkerPool = scope["app"].state.service.pool
            if pool.is_full:
                scope["route"] = route
                await self._refuse(pool)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _refuse(self, pool: WorkerPool) -> Response:
        """What it says of the queue is a second old at most."""
        now = time.monotonic()
        if self._refusal is None or now - self._made > RENEWED_EVERY_S:
            self._refusal, self._made = pool.busy().response(), now
            logger.warning("the queue is full, fits are turned away")
        return self._refusal
