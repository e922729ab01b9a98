"""Clients that hang up: what was done for them stops."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from fastapi import Request

T = TypeVar("T")

GONE = 499  # the status that the log and the metrics have of it
PATIENCE_S = 0.05  # after which somebody looks whether the client is still there


class ClientGone(Exception):
    """Nobody is there to answer."""


async def unless_gone(request: Request, work: Awaitable[T]) -> T:
    """What the work comes to; a client that hangs up meanwhile cancels it."""
    working = asyncio.ensure_future(work)
    watch = Watch(request, working)
    try:
        return await working
    except asyncio.CancelledError:
        if watch.client_is_gone:
            raise ClientGone from None
        raise
    finally:
        watch.end()
        working.cancel()


class Watch:
    """Cancels work once the client has hung up; most fits are done before it begins to look."""

    def __init__(self, request: Request, work: "asyncio.Future[Any]"):
        self.client_is_gone = False
        self._request = request
        self._work = work
        self._looking: asyncio.Future[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(PATIENCE_S, self._begin)

    def _begin(self) -> None:
        self._looking = asyncio.ensure_future(self._look())

    async def _look(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        self.client_is_gone = self._work.cancel()

    def end(self) -> None:
        self._timer.cancel()
        if self._looking is not None:
            self._looking.cancel()
