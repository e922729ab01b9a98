"""A job on its way in: rows become chunks in the store, and the job is promised once all are there.

Nothing of a job is left behind whose rows have a mistake, or whose client goes.
"""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from fastapi import Request
from pydantic_core import from_json, to_json

from app.batch.translate import has_rows, refuse_two_starts, to_batch
from app.errors import Busy, InvalidRequest, NotJson, StoreAway, Unavailable
from app.http.headers import NDJSON
from app.jobs.chunk import STARTS, Fields, pack, rows_of, to_request
from app.jobs.lines import Numbered, RowReader, slices, too_long, why
from app.jobs.runner import Runner
from app.reading.binary import to_lists
from app.reading.body import BOM, parse, pieces, read_body
from app.reading.crowded import most_names, refuse_crowded
from app.reading.validation import is_utf_16
from app.schemas.batches import BatchHead, BatchRequest, PointsHead
from app.schemas.kinds import Kind
from app.service import Service
from app.settings import Settings
from app.store.jobs import Gone
from fitting.errors import Path

RETRY_S = 10.0
LINES = f"NDJSON, Content-Type: {NDJSON}"
FIRST_LINE = "the first line is the request without its rows, all on one line"
CURL = "with curl send it by --data-binary, because -d takes the ends of lines away"


class NotKept(Unavailable):
    kind, title = "not-kept", "The job was not taken"


class Intake:
    """One job that is being received; as a context it is taken back unless it was promised."""

    def __init__(self, service: Service, runner: Runner, kind: Kind, head: bytes):
        self._service, self._runner = service, runner
        self._kind, self._head = kind, head
        self.id = secrets.token_urlsafe(18)
        self.rows = self._chunks = 0
        self._promised = False

    async def __aenter__(self) -> "Intake":
        store, settings = self._service.store.jobs, self._service.settings
        try:
            begun = await store.begin(self.id, self._kind.name, self._head, settings.max_jobs)
        except (asyncio.CancelledError, StoreAway):  # it may be written all the same
            store.take_back(self.id)
            raise
        if not begun:
            limit = f"(max_jobs {settings.max_jobs}, GET /limits)"
            raise Busy(f"No more jobs may be unfinished {limit}. Try again later.", RETRY_S)
        self._runner.receiving.add(self.id)
        return self

    async def __aexit__(self, *_: Any) -> None:
        self._runner.receiving.discard(self.id)
        if not self._promised:
            self._service.store.jobs.take_back(self.id)

    async def add(self, rows: int, data: bytes) -> None:
        """One more chunk."""
        await self._service.store.jobs.add(self.id, self._chunks, self.rows, rows, data)
        self._chunks += 1
        self.rows += rows

    async def promise(self) -> None:
        """The job is durable, and will be done."""
        try:
            await self._service.store.jobs.promise(self.id, self.rows, self._chunks)
        except Gone:
            raise NotKept("The store lost sight of the job. Send it again.", RETRY_S) from None
        self._promised = True
        self._runner.work.ring()


async def take_whole(request: Request, service: Service, runner: Runner, kind: Kind) -> str:
    """A job whose request came in one piece, as that of a batch does; its id."""
    with service.bodies.room() as hold:
        try:
            asked = (await read_body(request, kind.request, hold, or_binary=True)).content
        except NotJson as wrong:
            if "trailing characters" in wrong.detail:
                raise NotJson(f"{wrong.detail} Rows a line each are {LINES}.") from None
            raise
        settings = service.settings
        wide = settings.model_copy(
            update={
                "max_batch_rows": settings.max_job_rows,
                "max_batch_entries": settings.max_job_entries,
            }
        )
        await asyncio.to_thread(to_batch, asked, wide)  # refuses what is wrong
        refuse_two_starts(asked)
        fields = await asyncio.to_thread(fields_of, kind, asked)
        varying = {"starts", *(name for name in fields if not name.startswith(STARTS))}
        rest = asked.model_dump(exclude=varying, exclude_unset=True, warnings=False)
        head = to_json(rest, fallback=to_lists)
        rows, width = fields[kind.data].shape
        step = rows_of(width, asked, settings)
        async with Intake(service, runner, kind, head) as intake:
            for first in range(0, rows, step):
                part = {name: array[first : first + step] for name, array in fields.items()}
                data = await asyncio.to_thread(pack, part)
                await intake.add(len(part[kind.data]), data)
            await intake.promise()
            return intake.id


def fields_of(kind: Kind, asked: BatchRequest) -> Fields:
    """What differs from row to row in a request."""
    fields = {kind.data: np.array(getattr(asked, kind.data), dtype=np.float64)}
    for name in kind.common_or_own:
        given = getattr(asked, name)
        if has_rows(given):
            fields[name] = np.array(given, dtype=np.float64)
    starts = {f"{STARTS}{name}": np.array(column) for name, column in asked.starts.items()}
    return fields | starts


async def take_lines(request: Request, service: Service, runner: Runner, kind: Kind) -> str:
    """A job whose rows came as NDJSON after a first line that is the rest; its id."""
    settings = service.settings
    with service.bodies.room() as hold:
        groups = slices(pieces(request), settings.max_line_bytes, hold)
        number, raw, lines = await first_line(groups)
        if len(raw) > settings.max_line_bytes:
            raise too_long(settings.max_line_bytes)
        most = most_names(settings)
        head = await asyncio.to_thread(read_head, kind, raw, number, most)
        async with Intake(service, runner, kind, raw) as intake:
            rows = Rows(kind, head, settings, intake)
            await rows.take(lines)
            async for more in groups:
                await rows.take(more)
            await rows.end()
            await intake.promise()
            return intake.id


