"""Parts of batches on the workers of a Dask cluster.

What `WorkerPool` is for our own workers: parts wait here, in order, until a thread of the cluster
is free. Each kernel has an order of the workers of its own, and a part goes to the first of them
that has a free thread: small batches of one model meet the same few workers, which have it
compiled, and large ones get all. A worker that dies loses nothing: Dask gives what it had to
another. The connection is kept up in the background; while there is none, batches are refused,
and nothing else is.
"""

import asyncio
import itertools
import logging
import pickle
import time
from collections import Counter, OrderedDict
from concurrent.futures import CancelledError
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from typing import Any
from uuid import uuid4

import dask
from distributed import Client, KilledWorker

from app.errors import Busy, ClusterAway, WorkerLost
from app.workers.remote import STRANGER, fingerprint, run_part
from app.workers.tasks import BatchTask, Task
from app.workers.ticket import Ticket, TimedOut

logger = logging.getLogger("fit.cluster")

SLICE_S = 0.5  # a part costs milliseconds there, and megabytes if it is large
MOST_HANDS = 256  # threads that may share one batch
CONNECT_S = 10.0
POLL_S = 1.0
PATIENCE_S = 10.0  # that a cluster which was there may be away before parts are refused


class Cluster:
    """The cluster behind one scheduler; an executor of `BatchTask`s."""

    slice_s = SLICE_S

    def __init__(self, address: str, queue_size: int, kill_grace_s: float):
        self._address = address
        self._queue_size = queue_size
        self._kill_grace_s = kill_grace_s
        self._client: Client | None = None
        self._threads: dict[str, int] = {}  # of each worker
        self._load: Counter[str] = Counter()  # parts that each worker has of ours
        self._queue: OrderedDict[int, Ticket] = OrderedDict()
        self._sent: dict[int, asyncio.Task[None]] = {}
        self._numbers = itertools.count()
        self._seen = -PATIENCE_S  # when there were workers
        self._trouble = self._told = ""
        self._keeper: asyncio.Task[None] | None = None
        self._closing = False
        self.answered = 0
        self.lost = 0

    @property
    def threads(self) -> int:
        """Parts that can be computed at a time."""
        return sum(self._threads.values())

    @property
    def waiting(self) -> int:
        """Parts that no worker has got yet."""
        return len(self._queue)

    @property
    def running(self) -> int:
        """Parts that are with a worker."""
        return len(self._sent)

    @property
    def state(self) -> str:
        """In words, for people."""
        if not self._threads:
            return self._trouble or "connecting"
        return f"{self.threads} threads of {len(self._threads)} workers"

    def hands(self, _: Task) -> int:
        """How many threads may share a batch."""
        return max(1, min(self.threads, MOST_HANDS))

    def start(self) -> None:
        """Connect, now and whenever the connection is lost."""
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # `_tell` says it once
        # parts are larger than the graphs that Dask thinks of
        dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"})
        self._keeper = asyncio.create_task(self._keep_connected())

    async def close(self) -> None:
        """Forget all parts and hang up."""
        self._closing = True
        tasks = [*self._sent.values(), *([self._keeper] if self._keeper else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def submit(self, task: Task, deadline: float) -> Ticket:
        """Queue a part; its ticket's `outcome` may raise WorkerLost, TimedOut or ClusterAway."""
        self.refuse_if_full()
        ticket = Ticket(next(self._numbers), task, deadline + self._kill_grace_s)
        ticket.watchdog = asyncio.get_running_loop().call_at(deadline, self._expire, ticket)
        self._queue[ticket.number] = ticket
        self._dispatch()
        return ticket

    def cancel(self, ticket: Ticket) -> None:
        """Forget a part wherever it is; one that has ended stays as it is."""
        if ticket.number in self._queue:
            self._take(ticket)
        elif ticket.number in self._sent:
            self._sent[ticket.number].cancel()

    def _expire(self, ticket: Ticket) -> None:
        self._take(ticket)
        ticket.fail(TimedOut(waiting=True))

    def _take(self, ticket: Ticket) -> Ticket:
        if ticket.watchdog is not None:
            ticket.watchdog.cancel()
        return self._queue.pop(ticket.number)

    def refuse_if_full(self) -> None:
        """Busy, if no more may wait; ClusterAway, if there is nothing to wait for."""
        if not self._threads and time.monotonic() - self._seen > PATIENCE_S:
            raise self._away()
        if self.waiting >= self._queue_size:
            raise Busy(f"Parts of batches waiting already: {self.waiting}.", SLICE_S)

    def _away(self) -> ClusterAway:
        return ClusterAway(
            f"Batches need the cluster, and {self._trouble or 'it is being connected to'}. Try "
            "again later; single fits are answered meanwhile.",
            PATIENCE_S,
        )

    def _dispatch(self) -> None:
        """Give what waits to free threads, in order."""
        while self._queue:
            free = [w for w, threads in self._threads.items() if self._load[w] < threads]
            if not free:
                return
            ticket = self._take(next(iter(self._queue.values())))
            self._send(ticket, max(free, key=partial(_preference, ticket.kernel)))

    def _send(self, ticket: Ticket, worker: str) -> None:
        def ended(_: asyncio.Task[None]) -> None:
            del self._sent[ticket.number]
            self._load[worker] -= 1
            self._dispatch()

        self._load[worker] += 1
        self._sent[ticket.number] = asyncio.create_task(self._run(ticket, worker))
        self._sent[ticket.number].add_done_callback(ended)

    async def _run(self, ticket: Ticket, worker: str) -> None:
        """One part, until its worker has answered or it is given up."""
        ticket.started = asyncio.get_running_loop().time()
        try:
            how, what = await self._ask(ticket, worker)
            self.answered += 1
            if how == STRANGER:
                ticket.fail(
                    ClusterAway(
                        "The cluster runs another version of this service. Start its workers, "
                        "and this service, from the same image.",
                        PATIENCE_S,
                    )
                )
            else:
                ticket.settle(how, what)
        except TimeoutError:
            ticket.fail(TimedOut(waiting=False))
        except KilledWorker as error:
            died = error.allowed_failures + 1
            self._lose(ticket, "Worker processes died of this, one after the other.", error, died)
        except (CancelledError, OSError) as error:
            self._threads = {}  # until the scheduler tells of them again
            self._lose(ticket, "The cluster's scheduler was lost.", error, 1)
        except Exception as error:
            logger.exception("a worker of the cluster cannot run parts")
            ticket.fail(
                ClusterAway(
                    f"The cluster's workers cannot run parts of batches ({type(error).__name__}). "
                    "Start them from the image of this service.",
                    PATIENCE_S,
                )
            )

    def _lose(self, ticket: Ticket, detail: str, error: Exception, died: int) -> None:
        self.lost += 1
        logger.warning("a part was lost", extra={"error": str(error)})
        ticket.fail(WorkerLost(f"{detail} Try again later.", PATIENCE_S, died))

    async def _ask(self, ticket: Ticket, worker: str) -> tuple[str, Any]:
        if self._client is None or self._client.status != "running":
            raise ConnectionError("there is no connection")
        assert isinstance(ticket.task, BatchTask)
        part = pickle.dumps(replace(ticket.task, slice_s=SLICE_S), protocol=5)
        left_s = ticket.hard_deadline - self._kill_grace_s - time.monotonic()
        answer = self._client.submit(
            run_part,
            fingerprint(),
            part,
            left_s,
            self._kill_grace_s,
            key=f"fit-{uuid4().hex}",
            workers=[worker],
            allow_other_workers=True,
            pure=False,
        )
        try:
            async with asyncio.timeout(left_s + self._kill_grace_s):
                return pickle.loads(await answer)
        finally:
            answer.release()  # the scheduler forgets it, done or not

    async def _keep_connected(self) -> None:
        while not self._closing:  # a client that hangs up swallows that we are cancelled
            try:
                async with Client(
                    self._address,
                    asynchronous=True,
                    timeout=CONNECT_S,
                    set_as_default=False,
                    name="fit-service",
                ) as self._client:
                    await self._watch(self._client)
            except Exception as error:
                trouble = f"there is no scheduler at {self._address} ({type(error).__name__})"
            self._client = None
            self._count({})
            self._tell(trouble)
            await asyncio.sleep(POLL_S)

    async def _watch(self, client: Client) -> None:
        """Keep count of the workers while there is a connection."""
        while client.status == "running":
            async with asyncio.timeout(CONNECT_S):
                self._count(await client.nthreads())
            self._tell("" if self._threads else f"the scheduler {self._address} has no workers")
            await asyncio.sleep(POLL_S)
        raise ConnectionError(client.status)

    def _count(self, threads: dict[str, int]) -> None:
        self._threads = dict(threads)
        if threads:
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen > PATIENCE_S:
            for ticket in list(self._queue.values()):
                self._take(ticket).fail(self._away())
        self._dispatch()

    def _tell(self, trouble: str) -> None:
        """Log what has changed."""
        self._trouble = trouble
        if self.state != self._told:
            level = logging.INFO if self._threads else logging.ERROR
            logger.log(level, "cluster: %s", self.state)
        self._told = self.state


def _preference(kernel: int, worker: str) -> bytes:
    """Of workers for a kernel (rendezvous hashing): one that comes or goes changes only its own."""
    return blake2b(f"{kernel} {worker}".encode(), digest_size=8).digest()
