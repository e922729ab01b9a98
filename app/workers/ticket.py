"""A task in the queue or in a worker, and how it ends for whoever waits for it."""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

from app.errors import InvalidRequest
from app.workers.kernel_number import kernel_number
from app.workers.tasks import CANCELLED, DONE, INVALID, LATE, Outcome, Task

logger = logging.getLogger("fit.workers")


class TimedOut(Exception):
    """The deadline passed: `waiting` for a worker, or in one, which may have had to be killed.

    `compiling`: then, perhaps: it is not known to be compiled. The clock is looked at between
    evaluations, so one that takes long has to be killed, too.
    """

    def __init__(self, *, waiting: bool, compiling: bool = False):
        super().__init__(waiting)
        self.waiting, self.compiling = waiting, compiling


@dataclass(eq=False)
class Ticket:
    """A task on its way; `outcome` is what its client waits for.

    `kernel` stands for the kernel that it needs: tickets with equal numbers share one. `asked_by`
    is the request, or the client's job, for the log.
    """

    number: int
    task: Task
    hard_deadline: float
    started: float | None = None
    background: bool = False
    asked_by: str | None = None
    cancelled: bool = False
    watchdog: asyncio.TimerHandle | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.accepted = loop.time()
        self.kernel = kernel_number(self.task.key)
        self.outcome: asyncio.Future[Outcome] = loop.create_future()

    @property
    def queue_s(self) -> float:
        """Seconds that it waited for a worker."""
        return 0.0 if self.started is None else self.started - self.accepted

    def settle(self, how: str, what: Any) -> None:
        """Tell whoever waits how it ended."""
        if self.outcome.done():
            return
        if how == DONE:
            self.outcome.set_result(what)
        elif how == INVALID:
            self.outcome.set_exception(InvalidRequest([what]))
        elif how == LATE:
            self.outcome.set_exception(TimedOut(waiting=False))
        elif how == CANCELLED:
            self.outcome.cancel()
        else:
            logger.error("a task failed in its worker", extra={"traceback": what})
            self.outcome.set_exception(RuntimeError("a task failed in its worker"))

    def fail(self, error: Exception) -> None:
        """Tell whoever waits what became of it."""
        if not self.outcome.done():
            self.outcome.set_exception(error)
