"""A job's progress and its results, while they come."""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace

from fastapi import Request
from pydantic_core import to_json

from app.jobs.answer import to_answer
from app.jobs.bell import rings
from app.jobs.news import LOOK_S, News
from app.jobs.progress import Progress
from app.store.jobs import FAILED, JobStore, StoredJob

QUIET_S = 5.0  # after which something says that we are still there
CALM_S = 0.1  # between two events: chunks may end many times a second
CANCELLED, DELETED = "cancelled", "The job was deleted."
LEAVING = "The server is stopping; ask again, and the rest will come."


class Follower:
    """Someone who waits for a job; `changes` ends with it, or when the client or the server go."""

    def __init__(self, request: Request, news: News, job: StoredJob):
        self._request, self._news = request, news
        self.job = job

    @property
    def id(self) -> str:
        return self.job.id

    @property
    def leaving(self) -> bool:
        """Whether the server has been told to stop."""
        return bool(getattr(self._request.app.state, "leaving", False))

    async def changes(self) -> AsyncIterator[StoredJob | None]:
        """The job now, and at each change, or each second; None once it was deleted."""
        job: StoredJob | None = self.job
        with self._news.follow(self.job) as followed:
            while not self.leaving and not await self._request.is_disconnected():
                ring = followed.changed.next_ring
                self.job = job or self.job
                yield job
                if job is None or job.finished is not None:
                    return
                await rings(ring, LOOK_S)
                job = followed.job


async def events(follower: Follower, prefix: str, progress: Progress) -> AsyncIterator[bytes]:
    """Server-sent events: `progress` at each change, and `end`."""
    loop = asyncio.get_running_loop()
    last, told = None, loop.time()
    async for job in follower.changes():
        if job is None:
            job = replace(follower.job, status=CANCELLED, message=DELETED, finished=time.time())
        if job != last:
            last, told = job, loop.time()
            answer = to_answer(job, prefix, progress).model_dump_json().encode()
            yield event("progress", answer)
            if job.finished is not None:
                yield event("end", answer)
                return
            await asyncio.sleep(CALM_S)
        elif loop.time() - told > QUIET_S:
            told = loop.time()
            yield b": still there\n\n"


def event(name: str, data: bytes) -> bytes:
    """One server-sent event; JSON has no newlines of its own."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)


async def results(
    follower: Follower, store: JobStore, skip: int, *, follow: bool
) -> AsyncIterator[bytes]:
    """Lines in the order in which chunks finish, the first `skip` left out.

    The order stays as it is, so that who was interrupted can go on. A job that does not succeed
    has one line more, which says why there are not all. A line that is long in coming begins with
    spaces, of which JSON thinks nothing, so that no one on the way takes the connection for dead.
    """
    loop = asyncio.get_running_loop()
    place, passed, last, told = 0, 0, None, loop.time()
    async for job in follower.changes():
        if job is not None and job == last:
            if loop.time() - told > QUIET_S and job.rows - passed > skip:  # a line is to come
                told = loop.time()
                yield b" "
            continue
        last = job
        for place, rows in await store.places_after(follower.id, place):  # noqa: B020
            passed += rows
            if rows <= skip:
                skip -= rows
                continue
            data = await store.lines_at(follower.id, place)
            if data is None:
                yield end(CANCELLED, DELETED)
                return
            text = await asyncio.to_thread(zlib.decompress, data)
            yield b"\n".join(text.split(b"\n")[skip:]) if skip else text
            skip, told = 0, loop.time()
        if job is None:
            yield end(CANCELLED, DELETED)
            return
        if job.status == FAILED:
            yield end(FAILED, job.message or "")
        if not follow or job.finished is not None:
            return
    if follower.leaving:
        yield end("interrupted", LEAVING)


def end(why: str, message: str) -> bytes:
    """The line after the last."""
    return to_json({"end": why, "message": message}) + b"\n"
