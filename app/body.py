"""Reading a JSON body: bytes straight into Pydantic, which is seven times faster than `json`."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from app.errors import TooLarge, WrongMediaType
from app.service import service_of
from app.validation import from_validation

JSON = "application/json"

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Body(Generic[T]):
    """A valid request and the bytes that it came in."""

    content: T
    raw: bytes


async def read_json(request: Request, schema: type[T]) -> Body[T]:
    """The body, read and validated."""
    media_type = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if media_type != JSON and not media_type.endswith("+json"):
        raise WrongMediaType(f"Send the body as {JSON}, with curl by -H 'Content-Type: {JSON}'.")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise WrongMediaType("Send the body without Content-Encoding.")
    raw = await read(request, service_of(request).settings.max_body_bytes)
    return Body(parse(schema, raw), raw)


async def read(request: Request, most: int) -> bytes:
    """The body, given up as soon as it is known to be too large."""
    announced = request.headers.get("content-length", "")
    too_large = TooLarge(f"The body is larger than {most} bytes (max_body_bytes, GET /limits).")
    if announced.isdigit() and int(announced) > most:
        raise too_large
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise too_large
        chunks.append(chunk)
    return b"".join(chunks)


def parse(schema: type[T], raw: bytes) -> T:
    """The validated request, or the problem with it."""
    try:
        return schema.model_validate_json(raw)
    except ValidationError as error:
        raise from_validation(error, raw) from None


def request_body(schema: type[BaseModel], examples: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI entry of such a body; `openapi.py` adds the schema it refers to."""
    content = {
        "schema": {"$ref": f"#/components/schemas/{schema.__name__}"},
        "examples": {name: {"value": value} for name, value in examples.items()},
    }
    return {"requestBody": {"required": True, "content": {JSON: content}}}
