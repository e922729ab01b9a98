"""What the routes share: settings, store, workers, metrics."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from app.http.gone import unless_gone
from app.operation.metrics import Metrics
from app.operation.prepared import Prepared
from app.operation.room import Bodies
from app.schemas.requests import Asked
from app.settings import Settings
from app.store.store import Store
from app.workers.paces import Paces
from app.workers.pool import WorkerPool
from app.workers.tasks import BatchTask, Outcome, Task

if TYPE_CHECKING:  # only who has a cluster has its library
    from app.workers.cluster import Cluster


@dataclass(frozen=True, eq=False)
class Served:
    """An outcome and how long it waited for a worker."""

    outcome: Outcome
    queue_s: float


@dataclass(frozen=True, eq=False)
class Service:
    """One running service; made and ended in the lifespan of `main.create_app`."""

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


def service_of(request: Request) -> Service:
    """The service that this request came to."""
    service: Service = request.app.state.service
    return service


async def _get_service(request: Request) -> Service:
    # async, though it awaits nothing: FastAPI sends other dependencies through a thread
    return service_of(request)


Here = Annotated[Service, Depends(_get_service)]
