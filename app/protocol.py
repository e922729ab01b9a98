"""HTTP itself: what cannot be parsed is answered as problem+json, like everything else."""

from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.errors import problem_response


class Protocol(HttpToolsProtocol):
    """uvicorn's, but for the words that a client gets whose request is not HTTP."""

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
