"""HTTP as some clients begin it: with an offer to speak something else, which we do not take."""

import asyncio
import json
import re
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from app.http.protocol import Protocol

OFFERS = {
    "curl --http2": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n",
    "websocket": b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
    "none": b"",
}


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Says what it was sent."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    head = {"type": "http.response.start", "status": 200}
    content = json.dumps([scope["method"], scope["path"], body.decode()]).encode() + b"\n"
    await send(head | {"headers": [(b"content-length", b"%d" % len(content))]})
    await send({"type": "http.response.body", "body": content})


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.closed = b"", False

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


def connected(silence_s: float = 60.0, app: Any = echo) -> tuple[Protocol, Wire]:
    """A connection that has just been made."""
    config, state = Config(app, ws="none", log_config=None), {"max_silence_s": silence_s}
    protocol, wire = Protocol(config, ServerState(), state), Wire()
    protocol.connection_made(wire)
    return protocol, wire


async def answered(*pieces: bytes) -> Wire:
    """What a connection answers to these pieces."""
    protocol, wire = connected()
    for piece in pieces:
        if wire.closed:
            break
        protocol.data_received(piece)
        await asyncio.sleep(0)
    for _ in range(50):
        await asyncio.sleep(0)
    protocol.connection_lost(OSError())  # without one it would close the wire itself
    return wire


def echoes(wire: Wire) -> list[Any]:
    return [json.loads(line) for line in wire.written.split(b"\n") if line.startswith(b"[")]


def post(offer: bytes, body: bytes = b"all of it") -> bytes:
    return b"POST /fit HTTP/1.1\r\nHost: here\r\n%bContent-Length: %d\r\n\r\n%b" % (
        offer,
        len(body),
        body,
    )


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
@pytest.mark.parametrize("offer", OFFERS.values(), ids=[*OFFERS])
def test_a_body_arrives_whatever_else_its_client_would_speak(offer: bytes, size: int) -> None:
    chunked = b"POST /chunked HTTP/1.1\r\n%bTransfer-Encoding: chunked\r\n\r\n" % offer
    sent = post(offer) + chunked + b"4\r\nhalf\r\n5\r\n half\r\n0\r\n\r\n" + post(b"", b"next")
    pieces = [sent[first : first + size] for first in range(0, len(sent), size)]
    assert echoes(asyncio.run(answered(*pieces))) == [
        ["POST", "/fit", "all of it"],
        ["POST", "/chunked", "half half"],
        ["POST", "/fit", "next"],
    ]


@pytest.mark.parametrize(
    "sent",
    [b"no http\r\n\r\n", b"CONNECT here:80 HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
)
def test_what_is_no_request_is_refused_in_words(sent: bytes) -> None:
    wire = asyncio.run(answered(sent))
    assert wire.written.startswith(b"HTTP/1.1 400 ")
    assert b"/problems/invalid-http" in wire.written
    assert re.search(rb"\r\nx-request-id: [0-9a-f]{16}\r\n", wire.written)
    assert wire.closed


HEAD = b"POST /fit HTTP/1.1\r\nHost: here\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
ENDLESS = {
    "headers": HEAD + b"x: y\r\n" * 70_000,
    "a header": HEAD + b"x: " + b"y" * 400_000,
    "its name": HEAD + b"y" * 400_000,
    "the line": b"GET /" + b"y" * 400_000,
    "trailers": CHUNKED + b"0\r\n" + b"x: y\r\n" * 70_000,
    "a trailer": CHUNKED + b"0\r\nx: " + b"y" * 400_000,
    "a chunk's head": CHUNKED + b"5;" + b"y" * 400_000,
    "headers again": post(b"") + HEAD + b"x: y\r\n" * 70_000,
}


@pytest.mark.parametrize("size", [1000, 10_000, 2**18])
@pytest.mark.parametrize("sent", ENDLESS.values(), ids=[*ENDLESS])
def test_a_head_that_does_not_end_is_refused(sent: bytes, size: int) -> None:
    pieces = [sent[first : first + size] for first in range(0, len(sent), size)]
    wire = asyncio.run(answered(*pieces))
    assert wire.closed
    assert wire.written.count(b"HTTP/1.1 431 Request Header Fields Too Large\r\n") == 1
    assert b"/problems/head-too-large" in wire.written


@pytest.mark.parametrize("size", [1000, 10**6])
def test_each_head_is_counted_by_itself_and_no_body(size: int) -> None:
    headers = b"".join(b"x%d: %b\r\n" % (i, b"y" * 90) for i in range(600))
    one = post(headers, b"z" * 100_000)
    chunks = b"%x\r\n%b\r\n" % (10, b"z" * 10) * 10_000
    many = HEAD + headers + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    sent = (one + many) * 3
    pieces = [sent[first : first + size] for first in range(0, len(sent), size)]
    assert echoes(asyncio.run(answered(*pieces))) == [["POST", "/fit", "z" * 100_000]] * 6


SILENCE_S = 0.2


async def refuse(scope: Any, receive: Any, send: Any) -> None:
    """Reads no body."""
    head = {"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"0")]}
    await send(head)
    await send({"type": "http.response.body"})


async def trickled(app: Any, first: bytes, *more: bytes) -> Wire:
    """What comes of pieces, one after the other: for five times as long as nothing may come."""
    protocol, wire = connected(SILENCE_S, app)
    for piece in (first, *more, *[b""] * (20 - len(more))):
        if piece and not wire.closed:
            protocol.data_received(piece)
        await asyncio.sleep(SILENCE_S / 4)
    protocol.connection_lost(OSError())
    return wire


LONG = HEAD + b"Content-Length: 100\r\n\r\n"


@pytest.mark.parametrize("app", [echo, refuse])
@pytest.mark.parametrize("before", [b"", post(b"")], ids=["first", "later"])
def test_a_head_that_takes_too_long_is_refused(before: bytes, app: Any) -> None:
    wire = asyncio.run(trickled(app, before + HEAD, *[b"x: y\r\n"] * 20))
    assert wire.closed
    assert wire.written.count(b"HTTP/1.1 ") == (2 if before else 1)
    assert wire.written.count(b"HTTP/1.1 408 Request Timeout\r\n") == 1
    assert json.loads(wire.written.rpartition(b"\r\n")[2])["type"] == "/problems/slow-head"


@pytest.mark.parametrize(
    ("pieces", "answers"),
    [([b""], 0), ([b"\r\n"] * 20, 0), ([post(b"")] + [b"\r\n"] * 20, 1), ([LONG, b"1"], 1)],
    ids=["nothing", "ends of lines", "the same later", "some of a body that was refused"],
)
def test_who_asks_nothing_is_hung_up_on(pieces: list[bytes], answers: int) -> None:
    wire = asyncio.run(trickled(refuse, *pieces))
    assert wire.closed
    assert wire.written.count(b"HTTP/1.1 ") == wire.written.count(b"HTTP/1.1 413 ") == answers


@pytest.mark.parametrize("app", [echo, refuse])
def test_a_body_may_take_its_time(app: Any) -> None:
    wire = asyncio.run(trickled(app, LONG, *[b"12345"] * 20))
    assert not wire.closed
    assert wire.written.count(b"HTTP/1.1 ") == 1
    assert b" 408 " not in wire.written


def test_who_has_asked_waits_as_long_as_it_takes() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(4 * SILENCE_S)
        await echo(scope, receive, send)

    wire = asyncio.run(trickled(slow, post(b""), b"GET /next HTTP/1.1\r\n"))
    assert echoes(wire) == [["POST", "/fit", "all of it"]]
    assert not wire.closed
