"""Bodies that do not come as they should."""

import asyncio
import contextlib
import json
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import Request

from app.errors import NotJson, WrongMediaType
from app.http.gone import ClientGone
from app.http.headers import JSON, media_type_of, wants_binary
from app.operation.room import FREE, Bodies, ManyBodies
from app.reading.body import LONG, pieces, read_body
from app.routes.batch import answer_batch
from app.routes.fit import answer_fit
from app.schemas.kinds import HISTOGRAM
from app.schemas.requests import HistogramRequest
from app.service import Service, service_of
from app.settings import Settings
from tests.examples import SMALL_HISTOGRAM


def test_who_hangs_up_while_sending_is_gone_and_no_defect() -> None:
    service = SimpleNamespace(settings=SimpleNamespace(max_silence_s=60.0))
    messages: list[Any] = [
        {"type": "http.request", "body": b"half of a ", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Any:
        return messages.pop(0)

    async def read() -> None:
        app = SimpleNamespace(state=SimpleNamespace(service=service))
        body = pieces(Request({"type": "http", "app": app}, receive))
        assert await anext(body) == b"half of a "
        with pytest.raises(ClientGone):
            await anext(body)

    asyncio.run(read())


def posted(
    body: bytes = b"", bodies: Bodies | None = None, *, cut_short: bool = False, **headers: str
) -> Request:
    """A request with this body; `cut_short`: then its client hangs up."""
    service = SimpleNamespace(settings=Settings(), bodies=bodies or Bodies(2**30))
    messages: list[Any] = [{"type": "http.request", "body": body}, {"type": "http.disconnect"}]
    messages[0]["more_body"] = cut_short

    async def receive() -> Any:
        return messages.pop(0)

    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    app = SimpleNamespace(state=SimpleNamespace(service=service))
    return Request({"type": "http", "app": app, "headers": sent}, receive)


async def read_histogram(request: Request) -> Any:
    with service_of(request).bodies.room() as hold:
        return await read_body(request, HistogramRequest, hold)


def test_a_byte_order_mark_is_skipped_and_utf_16_told() -> None:
    text = json.dumps(SMALL_HISTOGRAM)
    request = posted(text.encode("utf-8-sig"))
    assert asyncio.run(read_histogram(request)).raw == text.encode()
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        with pytest.raises(NotJson, match="UTF-16"):
            asyncio.run(read_histogram(posted(text.encode(encoding))))


@pytest.mark.parametrize(
    ("length", "waits"), [(LONG - 1, False), (LONG, True)], ids=["short", "long"]
)
def test_while_a_long_body_is_read_others_are_served(
    monkeypatch: pytest.MonkeyPatch, length: int, waits: bool
) -> None:
    served = threading.Event()
    monkeypatch.setattr("app.reading.body.parse", lambda *_: served.wait(10 if waits else 0))

    async def read() -> None:
        asyncio.get_running_loop().call_soon(served.set)
        found = await read_histogram(posted(b"x" * length))
        assert found.content is waits

    asyncio.run(read())


def test_long_bodies_have_so_much_room_together_and_give_it_back() -> None:
    bodies = Bodies(2**20)
    half = json.dumps(SMALL_HISTOGRAM).encode().ljust(FREE + 2**19)
    small = json.dumps(SMALL_HISTOGRAM).encode()

    async def read(body: bytes, error: type[Exception] | None = None, **how: Any) -> None:
        with contextlib.nullcontext() if error is None else pytest.raises(error):
            await read_histogram(posted(body, bodies, **how))

    async def read_in_turns() -> None:
        with bodies.room() as hold:
            hold(FREE + 2**18)
            hold(FREE + 2**19)
            assert bodies.held == 2**19
            await read(half)
            await read(half + b" ", ManyBodies)
            await read(half, ClientGone, cut_short=True)
            await read(half[:-1] + b"}", NotJson)
            assert bodies.held == 2**19
            hold(FREE + 2**20)
            await read(half, ManyBodies)
            await read(small)
        assert bodies.held == 0
        await read(half)

    asyncio.run(read_in_turns())


class Waiting(Exception):
    """Somebody began to wait for a fit."""


BATCH = {"edges": [0, 1, 2], "counts": [[1, 2]], "model": "gaussian"}
ANSWERED: list[tuple[Any, Any]] = [
    (lambda request: answer_fit(request, HistogramRequest), SMALL_HISTOGRAM),
    (lambda request: answer_batch(request, HISTOGRAM), BATCH),
]


@pytest.mark.parametrize(("answer", "asked"), ANSWERED, ids=["fit", "batch"])
def test_a_body_has_its_room_until_it_is_answered(
    monkeypatch: pytest.MonkeyPatch, answer: Any, asked: Any
) -> None:
    bodies, held = Bodies(2**20), []
    request = posted(json.dumps(asked).encode().ljust(FREE + 2**19), bodies)

    async def wait(*_: Any) -> None:
        held.append(bodies.held)
        raise Waiting

    service: Any = service_of(request)
    service.allowed_s, service.outcome, service.cluster = lambda _: 30.0, wait, None
    service.pool = SimpleNamespace(refuse_if_full=lambda: None)
    monkeypatch.setattr("app.routes.batch.Dealer", lambda *_: SimpleNamespace(run=wait))
    with pytest.raises(Waiting):
        asyncio.run(answer(request))
    assert held == [2**19]
    assert bodies.held == 0


@pytest.mark.parametrize("longest", ["max_body_bytes", "max_line_bytes"])
@pytest.mark.parametrize("most", [2**10, 2**30])
def test_there_is_room_for_one_body_whatever_it_may_be(most: int, longest: str) -> None:
    limits = {"max_body_bytes": 2**20, "max_line_bytes": 2**20, longest: 2**25}
    settings = Settings(max_bodies_bytes=most, **limits)  # type: ignore[arg-type]
    parts: Any = [None] * 4
    with Service(settings, *parts).bodies.room() as hold:
        hold(2**25)


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("application/msgpack", True),
        ("Application/MsgPack", True),
        ("application/json;q=0.5, application/msgpack", True),
        ("application/json, application/msgpack", True),  # by name, and nothing else said
        ("application/msgpack, */*;q=0.1", True),
        ("application/msgpack; q=0.4, */*;q=0.8, application/json;q=0.3", True),
        ("application/msgpack;q=0.5, application/json", False),
        ("application/msgpack;q=0.5, application/*", False),
        ("application/msgpack;q=0.5, */*;q=0.8", False),
        ("application/msgpack;q=0", False),
        ("application/msgpack;q=0.000", False),
        ("*/*", False),
        ("application/*;q=0.1", False),
        ("text/html, application/xhtml+xml;q=0.9", False),
        ("", False),
    ],
)
def test_what_is_accepted_is_weighed(accept: str, wanted: bool) -> None:
    assert wants_binary(posted(accept=accept)) is wanted
    assert wants_binary(posted()) is False


def test_no_encoding_has_several_spellings() -> None:
    for encoding in ("", "identity", "Identity"):
        assert media_type_of(posted(content_encoding=encoding)) == JSON
    with pytest.raises(WrongMediaType):
        media_type_of(posted(content_encoding="gzip"))
