"""A head or a body that stops coming is given up, a body that comes slowly is not."""

import json
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.app.test_batch_http import HISTOGRAMS, histograms
from tests.app.test_lifecycle import eventually
from tests.conftest import LiveServer, StartServer
from tests.examples import HISTOGRAM, SMALL_HISTOGRAM, fitted
from tests.jobs import NDJSON, accepted, post_lines, stored, streamed

SILENCE_S = 1.0
JSON = {"Content-Type": "application/json"}
BODY = json.dumps(SMALL_HISTOGRAM).encode()
LINES = streamed(histograms(8))


@pytest.fixture(scope="module")
def impatient(start_server: StartServer) -> Iterator[LiveServer]:
    with start_server(FIT_MAX_SILENCE_S=SILENCE_S, FIT_WORKERS=1) as server:
        yield server


@pytest.mark.parametrize(
    ("path", "headers", "body"), [(HISTOGRAM, JSON, BODY), (HISTOGRAMS, NDJSON, LINES)]
)
def test_a_body_that_stops_coming_is_refused(
    impatient: LiveServer, path: str, headers: dict[str, str], body: bytes
) -> None:
    url = httpx.URL(impatient.url)
    sent = {"Host": url.host, "Content-Length": len(body)} | headers
    lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    began = time.monotonic()
    with socket.create_connection((url.host, url.port or 80), timeout=20) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body[:-20])
        reply = connection.makefile("rb").read()  # until the server closes it
    assert SILENCE_S < time.monotonic() - began < 15
    head, _, problem = reply.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert json.loads(problem)["type"] == "/problems/too-slow"
    assert eventually(lambda: not stored(impatient), 10)


@pytest.mark.parametrize("head", [b"", b"POST /fit/histogram HTTP/1.1\r\nHost: here\r\n"])
def test_a_head_that_stops_coming_is_given_up(impatient: LiveServer, head: bytes) -> None:
    url = httpx.URL(impatient.url)
    began = time.monotonic()
    with socket.create_connection((url.host, url.port or 80), timeout=20) as connection:
        connection.sendall(head)
        reply = connection.makefile("rb").read()
    assert SILENCE_S < time.monotonic() - began < 15
    assert reply[:13] == (b"HTTP/1.1 408 " if head else b"")
    assert (b"/problems/slow-head" in reply) is bool(head)


def slowly(body: bytes) -> Iterator[bytes]:
    step = -(-len(body) // 8)
    for first in range(0, len(body), step):
        yield body[first : first + step]
        time.sleep(SILENCE_S / 4)


def test_a_slow_body_is_read_to_its_end(impatient: LiveServer) -> None:
    fitted(impatient.client.post(HISTOGRAM, content=slowly(BODY), headers=JSON))
    accepted(post_lines(impatient.client, HISTOGRAMS, slowly(LINES)))
