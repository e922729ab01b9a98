"""Takes the chunks that wait in the store, a few at a time, job by job in turn.

Two chunks are with the workers, so that none idles while one ends; a third is being written down.
A server that dies leaves chunks whose lease nobody renews: they are taken again, by whichever
server of this store comes first. Of a chunk of slow rows the first are written down, and the rest
is a chunk of its own in the next turn. A chunk that cannot be done ends its job, with words.
"""

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from app.batch.answer import STATUS_NAMES
from app.batch.translate import to_batch
from app.errors import Problem, StoreAway
from app.jobs.bell import Bell, rings
from app.jobs.chunk import Fields, pack, to_lines, to_request, unpack, without_limits
from app.jobs.fit import fit_first
from app.jobs.news import News
from app.jobs.owner import Owner
from app.jobs.progress import Progress
from app.logs import request_id
from app.schemas.batches import BatchRequest
from app.schemas.kinds import KINDS
from app.service import Service
from app.store.complaint import Complaint
from app.store.jobs import LEASE_S, Claim, Gone
from app.workers.paces import Paces
from fitting.batch.question import Batch

logger = logging.getLogger("fit.jobs")

AT_ONCE = 3  # chunks, of which FITTING are with the workers
FITTING = 2
ON_CLUSTER = 16  # instead, where there is a cluster: a chunk is a few parts only
MOST_ATTEMPTS = 5  # servers that a chunk may outlive: it may be the chunk that kills them
LOOK_S = 2.0  # between looks for what other servers leave
AFTER_DEFECT_S = 1.0


@dataclass(frozen=True)
class Done:
    """Lines of the answer, how many rows have which status, and the rows that are left, if any."""

    lines: bytes
    statuses: Counter[str]
    rest: bytes | None


@dataclass(frozen=True)
class Working:
    """A chunk in work."""

    chunk: int
    job: str
    task: "asyncio.Task[None]"


