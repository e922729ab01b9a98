"""The error answers that OpenAPI shows beside the good ones."""

from typing import Any

from app.errors import MEDIA_TYPE

_TEXTS = {
    400: "Not JSON, not MessagePack, or not HTTP",
    404: "No such thing",
    408: "The body stopped coming",
    413: "The body is too large",
    415: "Wrong media type",
    422: "Understood, but wrong",
    503: "Full, a worker died, or no cluster or store; see Retry-After",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries for these statuses, all problem+json."""
    schema = {"$ref": "#/components/schemas/ProblemAnswer"}
    return {
        status: {"description": _TEXTS[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


FIT_PROBLEMS = problems(400, 408, 413, 415, 422, 503)
