"""Which worker gets which ticket.

Tickets wait here, not in the workers, so that the queue is bounded by one number and one that
waits is forgotten by dropping it. Which of them a worker may take is in `choice`.

A model that a client wrote may take minutes to compile, and nobody knows before. So the first
ticket of such a kernel goes to the workshop, one more process, of low priority, in front of which
only a few may wait; the workers take over once the kernel is compiled. A kernel on which a
process had to be killed is refused for a while.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from app.errors import Busy, WorkerLost
from app.logs import request_id
from app.workers.births import Births
from app.workers.choice import HELP_AFTER_S, Choice
from app.workers.kernel_number import kernel_number
from app.workers.process import WorkerSettings
from app.workers.tasks import CANCELLED, DONE, SLICE_S, Task
from app.workers.ticket import Ticket, TimedOut
from app.workers.tried import Tried
from app.workers.waiting import Waiting
from app.workers.warming import Warming, unasked
from app.workers.worker import Worker

logger = logging.getLogger("fit.workers")

TICK_S = 0.002  # by which a timer may be early
MOST_LOGGED = 300  # characters
BURIED_AFTER_S = 0.5  # for a killed process to be gone
CLOSE_S = 1.0  # for processes to end by themselves
RESTART_BACKOFF_S = (0.0, 0.1, 0.5, 2.0, 5.0)


class WorkerPool:
    """A fixed number of workers and the queue in front of them."""

    slice_s = SLICE_S

    def __init__(
        self,
        settings: WorkerSettings,
        workers: int,
        queue_size: int,
        workshop_queue_size: int,
        kill_grace_s: float,
    ):
        self._settings = settings
        self._size = workers
        self._queue_size = queue_size
        self._workshop_queue_size = workshop_queue_size
        self._kill_grace_s = kill_grace_s
        self._waiting = Waiting()
        self._tried = Tried()
        self._workers: list[Worker] = []
        self._choice = Choice(self._waiting, self._tried, self._workers)
        self._warming = Warming(self._workers, self._tried)
        self._numbers = itertools.count()
        self._deaths_in_a_row = 0
        self.births = Births()
        self._mean_s = 0.01  # running mean of a ticket's time, for Retry-After
        self._closing = False
        self._started = False
        self.restarts = 0

    @property
    def waiting(self) -> int:
        """Tickets that no worker has taken yet."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """Tickets in a worker."""
        return sum(
            not ticket.background for w in self._workers for ticket in (w.ticket, w.guest) if ticket
        )

    @property
    def is_ready(self) -> bool:
        """Whether all workers are up with what is used most; from then on, whether one is up."""
        return self._started and self._any_up

    @property
    def _any_up(self) -> bool:
        return any(w.up for w in self._workers if not w.is_workshop)

    @property
    def is_warm(self) -> bool:
        """Whether each worker has what `warm` was told."""
        return self._warming.is_done

    def hands(self, task: Task) -> int:
        """How many workers may share a batch of such tasks."""
        return 1 if self.is_untried(task) else self._size

    def is_untried(self, task: Task) -> bool:
        """Whether it is of a client's making, and may take long to compile for all we know."""
        return self._tried.is_for_workshop(task, kernel_number(task.key))

    def start(self) -> None:
        """Start the workers."""
        for _ in range(self._size):
            self._start_worker()
        self._start_workshop()

    def warm(self, tasks: Sequence[Task]) -> None:
        """What every worker does while no client asks for anything, now and after a restart."""
        self._warming.begin(tasks)
        self._look_whether_started()
        self._dispatch()

    def warm_after(self, tasks: Sequence[Task]) -> None:
        """What the workshop compiles while nobody needs it, and then every worker loads."""
        self._warming.add(tasks)
        self._dispatch()

    def _start_worker(self) -> None:
        worker = self._worker(self._settings)
        self._warming.joined(worker)
        self._workers.append(worker)

    def _start_workshop(self, to_warm: Sequence[Task] = ()) -> None:
        worker = self._worker(replace(self._settings, workshop=True))
        worker.to_warm = [*to_warm]
        # first, because it has the kernels that it has just compiled
        self._workers.insert(0, worker)

    def _worker(self, settings: WorkerSettings) -> Worker:
        return Worker(settings, self._upped, self._breaking, self._answered, self._died)

    def _upped(self) -> None:
        if self._any_up:
            self.births.succeeded()
        self._look_whether_started()
        self._dispatch()

    def _look_whether_started(self) -> None:
        if not self._started and self._warming.has_begun:
            self._started = sum(w.up for w in self._workers if not w.is_workshop) == self._size

    def submit(self, task: Task, deadline: float) -> Ticket:
        """Queue a task; its ticket's `outcome` may raise WorkerLost, TimedOut or InvalidRequest."""
        kernel = kernel_number(task.key)
        self._tried.refuse_failed(kernel, asyncio.get_running_loop().time())
        if not self._tried.is_for_workshop(task, kernel):
            self.refuse_if_full()
        elif self._waiting_for_workshop >= self._workshop_queue_size:
            raise Busy("Too many new formulas are waiting to be compiled. Try again later.", 5.0)
        number, hard_deadline = next(self._numbers), deadline + self._kill_grace_s
        ticket = Ticket(number, task, hard_deadline, asked_by=request_id.get())
        self._wait(ticket)
        self._dispatch()
        self._make_way(ticket)
        if ticket in self._waiting:
            self._look_in(HELP_AFTER_S)
        return ticket

    def _wait(self, ticket: Ticket) -> None:
        deadline = ticket.hard_deadline - self._kill_grace_s
        ticket.watchdog = asyncio.get_running_loop().call_at(deadline, self._expire, ticket)
        self._waiting.add(ticket)

    def refuse_if_full(self) -> None:
        """Busy, if no more may wait."""
        if self.is_full:
            raise self.busy()

    @property
    def is_full(self) -> bool:
        """Whether no more may wait; those for the workshop are counted apart."""
        most = self._queue_size
        return self.waiting >= most and self._waiting_for_workers >= most

    def busy(self) -> Busy:
        """How many wait, and when it may be worth trying again."""
        waiting = self._waiting_for_workers
        seconds = self._mean_s * (waiting + self.running) / self._size
        return Busy(f"Fits waiting already: {waiting}. Try again later.", seconds)

    def _expire(self, ticket: Ticket) -> None:
        self._take(ticket)
        ticket.fail(TimedOut(waiting=True))

    def cancel(self, ticket: Ticket) -> None:
        """Stop a ticket wherever it is; one that has ended stays as it is."""
        if ticket in self._waiting:
            self._take(ticket)
        for worker in self._workers:
            if ticket in (worker.ticket, worker.guest):
                worker.cancel(ticket, self._kill_grace_s)

    async def close(self) -> None:
        """Hang up on the workers; the server has drained before."""
        self._closing = True
        processes = [w.process for w in self._workers]
        for worker in self._workers:
            if worker.alive:
                worker.close()
        end = time.monotonic() + CLOSE_S  # one for all
        for process in processes:
            await asyncio.to_thread(process.join, max(0.0, end - time.monotonic()))
            if process.is_alive():
                process.kill()

    def _make_way(self, ticket: Ticket) -> None:
        """Stop warming up, to be taken up again, where it keeps a client waiting.

        That is in the worker that may take it, or for the workshop, of low priority, anywhere.
        """
        custom = self._tried.is_for_workshop(ticket.task, ticket.kernel)
        if not custom and ticket not in self._waiting:
            return
        for worker in self._workers:
            warming = worker.ticket
            if warming and warming.background and (custom or self._choice.may_take(worker, ticket)):
                worker.interrupt(warming)

    @property
    def _is_compiling(self) -> bool:
        """Whether the workshop has something to do for a client."""
        return self._waiting_for_workshop > 0 or any(
            w.is_workshop and w.ticket and not w.ticket.background for w in self._workers
        )

    @property
    def _waiting_for_workshop(self) -> int:
        return self._waiting.count(
            lambda ticket: self._tried.is_for_workshop(ticket.task, ticket.kernel)
        )

    @property
    def _waiting_for_workers(self) -> int:
        return self.waiting - self._waiting_for_workshop

    def _dispatch(self) -> None:
        """Give workers something to do: clients first, warming up otherwise; then ask for breaks.

        It is called after all that lets somebody take a ticket; where only time must pass for
        that, `_look_in` calls it.
        """
        for worker in tuple(self._workers):  # of which one leaves that has died unnoticed
            if not worker.idle:
                continue
            ticket = self._choice.ticket_for(worker)
            if ticket is not None:
                worker.send(self._take(ticket))
                if ticket.task.is_shared:
                    self._part_runs(worker)
            elif worker.to_warm and not self._is_compiling:
                worker.send(unasked(next(self._numbers), worker.to_warm.pop(0)))
        for worker in self._workers:
            if self._choice.guest_for(worker) is not None:
                worker.ask_for_break()

    def _look_in(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds + TICK_S, self._dispatch)

    def _part_runs(self, worker: Worker) -> None:
        """From now on, without a guest; at the end of its turn somebody looks who waits."""
        now = asyncio.get_running_loop().time()
        worker.turns.part_runs(now)
        if wait_s := worker.turns.wait_s(now):
            self._look_in(wait_s)

    def _take(self, ticket: Ticket) -> Ticket:
        if ticket.watchdog is not None:
            ticket.watchdog.cancel()
        self._waiting.remove(ticket)
        return ticket

    def _breaking(self, worker: Worker) -> None:
        """A single fit for a worker that has a break, if there still is one."""
        guest = self._choice.guest_for(worker)
        if guest is None:
            worker.end_break()
        else:
            worker.turns.part_rests(asyncio.get_running_loop().time())
            worker.send(self._take(guest))

    def _answered(
        self, worker: Worker, ticket: Ticket, how: str, what: Any, seconds: float
    ) -> None:
        self._deaths_in_a_row = 0
        if how == DONE:
            self._tried.answered(ticket, what)
        if how != CANCELLED:
            worker.answers += 1
            self._look_whether_started()
        if not ticket.background:
            self._mean_s += 0.1 * (seconds - self._mean_s)
            if ticket.task.is_shared:
                worker.turns.part_rests(asyncio.get_running_loop().time())
            else:
                worker.turns.single_ran(seconds)
            if worker.ticket is not None:  # whose guest it was
                self._part_runs(worker)
        ticket.settle(how, what)
        if ticket.background and how == CANCELLED:
            worker.to_warm.insert(0, ticket.task)
        self._warming.answered(worker)
        if worker.full:
            self._retire(worker)
        self._dispatch()

    def _retire(self, worker: Worker) -> None:
        """Another goes on with what this one was to do: it has answered, and ends by itself."""
        logger.info("a worker has used up its memory", extra={"pid": worker.process.pid})
        self._workers.remove(worker)
        worker.close()
        asyncio.get_running_loop().call_later(BURIED_AFTER_S, worker.process.join, 0)
        self._restart(worker)

    def _died(self, worker: Worker, tickets: Sequence[Ticket], late: Ticket | None) -> None:
        self._workers.remove(worker)
        if self._closing:
            return
        self._warming.died(worker)
        self.restarts += 1
        if late is None and not (worker.up or worker.is_workshop):
            self.births.failed()
        loop = asyncio.get_running_loop()
        read = [ticket for ticket in tickets if ticket.started is not None]
        loop.call_later(BURIED_AFTER_S, bury, worker, read[-1] if read else None, late)
        for ticket in tickets:
            was_running = bool(read) and ticket is read[-1]
            if was_running:
                self._tried.failed(ticket, loop.time())
            if ticket is late:
                compiling = not self._tried.is_compiled(ticket.kernel)
                ticket.fail(TimedOut(waiting=False, compiling=compiling))
            elif ticket in read or ticket.cancelled or ticket.background:
                ticket.fail(
                    WorkerLost(
                        "The process that worked on this died and was replaced. Try again; if it "
                        "happens again, these data with this model may need more memory than there "
                        "is.",
                        1.0,
                        workers=int(was_running),
                    )
                )
            else:
                self._wait(ticket)
        backoff = RESTART_BACKOFF_S[min(self._deaths_in_a_row, len(RESTART_BACKOFF_S) - 1)]
        self._deaths_in_a_row += 1
        loop.call_later(backoff, self._restart, worker)
        loop.call_soon(self._dispatch)  # others may take now what was for this one

    def _restart(self, old: Worker) -> None:
        if self._closing:
            return
        try:
            if old.is_workshop:
                self._start_workshop(old.to_warm)
            else:
                self._start_worker()
        except OSError:  # no memory, no process, no file left
            logger.exception("no worker can be started")
            asyncio.get_running_loop().call_later(RESTART_BACKOFF_S[-1], self._restart, old)


def bury(worker: Worker, ticket: Ticket | None, late: Ticket | None) -> None:
    """Log of what a worker died; whoever asks a process for its exit code takes it off the list."""
    facts: dict[str, Any] = {
        "pid": worker.process.pid,
        "exit_code": worker.process.exitcode,  # less than 0: that signal
        "timed_out": late is not None,
        "workshop": worker.is_workshop,
    }
    if ticket is not None:
        facts |= {
            "task": type(ticket.task).__name__,
            "kernel": str(ticket.task.key)[:MOST_LOGGED],
            "background": ticket.background,
            "asked_by": ticket.asked_by,
        }
    logger.warning("a worker died", extra=facts)
