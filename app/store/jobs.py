"""Jobs and their chunks: what a server has promised, until it is done.

A chunk has its rows until it is finished, and then its lines of the answer: the two are exchanged
in one transaction, so that no chunk is lost, and none is done twice. Rows that are left for later
become a chunk of their own in the same transaction. Servers that share a store share its jobs: a
chunk belongs to the server that claimed it, until that finishes it or is not heard of any more.
(Their clocks should agree to a second or two.)
"""

import asyncio
import json
import logging
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic_core import from_json
from sqlalchemy import Connection, and_, delete, exists, func, insert, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from app.errors import StoreAway
from app.store.keep import Keep
from app.store.reader import Reader
from app.store.tables import chunks, jobs
from app.store.writer import Writer

logger = logging.getLogger("fit.store")

LEASE_S = 15.0  # after which a server that was not heard of is taken for dead

RECEIVING, QUEUED, RUNNING = "receiving", "queued", "running"
SUCCEEDED, FAILED = "succeeded", "failed"
OPEN = (QUEUED, RUNNING)

_progress = [c for c in jobs.c if c.name not in ("owner", "until", "turn", "head")]


@dataclass(frozen=True)
class StoredJob:
    """A job that was promised; times in seconds since 1970, `statuses` the rows by status."""

    id: str
    created: float
    kind: str
    status: str
    started: float | None
    finished: float | None
    rows: int
    rows_done: int
    chunks: int
    chunks_done: int
    statuses: Mapping[str, int]
    message: str | None
    model: Any


@dataclass(frozen=True)
class Claim:
    """A chunk that is ours to do; `attempts` counts this one, too, `rows_done` those of its job."""

    id: int
    job: str
    kind: str
    head: bytes
    first_row: int
    rows: int
    attempts: int
    data: bytes
    rows_done: int


class Gone(Exception):
    """The job was deleted or has ended, or the chunk belongs to another server now."""


