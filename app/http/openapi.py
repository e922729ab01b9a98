"""OpenAPI: FastAPI's own, plus the schemas of bodies that are read by `body.read_body`."""

import json
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from app.examples import ANSWERS
from app.schemas.answers import ProblemAnswer
from app.schemas.batches import (
    HistogramBatchRequest,
    HistogramHead,
    PointsBatchRequest,
    PointsHead,
)
from app.schemas.jobs import HistogramLine, JobRow, PointsLine
from app.schemas.requests import HistogramRequest, PointsRequest


def document(app: FastAPI) -> None:
    """Give the app an `openapi` method that knows all schemas."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                description=app.description,
                routes=app.routes,
                tags=app.openapi_tags,
                servers=app.servers,
            )
            _, ours = models_json_schema(
                [
                    (HistogramRequest, "validation"),
                    (PointsRequest, "validation"),
                    (HistogramBatchRequest, "validation"),
                    (PointsBatchRequest, "validation"),
                    (HistogramHead, "validation"),
                    (HistogramLine, "validation"),
                    (PointsHead, "validation"),
                    (PointsLine, "validation"),
                    (JobRow, "serialization"),
                    (ProblemAnswer, "serialization"),
                ],
                ref_template="#/components/schemas/{model}",
            )
            components = schema.setdefault("components", {}).setdefault("schemas", {})
            components |= {n: with_defaults_told(one) for n, one in ours["$defs"].items()}
            for path, answer in ANSWERS.items():  # FastAPI would take the nulls out
                told = schema["paths"][path]["post"]["responses"]["200"]["content"]
                told["application/json"]["example"] = answer
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def with_defaults_told(schema: dict[str, Any]) -> dict[str, Any]:
    """Defaults in words: generated clients often must send, or expect, what has a `default`."""
    for field in schema.get("properties", {}).values():
        default = field.pop("default", None)
        if default not in (None, ""):
            told = [field.get("description"), f"Default: {json.dumps(default)}"]
            field["description"] = ". ".join(filter(None, told))
    return schema
