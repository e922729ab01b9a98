"""Who comes while the queue is full is turned away before anything is done for it."""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from app.errors import Busy
from app.http.door import Door, is_turned_away
from app.http.middleware import RequestContext
from app.operation.metrics import Metrics

PATH = "/fit/histogram"


class Behind:
    """An application that notes who came in, and its pool."""

    def __init__(self, *, full: bool):
        self.is_full = full
        self.let_in: list[str] = []
        service = SimpleNamespace(pool=self)
        self.state = SimpleNamespace(service=service)

    def busy(self) -> Busy:
        return Busy("Try again later.", 3.0)

    async def __call__(self, scope: Any, _receive: Any, _send: Any) -> None:
        self.let_in.append(scope["path"])


def knock(behind: Behind, path: str = PATH, method: str = "POST") -> tuple[Any, list[Any]]:
    """The scope afterwards, and what was sent; whoever reads the body fails."""
    scope = {"type": "http", "path": path, "method": method, "app": behind, "headers": []}
    sent: list[Any] = []

    async def read() -> None:
        raise AssertionError("the body was read")

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Door(behind, [PATH])(scope, read, send))
    return scope, sent


def test_a_fit_is_turned_away_while_the_queue_is_full() -> None:
    behind = Behind(full=True)
    scope, (start, body) = knock(behind)
    assert not behind.let_in
    assert start["status"] == 503
    assert dict(start["headers"])[b"retry-after"] == b"3"
    assert b"/problems/busy" in body["body"]
    assert scope["route"].path == PATH  # for the metrics
    assert is_turned_away(scope)  # for the log


@pytest.mark.parametrize(
    ("full", "path", "method"),
    [(False, PATH, "POST"), (True, "/livez", "POST"), (True, PATH, "GET")],
)
def test_everyone_else_is_let_in(full: bool, path: str, method: str) -> None:
    behind = Behind(full=full)
    scope, sent = knock(behind, path, method)
    assert not sent
    assert not is_turned_away(scope)
    assert behind.let_in == [path]


def test_many_are_told_in_one_line_and_each_with_an_id_of_its_own(
    caplog: pytest.LogCaptureFixture,
) -> None:
    behind, sent = Behind(full=True), list[Any]()
    door = RequestContext(Door(behind, [PATH]), Metrics())

    async def knock_often() -> None:
        async def ignore() -> None:
            pass

        async def send(message: Any) -> None:
            sent.append(message)

        for _ in range(100):
            scope = {"type": "http", "path": PATH, "method": "POST", "app": behind, "headers": []}
            await door(scope, ignore, send)  # type: ignore[arg-type]

    with caplog.at_level(logging.WARNING, "fit.requests"):
        asyncio.run(knock_often())
    assert 1 <= len(caplog.records) <= 2
    starts = [message for message in sent if message["type"] == "http.response.start"]
    ids = [[v for k, v in start["headers"] if k == b"x-request-id"] for start in starts]
    assert len({identity for (identity,) in ids}) == 100