class JobStore:
    """The jobs in a store, as one server sees them: `owner` is that server's name.

    What no client waits for is as patient as the database is slow: a claim that was given up would
    still lease a chunk, but to nobody.
    """

    def __init__(self, reader: Reader, writer: Writer):
        self._reader = reader
        self._writer = writer
        self.owner = ""
        self._taking_back: set[asyncio.Task[None]] = set()

    async def begin(self, job_id: str, kind: str, head: bytes, most: int) -> bool:
        """Whether a job was begun, to be received; not if there are `most` unfinished ones."""
        row = {
            "id": job_id,
            "created": time.time(),
            "kind": kind,
            "status": RECEIVING,
            "owner": self.owner,
            "until": time.time() + LEASE_S,
            "head": head,
        }

        def write(connection: Connection) -> bool:
            unfinished = select(func.count()).where(jobs.c.status.in_((RECEIVING, *OPEN)))
            if (connection.scalar(unfinished) or 0) >= most:
                return False
            connection.execute(insert(jobs), row)
            return True

        return await self._writer.submit(write)

    async def add(self, job_id: str, number: int, first_row: int, rows: int, data: bytes) -> None:
        """One more chunk of a job that is being received."""
        row = {
            "job": job_id,
            "number": number,
            "first_row": first_row,
            "rows": rows,
            "data": data,
        }
        await self._writer.submit(lambda connection: connection.execute(insert(chunks), row))

    async def promise(self, job_id: str, rows: int, number: int) -> None:
        """All `rows` are there, in `number` chunks: the job is visible, and will be done."""

        def write(connection: Connection) -> None:
            done = connection.execute(
                update(jobs)
                .where(jobs.c.id == job_id, jobs.c.status == RECEIVING)
                .values(status=QUEUED, rows=rows, chunks=number)
            )
            if not done.rowcount:
                raise Gone

        await self._writer.submit(write)

    async def find(self, job_id: str, model: Any = None) -> StoredJob | None:
        """The job, or None; who knows its `model` spares the store to read the head for it."""
        head = [jobs.c.head] if model is None else []
        query = select(*_progress, *head).where(jobs.c.id == job_id, jobs.c.status != RECEIVING)

        def read(connection: Connection) -> StoredJob | None:
            row = connection.execute(query).first()
            if row is None:
                return None
            fields = {"model": model, **row._mapping}
            if "head" in fields:
                fields["model"] = from_json(fields.pop("head"))["model"]
            return StoredJob(**fields | {"statuses": json.loads(fields["statuses"])})

        return await self._reader.submit(read)

    async def claim(self, working_on: Collection[int] = ()) -> Claim | None:
        """A chunk to do next, of the job whose turn was longest ago; none that we work on.

        Where clocks jump our own leases may seem to have ended.
        """
        ours = list(working_on)

        def write(connection: Connection) -> Claim | None:
            now = time.time()
            waiting = select(jobs.c.id).where(jobs.c.status.in_(OPEN))
            for job in connection.scalars(waiting.order_by(jobs.c.turn, jobs.c.created)).all():
                free = (
                    chunks.c.job == job,
                    chunks.c.place.is_(None),
                    chunks.c.id.not_in(ours),
                    or_(chunks.c.until.is_(None), chunks.c.until < now),
                )
                found = connection.scalar(
                    select(chunks.c.id).where(*free).order_by(chunks.c.number).limit(1)
                )
                if found is not None and self._take(connection, job, found, free, now):
                    return _claimed(connection, found)
            return None

        return await self._writer.submit(write, patient=True)

    def _take(self, connection: Connection, job: str, chunk: int, free: Any, now: float) -> bool:
        """Whether no other server was quicker."""
        taken = connection.execute(
            update(chunks)
            .where(chunks.c.id == chunk, *free)
            .values(owner=self.owner, until=now + LEASE_S, attempts=chunks.c.attempts + 1)
        )
        if taken.rowcount:
            started = func.coalesce(jobs.c.started, now)
            connection.execute(
                update(jobs)
                .where(jobs.c.id == job, jobs.c.status.in_(OPEN))
                .values(turn=now, started=started, status=RUNNING)
            )
        return bool(taken.rowcount)

    async def finish(
        self, claim: Claim, lines: bytes, statuses: Mapping[str, int], rest: bytes | None = None
    ) -> None:
        """The rows' place is taken by the lines of the answer; Gone if nobody wants them.

        If there are fewer lines than rows, the last ones are `rest`, to be done by whoever comes.
        """
        done = sum(statuses.values())

        def write(connection: Connection) -> None:
            now = time.time()
            counted = connection.execute(
                update(jobs)
                .where(jobs.c.id == claim.job, jobs.c.status == RUNNING)
                .values(
                    chunks=jobs.c.chunks + (0 if rest is None else 1),
                    chunks_done=jobs.c.chunks_done + 1,
                    rows_done=jobs.c.rows_done + done,
                )
            )
            ours = (chunks.c.id == claim.id, chunks.c.owner == self.owner, chunks.c.place.is_(None))
            if not counted.rowcount:
                raise Gone
            job = connection.execute(select(jobs).where(jobs.c.id == claim.job)).one()
            total = json.loads(job.statuses)
            for status, rows in statuses.items():
                total[status] = total.get(status, 0) + rows
            ended = {"status": SUCCEEDED, "finished": now} if job.chunks_done == job.chunks else {}
            connection.execute(
                update(jobs)
                .where(jobs.c.id == claim.job)
                .values(statuses=json.dumps(total), **ended)
            )
            exchanged = connection.execute(
                update(chunks)
                .where(*ours)
                .values(data=lines, rows=done, place=job.chunks_done, finished=now, until=None)
            )
            if not exchanged.rowcount:
                raise Gone  # which takes the counting back
            if rest is not None:
                number = select(chunks.c.number).where(chunks.c.id == claim.id).scalar_subquery()
                left = {"first_row": claim.first_row + done, "rows": claim.rows - done}
                connection.execute(
                    insert(chunks).values(job=claim.job, number=number, data=rest, **left)
                )

        await self._writer.submit(write, patient=True)

    async def fail(self, job_id: str, message: str) -> None:
        """The job has ended without success; what was not done will not be."""

        def write(connection: Connection) -> None:
            connection.execute(
                update(jobs)
                .where(jobs.c.id == job_id, jobs.c.status.in_(OPEN))
                .values(status=FAILED, message=message, finished=time.time())
            )

        await self._writer.submit(write, patient=True)

    async def places_after(self, job_id: str, place: int) -> list[tuple[int, int]]:
        """Finished chunks as (place, rows), in the order of finishing."""
        query = (
            select(chunks.c.place, chunks.c.rows)
            .where(chunks.c.job == job_id, chunks.c.place > place)
            .order_by(chunks.c.place)
        )

        def read(connection: Connection) -> list[tuple[int, int]]:
            return [(row.place, row.rows) for row in connection.execute(query)]

        return await self._reader.submit(read)

    async def lines_at(self, job_id: str, place: int) -> bytes | None:
        """The lines of the chunk at a place, as `finish` got them."""
        query = select(chunks.c.data).where(chunks.c.job == job_id, chunks.c.place == place)

        return await self._reader.submit(lambda c: c.scalar(query))

    async def renew(self, working_on: list[int], receiving: list[str]) -> set[int]:
        """Say that we are alive; which of the chunks are still ours, of jobs that are wanted."""

        def write(connection: Connection) -> set[int]:
            until = time.time() + LEASE_S
            ours = (chunks.c.id.in_(working_on), chunks.c.owner == self.owner)
            connection.execute(update(chunks).where(*ours).values(until=until))
            connection.execute(update(jobs).where(jobs.c.id.in_(receiving)).values(until=until))
            wanted = chunks.c.job.in_(select(jobs.c.id).where(jobs.c.status == RUNNING))
            return set(connection.scalars(select(chunks.c.id).where(*ours, wanted)))

        return await self._writer.submit(write, patient=True)

    async def let_go(self, *, died: bool) -> None:
        """Nothing is ours any more: before we end, or after we `died` and came back.

        An attempt that we gave up ourselves does not count.
        """

        def write(connection: Connection) -> None:
            ours = (chunks.c.owner == self.owner, chunks.c.place.is_(None))
            attempts = chunks.c.attempts - (0 if died else 1)
            connection.execute(
                update(chunks).where(*ours).values(owner=None, until=None, attempts=attempts)
            )
            connection.execute(
                delete(jobs).where(jobs.c.owner == self.owner, jobs.c.status == RECEIVING)
            )

        await self._writer.submit(write)
        await self.sweep()

    async def forget(self, job_id: str, *, patient: bool = False) -> bool:
        """Whether there was such a job."""

        def write(connection: Connection) -> int:
            return connection.execute(delete(jobs).where(jobs.c.id == job_id)).rowcount

        return await self._writer.submit(write, patient=patient) > 0

    def take_back(self, job_id: str) -> None:
        """Forget a job whose client is told that there is none, even if it is written only now."""

        async def forget() -> None:
            try:
                await self.forget(job_id, patient=True)  # after what was asked before
                await self.sweep()
            except (SQLAlchemyError, StoreAway):
                logger.exception("a job could not be taken back", extra={"job": job_id})

        task = asyncio.create_task(forget())
        self._taking_back.add(task)  # asyncio itself does not keep it
        task.add_done_callback(self._taking_back.discard)

    async def forget_old(self, keep: Keep) -> None:
        """Of jobs that have ended those that are not kept; and what has lost its server.

        That is what servers were receiving that died meanwhile, and chunks without a job.
        """
        size = func.length(jobs.c.head) + func.coalesce(func.sum(func.length(chunks.c.data)), 0)
        rows = (
            select(jobs.c.finished.label("moment"), size.label("bytes"))
            .outerjoin(chunks, chunks.c.job == jobs.c.id)
            .where(jobs.c.finished.is_not(None))
            .group_by(jobs.c.id)
        )
        end = await self._reader.submit(partial(keep.ends, rows), patient=True)
        lost = and_(jobs.c.status == RECEIVING, jobs.c.until < time.time())
        await self._writer.delete(jobs, or_(jobs.c.finished <= end, lost))
        await self.sweep()

    async def sweep(self) -> None:
        """Delete chunks that nobody can ask for: of no job, or not done in one that failed."""
        failed = select(jobs.c.id).where(jobs.c.status == FAILED)
        useless = or_(
            ~exists().where(jobs.c.id == chunks.c.job),
            chunks.c.job.in_(failed) & chunks.c.place.is_(None),
        )
        await self._writer.delete(chunks, useless)


def _claimed(connection: Connection, chunk: int) -> Claim:
    """All of a chunk that has just become ours."""
    row = connection.execute(
        select(chunks, jobs.c.kind, jobs.c.head, jobs.c.rows_done)
        .join(jobs, jobs.c.id == chunks.c.job)
        .where(chunks.c.id == chunk)
    ).one()
    return Claim(
        id=row.id,
        job=row.job,
        kind=row.kind,
        head=row.head,
        first_row=row.first_row,
        rows=row.rows,
        attempts=row.attempts,
        data=row.data,
        rows_done=row.rows_done,
    )