async def first_line(groups: AsyncIterator[list[Numbered]]) -> tuple[int, bytes, list[Numbered]]:
    """The first line that is not blank, its number before it, and what else came with it."""
    async for lines in groups:
        if lines:
            number, raw = lines[0]
            return number, raw.removeprefix(BOM), lines[1:]
    raise InvalidRequest([((), "the body is empty: send the request, then one row a line")])


def read_head(kind: Kind, raw: bytes, number: int, most: int = sys.maxsize) -> BatchHead:
    """The request without its rows, which is line `number` of the body."""
    refuse_crowded(raw, most)
    try:
        sent = from_json(raw)
    except ValueError as error:
        said = "the body is in UTF-16, and not in UTF-8" if is_utf_16(raw) else why(number, error)
        curl = f"; {CURL}" if "trailing characters" in said else ""
        raise NotJson(f"{said}; {FIRST_LINE}{curl}.", [((), said)]) from None
    if not isinstance(sent, dict):
        raise InvalidRequest([((), f"must be an object: {FIRST_LINE}")])
    message = "leave it out of the first line: each row has its own, in the lines that follow"
    wrong: list[tuple[Path, str]] = [
        ((name,), message) for name in (kind.data, "starts") if name in sent
    ]
    if wrong:
        raise InvalidRequest(wrong)
    return parse(kind.head, raw)


class Rows:
    """Rows on their way from lines to chunks."""

    def __init__(self, kind: Kind, head: BatchHead, settings: Settings, intake: Intake):
        self._kind, self._head, self._settings = kind, head, settings
        self._intake = intake
        self._reader = RowReader(kind, settings.max_line_bytes, most_names(settings))
        self._parts: list[Fields] = []
        self._numbers: list[int] = []  # of the lines of the rows in `_parts`

    async def take(self, lines: Sequence[Numbered]) -> None:
        """Read some more lines; whole chunks go to the store."""
        if not lines:
            return
        self._parts.append(await asyncio.to_thread(self._reader.read, lines))
        self._numbers += (number for number, _ in lines)
        self._refuse_many(lines[-1][0])
        if len(self._numbers) >= self._step:
            await self._send(self._step)

    @cached_property
    def _step(self) -> int:
        """Rows of a chunk; asked once the first row has come."""
        return rows_of(self._reader.width, self._head, self._settings)

    def _refuse_many(self, number: int) -> None:
        rows, settings = self._reader.rows, self._settings
        for count, what, most in (
            (rows, "rows", settings.max_job_rows),
            (rows * self._reader.width, "entries", settings.max_job_entries),
        ):
            if count > most:
                message = f"line {number}: at most {most} {what} are allowed in a job"
                raise InvalidRequest([(("rows", rows - 1), message)])

    async def end(self) -> None:
        """The rest."""
        if not self._reader.rows:
            raise InvalidRequest([(("rows",), "there are none: send one a line, after the first")])
        if self._numbers:
            await self._send(self._step)

    async def _send(self, step: int) -> None:
        names = self._parts[0]
        fields = {name: np.concatenate([part[name] for part in self._parts]) for name in names}
        whole = len(self._numbers) // step * step or len(self._numbers)
        for first in range(0, whole, step):
            part = {name: array[first : min(first + step, whole)] for name, array in fields.items()}
            numbers = self._numbers[first : first + step]
            data = await asyncio.to_thread(self._checked, part, numbers)
            await self._intake.add(len(part[self._kind.data]), data)
        self._parts = [{name: array[whole:] for name, array in fields.items()}]
        del self._numbers[:whole]

    def _checked(self, fields: Fields, numbers: Sequence[int]) -> bytes:
        """The chunk's bytes, once it is known to be a question."""
        names = self._kind.common_or_own
        both = [n for n in names if n in fields and getattr(self._head, n) is not None]
        if both:
            raise InvalidRequest([((name,), "is in the rows, too; give it once") for name in both])
        if isinstance(self._head, PointsHead) and self._head.x is None and "x" not in fields:
            raise InvalidRequest([(("x",), "is required, in the first line or in each row")])
        try:
            request = to_request(self._kind, self._head, fields)
            to_batch(request, self._settings)
            refuse_two_starts(request)
        except InvalidRequest as invalid:
            errors = [self._as_sent(path, text, fields, numbers) for path, text in invalid.errors]
            raise InvalidRequest(errors) from None
        return pack(fields)

    def _as_sent(
        self, path: Path, text: str, fields: Fields, numbers: Sequence[int]
    ) -> tuple[Path, str]:
        """A path into the request of a chunk as one into the lines that were sent."""
        name, *rest = path or ("",)
        if name == "starts" and rest:
            # a name that the model lacks is wrong in all rows
            row, inner = rest[1] if len(rest) == 2 else 0, ["starts", rest[0]]
        elif name in fields and rest and isinstance(rest[0], int):
            row = rest[0]
            inner = rest[1:] if self._reader.names is None else [name, *rest[1:]]
        else:
            return path, text
        return ("rows", self._intake.rows + int(row), *inner), f"line {numbers[int(row)]}: {text}"
