"""What OpenAPI shows of answers besides their bodies: errors, and headers."""

from typing import Any

from app.errors import MEDIA_TYPE

_TEXTS = {
    404: "No such thing",
    408: "The head or the body stopped coming",
    413: "The body is too large",
    415: "Wrong media type",
    422: "Understood, but wrong",
    431: "The headers, or the address, are too long",
    503: "Full, a worker died, or no cluster or store; see Retry-After",
}


def _header(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The part of a response in OpenAPI that tells of a header which it always has."""
    return {"headers": {name: {"description": description, "required": True, "schema": schema}}}


#: Of answers that come with `translation.answer.server_timing`.
TIMED: dict[int | str, dict[str, Any]] = {
    200: _header("Server-Timing", "`timing_ms` and `kernel` of the answer", {"type": "string"})
}
_HEADERS = {503: _header("Retry-After", "Seconds", {"type": "integer", "minimum": 1})}


def problems(*statuses: int, unreadable: str = "Not HTTP") -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries, problem+json all: these statuses, and those of heads that are wrong or late.

    `unreadable` is what a 400 means.
    """
    schema = {"$ref": "#/components/schemas/ProblemAnswer"}
    texts = {**_TEXTS, 400: unreadable}
    return {
        status: {
            "description": texts[status],
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        | _HEADERS.get(status, {})
        for status in (400, *statuses, 408, 431)
    }


_OF_BODIES = (408, 413, 415, 422, 503)
FIT_PROBLEMS = problems(*_OF_BODIES, unreadable="Not JSON, or not HTTP")
BATCH_PROBLEMS = problems(*_OF_BODIES, unreadable="Not JSON, not MessagePack, or not HTTP")
