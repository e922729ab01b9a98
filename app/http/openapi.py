"""OpenAPI: FastAPI's own, plus what it cannot know of bodies that are read by `reading.body`."""

import json
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from app.examples import ANSWERS
from app.http.headers import JSON, MSGPACK, NDJSON
from app.schemas.answers import ProblemAnswer
from app.schemas.jobs import JobRow
from app.schemas.kinds import KINDS
from app.schemas.requests import REQUESTS

SCHEMAS: list[tuple[type[BaseModel], JsonSchemaMode]] = [
    *((s, "validation") for s in REQUESTS.values()),
    *((s, "validation") for k in KINDS.values() for s in (k.request, k.head, k.line)),
    (JobRow, "serialization"),
    (ProblemAnswer, "serialization"),
]

#: A header that all answers have.
IDENTIFIED = {
    "X-Request-ID": {
        "description": "The request's own, if it had one, or a new one; the log has it, too",
        "required": True,
        "schema": {"type": "string"},
    }
}


def document(app: FastAPI) -> None:
    """Give the app an `openapi` method that knows all schemas."""

    def openapi() -> dict[str, Any]:
        known, schema = app.openapi_schema, FastAPI.openapi(app)
        if schema is not known:
            template = "#/components/schemas/{model}"
            _, ours = models_json_schema(SCHEMAS, ref_template=template)
            components = schema["components"]["schemas"]
            components |= {n: with_defaults_told(one) for n, one in ours["$defs"].items()}
            for operation in (one for path in schema["paths"].values() for one in path.values()):
                for response in operation["responses"].values():
                    response["headers"] = response.get("headers", {}) | IDENTIFIED
            for path, answer in ANSWERS.items():  # FastAPI would take the nulls out
                told = schema["paths"][path]["post"]["responses"]["200"]["content"]
                told[JSON]["example"] = answer
        return schema

    app.openapi = openapi  # type: ignore[method-assign]


def with_defaults_told(schema: dict[str, Any]) -> dict[str, Any]:
    """Defaults in words: generated clients often must send, or expect, what has a `default`."""
    for field in schema.get("properties", {}).values():
        default = field.pop("default", None)
        if default not in (None, ""):
            told = [field.get("description"), f"Default: {json.dumps(default)}"]
            field["description"] = ". ".join(filter(None, told))
    return schema


def request_body(
    schema: type[BaseModel],
    examples: dict[str, Any],
    *,
    or_binary: bool = False,
    lines: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The OpenAPI entry of a body that `reading.body` takes, whose schema is in the document.

    `lines` is the entry of the same as NDJSON, where that is taken.
    """
    content: dict[str, Any] = {
        JSON: {
            "schema": {"$ref": f"#/components/schemas/{schema.__name__}"},
            "examples": {name: {"value": value} for name, value in examples.items()},
        }
    }
    if or_binary:
        content[MSGPACK] = {"schema": {"type": "string", "format": "binary"}}
    if lines is not None:
        content[NDJSON] = lines
    return {"requestBody": {"required": True, "content": content}}
