"""Reading a body: JSON straight into Pydantic, seven times faster than `json`; or MessagePack.

The numbers of large bodies take a shorter way (`arrays`).
"""

import asyncio
import contextlib
import re
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from app.errors import TooLarge, TooSlow, WrongMediaType
from app.jobs.prefer import RESPOND_ASYNC
from app.reading.arrays import with_arrays
from app.reading.binary import MSGPACK, unpack
from app.reading.crowded import most_names, refuse_crowded
from app.reading.names import refuse_twice
from app.reading.validation import from_json_validation, from_validation
from app.reading.wording import NOT_OFFERED
from app.schemas import base
from app.service import ClientGone, service_of

JSON = "application/json"
NDJSON = "application/x-ndjson"
ALSO_NDJSON = {"application/ndjson", "application/jsonl"}
BOM = b"\xef\xbb\xbf"  # of UTF-8, which editors and PowerShell put first; RFC 8259, 8.1

WEIGHT = re.compile(r"q=[01](\.\d{0,3})?")
LONG = 2**20  # bytes; to read them takes ten milliseconds, in which others are to be served

T = TypeVar("T", bound=base.Request)
R = TypeVar("R")


@dataclass(frozen=True)
class Body(Generic[T]):
    """A valid request and the bytes that it came in."""

    content: T
    raw: bytes


async def read_body(
    request: Request, schema: type[T], hold: Callable[[int], None], *, or_binary: bool = False
) -> Body[T]:
    """The body, read and validated; `or_binary`: it may be MessagePack.

    `hold` finds room for it (`room`), which it has as long as the request takes to be answered.
    """
    refuse_csv(request)
    media_type = media_type_of(request)
    binary = or_binary and media_type == MSGPACK
    if not binary and media_type != JSON and not media_type.endswith("+json"):
        lines = f"with Prefer: {RESPOND_ASYNC} as {NDJSON}, a row a line"
        other = f" (or as {MSGPACK}, or {lines})" if or_binary else ""
        curl = f"with curl by -H 'Content-Type: {JSON}'"
        raise WrongMediaType(f"Send the body as {JSON}, {curl}{other}.")
    settings = service_of(request).settings
    raw = await read(request, settings.max_body_bytes, hold)
    raw = raw if binary else raw.removeprefix(BOM)
    reader, most = parse_binary if binary else parse, most_names(settings)
    return Body(await aside(raw, reader, schema, raw, most), raw)


async def aside(raw: bytes, work: Callable[..., R], *args: Any) -> R:
    """What `work` makes of these bytes; of many in a thread, while others are served."""
    return work(*args) if len(raw) < LONG else await asyncio.to_thread(work, *args)


def wants_binary(request: Request) -> bool:
    """Whether the client accepts MessagePack by name, and likes it no less than JSON."""
    likes = dict(map(_liked, ",".join(request.headers.getlist("accept")).split(",")))
    least = next((likes[one] for one in (JSON, "application/*", "*/*") if one in likes), 0.0)
    return MSGPACK in likes and likes[MSGPACK] > 0 and likes[MSGPACK] >= least


def _liked(accepted: str) -> tuple[str, float]:
    """One entry of `Accept`: a media type and its weight (RFC 9110, 12.4.2)."""
    media_type, *parameters = accepted.lower().replace(" ", "").split(";")
    weight = next((one[2:] for one in parameters if WEIGHT.fullmatch(one)), "1")
    return media_type, float(weight)


def media_type_of(request: Request) -> str:
    """The body's; WrongMediaType where it is encoded."""
    if request.headers.get("content-encoding", "").strip().lower() not in ("", "identity"):
        raise WrongMediaType("Send the body without Content-Encoding.")
    given = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    return NDJSON if given in ALSO_NDJSON else given


def refuse_csv(request: Request) -> None:
    """WrongMediaType for what the contract has, but nobody has asked for yet."""
    if request.headers.get("content-type", "").lower().startswith("text/csv"):
        raise WrongMediaType(f"text/csv is {NOT_OFFERED}. Send the body as {JSON}.")


async def read(request: Request, most: int, hold: Callable[[int], None]) -> bytes:
    """The body, given up as soon as it is known to be too large, or finds no room."""
    announced = request.headers.get("content-length", "")
    too_large = TooLarge(f"The body is larger than {most} bytes (max_body_bytes, GET /limits).")
    if announced.isdigit() and int(announced) > most:
        raise too_large
    chunks, size = [], 0
    async for chunk in pieces(request):
        size += len(chunk)
        if size > most:
            raise too_large
        hold(size)
        chunks.append(chunk)
    return b"".join(chunks)


async def pieces(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes; TooSlow once nothing has come for a while, or ClientGone."""
    most = service_of(request).settings.max_silence_s
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(most):
                piece = await anext(stream, None)
        except TimeoutError:
            waited = f"Nothing of the body came for {most:g} seconds"
            raise TooSlow(f"{waited} (max_silence_s, GET /limits). Send it again.") from None
        except ClientDisconnect:
            raise ClientGone from None
        if piece is None:
            return
        yield piece


def parse(schema: type[T], raw: bytes, most: int = sys.maxsize) -> T:
    """The validated request, or the problem with it; of so many names it may be."""
    refuse_crowded(raw, most)
    sent = with_arrays(raw, schema.arrays)
    if sent is not None:
        with contextlib.suppress(ValidationError):
            return schema.model_validate(sent)
    try:
        read = schema.model_validate_json(raw)
    except ValidationError as error:
        raise from_json_validation(error, raw, schema) from None
    refuse_twice(raw)
    return read


def parse_binary(schema: type[T], raw: bytes, most: int = sys.maxsize) -> T:
    """The same of MessagePack."""
    sent = unpack(raw, most)
    try:
        return schema.model_validate(sent)
    except ValidationError as error:
        raise from_validation(error, sent, schema) from None


def request_body(
    schema: type[BaseModel],
    examples: dict[str, Any],
    *,
    or_binary: bool = False,
    lines: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The OpenAPI entry of such a body; `openapi.py` adds the schema it refers to.

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
