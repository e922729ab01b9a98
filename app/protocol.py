"""HTTP itself: what cannot be parsed is answered as problem+json, like everything else.

Clients that would rather speak HTTP/2 say so by `Upgrade: h2c` (curl --http2, Java's HttpClient). A
server may ignore it (RFC 9110, 7.8), and this one ignores all upgrades.
"""

from http import HTTPStatus

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.errors import problem_response


class Protocol(HttpToolsProtocol):
    """uvicorn's, but for the words that a client gets whose request is not HTTP, and for upgrades.

    The parser takes what follows the head of an upgrade for another protocol, not for a body. So
    it gets the head once more, without the header that asks for it.
    """

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserError:
                self.logger.warning("Invalid HTTP request received.")
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

    def on_headers_complete(self) -> None:
        if not self._ignores_upgrade:
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self._ignores_upgrade:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        response = problem_response(
            HTTPStatus.BAD_REQUEST,
            "invalid-http",
            "Not a valid HTTP request",
            "The request line or a header is not valid HTTP, or the line is longer than 64 kB. "
            "Long input belongs into the body.",
            headers={"Connection": "close"},
        )
        head = b"".join(b"%b: %b\r\n" % pair for pair in response.raw_headers)
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n%b\r\n%b" % (head, bytes(response.body)))
        self.transport.close()
