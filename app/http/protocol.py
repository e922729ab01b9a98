"""HTTP itself: what cannot be parsed is answered as problem+json, like everything else.

Clients that would rather speak HTTP/2 say so by `Upgrade: h2c` (curl --http2, Java's HttpClient). A
server may ignore it (RFC 9110, 7.8), and this one ignores all upgrades.

The parser takes a head of any size. Its parts are counted as they come; but of a header that does
not end the parser says nothing, and so the bytes are counted of which it says nothing.

A head also has its time. How long a body may be silent, who reads it knows (`reading.body`).
"""

import asyncio
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.errors import problem_response
from app.http.ids import new_id

MOST_HEAD_BYTES = 2**16  # of a request line and headers; or of what follows a chunked body


class HeadTooLong(Exception):
    """The head is longer than any should be."""


class Protocol(HttpToolsProtocol):
    """uvicorn's, but for the words that a client gets whose request is not HTTP, and for upgrades.

    And for heads that do not end, by their bytes or by the clock.

    The parser takes what follows the head of an upgrade for another protocol, not for a body. So
    it gets the head once more, without the header that asks for it.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._head_bytes = 0  # of this head, until now
        self._unseen = 0  # bytes since the parser found something
        self._in_head = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self._silence_s = float(self.app_state["max_silence_s"])  # from the lifespan
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting.cancel()
        super().connection_lost(exc)

    def _wait(self) -> None:
        """For a head, but not for ever."""
        self._waiting = self.loop.call_later(self._silence_s, self._waited)

    def _waited(self) -> None:
        if self._in_head:
            self._refuse_slow()
        else:  # nothing was asked
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if self._waiting.cancelled() and self.cycle.response_complete:
            self._wait()
        while data:
            self._unseen += len(data)
            try:
                self.parser.feed_data(data)
                if self._unseen > MOST_HEAD_BYTES:
                    raise HeadTooLong
            except (httptools.HttpParserError, HeadTooLong) as error:
                self.logger.warning("Invalid HTTP request received.")
                # an exception of ours is the parser's error, too
                if isinstance(error.__context__ or error, HeadTooLong):
                    self._refuse_head()
                else:
                    self.send_400_response("")
                return
            except httptools.HttpParserUpgrade as upgrade:
                # a tunnel (CONNECT) is none for want of a header: it has been refused
                data = self._head() + data[upgrade.args[0] :] if self._ignores_upgrade else b""
            else:
                return

    @property
    def _ignores_upgrade(self) -> bool:
        """Whether the head that was read asks for an upgrade, and is to be read again."""
        return bool(self.parser.should_upgrade()) and self.parser.get_method() != b"CONNECT"

    def _head(self) -> bytes:
        """What was read of this request, without `Upgrade`."""
        line = b"%b %b HTTP/%b" % (
            self.parser.get_method(),
            self.url,
            self.parser.get_http_version().encode(),
        )
        kept = [b"%b: %b" % pair for pair in self.headers if pair[0] != b"upgrade"]
        return b"\r\n".join([line, *kept, b"", b""])

    def on_message_begin(self) -> None:
        self._head_bytes = self._unseen = 0
        self._in_head = True
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + len(b": \r\n"))
        super().on_header(name, value)

    def _count(self, size: int) -> None:
        self._unseen = 0
        self._head_bytes += size
        if self._head_bytes > MOST_HEAD_BYTES:
            raise HeadTooLong

    def on_body(self, body: bytes) -> None:
        self._unseen = 0
        if self.cycle.response_complete:  # it was refused, but comes all the same
            self._waiting.cancel()
            self._wait()
        super().on_body(body)

    def on_headers_complete(self) -> None:
        self._head_bytes = self._unseen = 0
        self._in_head = False
        self._waiting.cancel()
        if not self._ignores_upgrade:
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._unseen = 0
        if not self._ignores_upgrade:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(
            HTTPStatus.BAD_REQUEST,
            "invalid-http",
            "Not a valid HTTP request",
            "The request line or a header is not valid HTTP. Long input belongs into the body; "
            "what is beyond its Content-Length, which counts bytes, is taken for another request.",
        )

    def _refuse_head(self) -> None:
        self._refuse(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            "head-too-large",
            "The request's head is too large",
            "The request line and the headers are longer than 64 kB. "
            "Long input belongs into the body.",
        )

    def _refuse_slow(self) -> None:
        self._refuse(
            HTTPStatus.REQUEST_TIMEOUT,
            "slow-head",
            "The request's head took too long",
            f"It did not end within {self._silence_s:g} seconds (max_silence_s, GET /limits). "
            "Send it again.",
        )

    def _refuse(self, status: HTTPStatus, kind: str, title: str, detail: str) -> None:
        """Close the connection with these words."""
        own = {"Connection": "close", "X-Request-ID": new_id().decode()}
        response = problem_response(status, kind, title, detail, headers=own)
        line = f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
        headers = [*self.server_state.default_headers, *response.raw_headers]
        head = b"".join(b"%b: %b\r\n" % pair for pair in headers)
        self.transport.write(b"%b%b\r\n%b" % (line, head, bytes(response.body)))
        self.transport.close()
