"""What becomes of jobs that somebody follows: one look at the store for all who do."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator

from app.jobs.bell import Bell, rings
from app.store.complaint import Complaint
from app.store.jobs import JobStore, StoredJob

logger = logging.getLogger("fit.jobs")

LOOK_S = 1.0  # between looks for what other servers have done


class Followed:
    """A job as it was at the last look, None once it was deleted; `changed` rings for all."""

    def __init__(self, job: StoredJob, store: JobStore):
        self.job: StoredJob | None = job
        self.changed, self.bell = Bell(), Bell()
        self.followers = 0
        self.looking = asyncio.create_task(self._look(job, store))

    async def _look(self, first: StoredJob, store: JobStore) -> None:
        """Now and then, or when the bell rings, until the job has ended."""
        complaint = Complaint(logger, "a job that is followed cannot be looked at")
        while self.job is not None and self.job.finished is None:
            ring = self.bell.next_ring
            try:
                job = await store.find(first.id, first.model)
            except Exception as error:
                complaint.of(error)
            else:
                if job != self.job:
                    self.job = job
                    self.changed.ring()
            await rings(ring, LOOK_S)


class News:
    """The jobs that are followed now, by their ids."""

    def __init__(self, store: JobStore):
        self._store = store
        self._followed: dict[str, Followed] = {}

    def ring(self, job_id: str) -> None:
        """The job is not as it was."""
        if job_id in self._followed:
            self._followed[job_id].bell.ring()

    @contextlib.contextmanager
    def follow(self, job: StoredJob) -> Iterator[Followed]:
        """The job, looked at while somebody follows it."""
        followed = self._followed.get(job.id)
        if followed is None:
            followed = self._followed[job.id] = Followed(job, self._store)
        followed.followers += 1
        try:
            yield followed
        finally:
            followed.followers -= 1
            if not followed.followers:
                followed.looking.cancel()
                del self._followed[job.id]