class Runner:
    """One server's part in the jobs of its store.

    `work` rings when there may be something to do, `news` is for those who follow a job,
    `progress` is how fast jobs go; `receiving` are those that are on their way in.
    """

    def __init__(self, service: Service, owner: Owner):
        self._service, self._owner = service, owner
        self._store = service.store.jobs
        self._store.owner = owner.name
        self.work, self.news, self.progress = Bell(), News(self._store), Progress()
        self.receiving: set[str] = set()
        self._settings = without_limits(service.settings)
        self._paces = Paces()
        self._working: dict[int, Working] = {}
        self._claiming = asyncio.Lock()
        at_once = FITTING if service.cluster is None else ON_CLUSTER
        self._fitting = asyncio.Semaphore(at_once)
        self._hands = at_once + AT_ONCE - FITTING
        self._tasks: list[asyncio.Task[None]] = []
        self._unclaimed = Complaint(logger, "no chunk could be claimed")
        self._unwritten = Complaint(logger, "a chunk cannot be written down yet")
        self._unrenewed = Complaint(logger, "leases could not be renewed")

    async def start(self) -> None:
        """Take up what we had when we died, and go on."""
        if self._owner.lasting:
            await self._store.let_go(died=True)
        self._tasks = [asyncio.create_task(self._hand()) for _ in range(self._hands)]
        self._tasks.append(asyncio.create_task(self._keep_alive()))

    async def close(self) -> None:
        """Leave what is not done to the next server."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await self._store.let_go(died=False)
        finally:
            self._owner.close()

    def stop(self, job_id: str) -> None:
        """The job is not wanted any more: its turns end at once."""
        for working in self._working.values():
            if working.job == job_id:
                working.task.cancel()
        self.news.ring(job_id)

    async def _hand(self) -> None:
        """One chunk after the other."""
        while True:
            ring = self.work.next_ring
            try:
                working = await self._begin()
            except Exception as error:
                self._unclaimed.of(error)
                await asyncio.sleep(AFTER_DEFECT_S)
                continue
            if working is None:
                await rings(ring, LOOK_S)
                continue
            task = working.task
            try:
                await asyncio.wait({task})
            finally:
                task.cancel()
                del self._working[working.chunk]
            if not task.cancelled() and (failure := task.exception()):
                # its lease ends, and it comes again
                logger.error("a chunk was not written down", exc_info=failure)
                await asyncio.sleep(AFTER_DEFECT_S)
            self.news.ring(working.job)

    async def _begin(self) -> Working | None:
        """The next chunk, one at a time: the next claim has to know of it."""
        async with self._claiming:
            claim = await self._store.claim(self._working)
            if claim is None:
                return None
            self.progress.working_on(claim.job, claim.rows_done)
            working = Working(claim.id, claim.job, asyncio.create_task(self._do(claim)))
            self._working[claim.id] = working
            return working

    async def _do(self, claim: Claim) -> None:
        """Fit the rows of a chunk and write the answer down; or fail the job."""
        request_id.set(claim.job)  # in this task only; for whose rows a worker dies
        rows = f"rows {claim.first_row} to {claim.first_row + claim.rows - 1}"
        if claim.attempts > MOST_ATTEMPTS:
            await self._fail(
                claim,
                f"{rows} were begun {MOST_ATTEMPTS} times, and each time the server ended before "
                "they were done: perhaps they need more memory than there is.",
            )
            return
        try:
            done = await self._fit(claim)
        except Problem as problem:
            errors = "; ".join(message for _, message in problem.errors)
            await self._fail(claim, f"{rows}: {errors or problem.detail}")
        except Exception as error:
            logger.error("a chunk cannot be done", exc_info=error, extra={"job": claim.job})
            await self._fail(claim, f"{rows}: the service has a defect, which its log describes.")
        else:
            if not await self._finish(claim, done):
                return
            for status, count in done.statuses.items():
                self._service.metrics.fits.labels(claim.kind, status).inc(count)

    async def _finish(self, claim: Claim, done: Done) -> bool:
        """Write the answer down, as often as it takes; false if it is not ours any more."""
        while True:
            try:
                await self._store.finish(claim, done.lines, done.statuses, done.rest)
            except Gone:
                return False
            except (SQLAlchemyError, StoreAway) as error:  # a full disk, a database that is away
                self._unwritten.of(error)
                await asyncio.sleep(AFTER_DEFECT_S)
            else:
                return True

    async def _fail(self, claim: Claim, message: str) -> None:
        await self._store.fail(claim.job, message)
        self.stop(claim.job)

    async def _fit(self, claim: Claim) -> Done:
        """What has become of the rows, or of the first of them."""
        service, kind = self._service, KINDS[claim.kind]

        def read() -> tuple[Fields, BatchRequest, Batch]:
            head = kind.head.model_validate_json(claim.head)
            fields = unpack(claim.data)
            request = to_request(kind, head, fields)
            return fields, request, to_batch(request, self._settings)

        async with self._fitting:
            fields, request, asked = await asyncio.to_thread(read)
            batch, result, queue_s = await fit_first(
                service,
                asked,
                service.allowed_s(request),
                self._paces,
                claim.job,
                covariance=request.covariance,
            )
        service.metrics.count_usage(result.usage, queue_s)

        def write() -> Done:
            left = {name: array[len(batch) :] for name, array in fields.items()}
            return Done(
                to_lines(request, batch, result, claim.first_row, service.settings),
                Counter(STATUS_NAMES[result.status].tolist()),
                pack(left) if len(batch) < len(asked) else None,
            )

        return await asyncio.to_thread(write)

    async def _keep_alive(self) -> None:
        """Renew our leases; what is not ours any more is stopped."""
        while True:
            await asyncio.sleep(LEASE_S / 5)
            held = dict(self._working)  # what is begun meanwhile is not asked about
            if not (held or self.receiving):
                continue
            try:
                still = await self._store.renew(list(held), list(self.receiving))
            except Exception as error:
                self._unrenewed.of(error)
                continue
            for chunk, working in held.items():
                if chunk not in still:
                    working.task.cancel()
