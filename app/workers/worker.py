"""The server's end of one worker process."""

import asyncio
import logging
import multiprocessing
import os
import pickle
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.errors import InvalidRequest
from app.workers.process import BREAK, FULL, UP, WorkerSettings, main
from app.workers.signals import NOBODY, Signals
from app.workers.tasks import CANCELLED, DONE, INVALID, LATE, Outcome, Task
from app.workers.turns import Turns
from app.workers.wire import Wire

logger = logging.getLogger("fit.workers")

_spawn = multiprocessing.get_context("spawn")  # never fork with JAX
MOST_KNOWN = 1000
LEAVE_S = 1.0  # for a job to see that it is late, once its guest has gone


class TimedOut(Exception):
    """The deadline passed: `waiting` for a worker, or in one, which may have had to be killed.

    `compiling`: then, as nothing else takes long without looking at the clock.
    """

    def __init__(self, *, waiting: bool, compiling: bool = False):
        super().__init__(waiting)
        self.waiting, self.compiling = waiting, compiling


@dataclass(eq=False)
class Job:
    """A task on its way; `outcome` is what its client waits for.

    `kernel` stands for the kernel that it needs: jobs with equal numbers share one. `asked_by` is
    the request, or the job of a client's, for the log.
    """

    number: int
    task: Task
    kernel: int
    hard_deadline: float
    outcome: asyncio.Future[Outcome]
    accepted: float
    started: float | None = None
    background: bool = False
    asked_by: str | None = None
    cancelled: bool = False
    watchdog: asyncio.TimerHandle | None = field(default=None, repr=False)

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


class Worker:
    """One process, at most one job in it, none before it is up: starting takes seconds.

    A part of a batch may have a `guest`: a single fit, done between two of its evaluations.

    `on_up()`, `on_break(worker)`, `on_answer(worker, job, how, what, seconds)` and
    `on_death(worker, jobs, late)` are called from the event loop; of the jobs the last one was
    running, `late` is the one for which the process had to be killed, and one that it has not even
    read is not `started`. `known` are the kernels that it has, as far as we can tell.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        on_up: Callable[[], None],
        on_break: Callable[["Worker"], None],
        on_answer: Callable[["Worker", Job, str, Any, float], None],
        on_death: Callable[["Worker", list[Job], Job | None], None],
    ):
        self.is_workshop = settings.workshop
        self._on_up = on_up
        self._on_break = on_break
        self._on_answer = on_answer
        self._on_death = on_death
        self.job: Job | None = None
        self.guest: Job | None = None
        self.known: OrderedDict[int, None] = OrderedDict()
        self.to_warm: list[Task] = []
        self.turns = Turns()
        self.up = False
        self.full = False  # its memory, so that it should get no other job
        self.alive = True
        self._late: Job | None = None
        self._told: Job | None = None  # with the last message
        self._signals: Any = _spawn.Value(Signals, NOBODY, NOBODY, False, lock=False)
        ours, theirs = _spawn.Pipe()
        self.process = _spawn.Process(
            target=main, args=(theirs, self._signals, settings), daemon=True
        )
        # threads that wait for a core made a fit of 300 parameters three times as long
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        self.process.start()
        theirs.close()
        self._loop = asyncio.get_running_loop()
        self._wire = Wire(ours, self._receive, self._died)

    @property
    def idle(self) -> bool:
        return self.alive and self.up and self.job is None

    @property
    def hosts(self) -> bool:
        """Whether it may take a break for a single fit."""
        job = self.job
        return (
            self.alive
            and self.up
            and not self.is_workshop
            and self.guest is None
            and job is not None
            and job.task.spreads
            and not job.cancelled
        )

    def ask_for_break(self) -> None:
        """Before the next evaluation; the worker hosts."""
        self._signals.asked = True

    def end_break(self) -> None:
        """There is nothing to do in it."""
        self._tell(None)

    def send(self, job: Job) -> None:
        """Start a job; the worker is idle, or has a break, so it reads at once."""
        if self.job is None:
            self.job = job
        else:
            self.guest = job
        job.started = self._loop.time()
        job.watchdog = self._loop.call_at(job.hard_deadline, self.kill_for_time, job)
        self.known[job.kernel] = None
        self.known.move_to_end(job.kernel)
        if len(self.known) > MOST_KNOWN:
            self.known.popitem(last=False)
        self._tell(job)

    def _tell(self, job: Job | None) -> None:
        self._told = job
        message = (job.number, job.task) if job else (NOBODY, None)
        self._wire.send(pickle.dumps(message, protocol=5))

    def cancel(self, job: Job, grace_s: float) -> None:
        """Stop a job that is here: at its next evaluation, or by force after `grace_s`."""
        job.cancelled = True
        self.interrupt(job)
        if job.watchdog is not None:
            job.watchdog.cancel()
        when = min(job.hard_deadline, self._loop.time() + grace_s)
        job.watchdog = self._loop.call_at(when, self.kill_for_time, job)

    def interrupt(self, job: Job) -> None:
        """Stop a job that is here at its next evaluation, however long that takes to come."""
        if job is self.guest:
            self._signals.cancelled_guest = job.number
        else:
            self._signals.cancelled = job.number

    def kill_for_time(self, job: Job) -> None:
        """The watchdog: the job did not stop when it should have."""
        if self.guest is not None and job is not self.guest:  # it could not
            self.interrupt(job)
            job.fail(TimedOut(waiting=False))
            when = self.guest.hard_deadline + LEAVE_S
            job.watchdog = self._loop.call_at(when, self.kill_for_time, job)
            return
        self._late = job
        self.up = False  # it may still answer, but there is no other job for it
        self.process.kill()

    def close(self) -> None:
        """Hang up; an idle process ends by itself."""
        self.alive = False
        self._wire.close()

    def _receive(self, message: bytearray) -> None:
        number, how, what, seconds = pickle.loads(message)
        if how == UP:
            self.up = True
            self._on_up()
            return
        if how == FULL:
            self.full = True
            return
        if how == BREAK:
            self._signals.asked = False
            self._on_break(self)
            return
        job = self.guest or self.job
        if job is None or job.number != number:  # it broke down in a break
            self._died()
            return
        if self.guest is None:
            self.job = None
        self.guest = None
        if job.watchdog is not None:
            job.watchdog.cancel()
        self._on_answer(self, job, how, what, seconds)

    def _died(self) -> None:
        if not self.alive:
            return
        self.close()
        self.process.kill()
        jobs = [job for job in (self.job, self.guest) if job is not None]
        self.job = self.guest = None
        if self._told is not None and self._wire.is_sending:
            self._told.started = None
        for job in jobs:
            if job.watchdog is not None:
                job.watchdog.cancel()
        self._on_death(self, jobs, self._late)
