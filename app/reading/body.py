"""Reading a body: JSON straight into Pydantic, seven times faster than `json`; or MessagePack.

The numbers of large bodies take a shorter way (`arrays`).
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fastapi import Request
from pydantic import ValidationError
from starlette.requests import ClientDisconnect

from app.errors import TooLarge, TooSlow, WrongMediaType
from app.http.gone import ClientGone
from app.http.headers import JSON, MSGPACK, NDJSON, RESPOND_ASYNC, media_type_of, refuse_csv
from app.reading.arrays import with_arrays
from app.reading.binary import unpack
from app.reading.crowded import most_names, refuse_crowded
from app.reading.names import refuse_twice
from app.reading.validation import from_json_validation, from_validation
from app.schemas import base
from app.service import service_of

BOM = b"\xef\xbb\xbf"  # of UTF-8, which editors and PowerShell put first; RFC 8259, 8.1

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
