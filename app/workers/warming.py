"""What workers do while no client asks for anything: they load kernels that clients may ask for.

What clients wrote is compiled by the workshop first, as when they asked for it, then loaded by all.
"""

import asyncio
from collections.abc import Sequence

from app.workers.kernel_number import kernel_number
from app.workers.tasks import Task
from app.workers.ticket import Ticket
from app.workers.tried import Tried
from app.workers.worker import Worker

WARM_LIMIT_S = 120.0
FIRST = 3  # kernels, those that are used most, without which no worker counts as ready


class Warming:
    """The tasks of the `workers` that there are, each in its worker's `to_warm`."""

    def __init__(self, workers: list[Worker], tried: Tried):
        self._workers = workers
        self._tried = tried
        self._own: Sequence[Task] | None = None
        self._after: Sequence[Task] = ()  # what is loaded by all once the workshop has compiled it

    @property
    def has_begun(self) -> bool:
        """Whether each worker has loaded what is used most, or done as much for clients."""
        if self._own is None:
            return False
        return all(worker.answers >= min(FIRST, len(self._own)) for worker in self._usual)

    @property
    def is_done(self) -> bool:
        """Whether each worker has what it was told to have."""
        return (
            self._own is not None
            and not any(w.to_warm or (w.ticket and w.ticket.background) for w in self._usual)
            and not any(task.is_custom for task in self._after)
        )

    @property
    def _usual(self) -> list[Worker]:
        return [worker for worker in self._workers if not worker.is_workshop]

    def begin(self, tasks: Sequence[Task]) -> None:
        """What every worker does, now and after a restart."""
        self._own = own = [task for task in tasks if not task.is_custom]
        for number, worker in enumerate(workers := self._usual):
            # each begins elsewhere: what one compiles, the others find on disk
            part = number / len(workers)
            worker.to_warm = _turned(own[:FIRST], part) + _turned(own[FIRST:], part)
        self.add([task for task in tasks if task.is_custom])

    def add(self, tasks: Sequence[Task]) -> None:
        """What the workshop compiles while nobody needs it, and then every worker loads."""
        self._after = [*self._after, *tasks]
        for worker in self._workers:
            if worker.is_workshop:
                worker.to_warm += tasks

    def joined(self, worker: Worker) -> None:
        """A new worker has everything before it."""
        worker.to_warm = [*(self._own or ())]

    def answered(self, worker: Worker) -> None:
        """What the workshop has compiled, the others load, once it has nothing left to do."""
        if self._after and worker.is_workshop and not worker.to_warm:
            tried, after = self._tried, self._after
            done = [t for t in after if not tried.is_for_workshop(t, kernel_number(t.key))]
            self._after = ()
            for other in self._usual:
                other.to_warm += done

    def died(self, worker: Worker) -> None:
        """What the workshop was to compile is compiled when somebody asks for it."""
        if worker.is_workshop:
            self._after = ()
            worker.to_warm.clear()


def _turned(tasks: list[Task], part: float) -> list[Task]:
    """The same, from so far on."""
    first = int(part * len(tasks))
    return [*tasks[first:], *tasks[:first]]


def unasked(number: int, task: Task) -> Ticket:
    """A task for which nobody waits."""
    hard_deadline = asyncio.get_running_loop().time() + WARM_LIMIT_S
    ticket = Ticket(number, task, hard_deadline, background=True)
    # asyncio complains of errors that nobody has seen
    ticket.outcome.add_done_callback(lambda done: done.cancelled() or done.exception())
    return ticket
