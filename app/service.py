"""What the routes share: settings, store, workers, metrics."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Depends, Request

from app.batch.paces import Paces
from app.operation.metrics import Metrics
from app.operation.prepared import Prepared
from app.reading.room import Bodies
from app.schemas.requests import Asked
from app.settings import Settings
from app.store.store import Store
from app.workers.pool import WorkerPool
from app.workers.tasks import BatchTask, Outcome, Task

if TYPE_CHECKING:  # only who has a cluster has its library
    from app.workers.cluster import Cluster

T = TypeVar("T")

PATIENCE_S = 0.05  # after which somebody looks whether the client is still there


@dataclass(frozen=True, eq=False)
class Served:
    """An outcome and how long it waited for a worker."""

    outcome: Outcome
    queue_s: float


@dataclass(frozen=True, eq=False)
class Service:
    """One running service; made and ended by `main.lifespan`."""

    settings: Settings
    store: Store
    pool: WorkerPool
    metrics: Metrics
    prepared: Prepared
    cluster: "Cluster | None" = None
    paces: Paces = field(default_factory=Paces)

    @cached_property
    def bodies(self) -> Bodies:
        """Room for those that are being read, for one that is as long as may be at least."""
        s = self.settings
        return Bodies(max(s.max_bodies_bytes, s.max_body_bytes, s.max_line_bytes))

    def allowed_s(self, asked: Asked) -> float:
        """The client's deadline, at most our own."""
        return min(asked.deadline_s or float("inf"), self.settings.deadline_s)

    def executor(self, task: Task) -> "WorkerPool | Cluster":
        """Who computes a task: parts of batches go to the cluster, if there is one.

        What a client wrote goes there once it is known not to take minutes to compile.
        """
        if self.cluster and isinstance(task, BatchTask) and not self.pool.is_untried(task):
            return self.cluster
        return self.pool

    async def outcome(self, task: Task, deadline: float, request: Request | None = None) -> Served:
        """The answer of its executor; the client of a `request` cancels it by hanging up."""
        executor = self.executor(task)
        ticket = executor.submit(task, deadline)
        try:
            answer = ticket.outcome if request is None else unless_gone(request, ticket.outcome)
            return Served(await answer, ticket.queue_s)
        finally:
            executor.cancel(ticket)


async def unless_gone(request: Request, work: Awaitable[T]) -> T:
    """What the work comes to; a client that hangs up meanwhile cancels it."""
    working = asyncio.ensure_future(work)
    watch = Watch(request, working)
    try:
        return await working
    except asyncio.CancelledError:
        if watch.client_is_gone:
            raise ClientGone from None
        raise
    finally:
        watch.end()
        working.cancel()


class Watch:
    """Cancels work once the client has hung up; most fits are done before it begins to look."""

    def __init__(self, request: Request, work: "asyncio.Future[Any]"):
        self.client_is_gone = False
        self._request = request
        self._work = work
        self._looking: asyncio.Future[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(PATIENCE_S, self._begin)

    def _begin(self) -> None:
        self._looking = asyncio.ensure_future(self._look())

    async def _look(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        self.client_is_gone = self._work.cancel()

    def end(self) -> None:
        self._timer.cancel()
        if self._looking is not None:
            self._looking.cancel()


class ClientGone(Exception):
    """Nobody is there to answer."""


def service_of(request: Request) -> Service:
    """The service that this request came to."""
    service: Service = request.app.state.service
    return service


async def _get_service(request: Request) -> Service:
    # async, though it awaits nothing: FastAPI sends other dependencies through a thread
    return service_of(request)


Here = Annotated[Service, Depends(_get_service)]
