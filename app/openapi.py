"""OpenAPI: FastAPI's own, plus the schemas of bodies that are read by `body.read_body`."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from app.schemas.answers import ProblemAnswer
from app.schemas.batches import HistogramBatchRequest, PointsBatchRequest
from app.schemas.jobs import JobRow
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
                    (JobRow, "serialization"),
                    (ProblemAnswer, "serialization"),
                ],
                ref_template="#/components/schemas/{model}",
            )
            components = schema.setdefault("components", {}).setdefault("schemas", {})
            components |= ours["$defs"]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
