"""The server's end of one worker process."""

import asyncio
import logging
import multiprocessing
import os
import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from app.workers.process import BREAK, FULL, UP, WorkerSettings, main
from app.workers.signals import NOBODY, Signals
from app.workers.tasks import Task
from app.workers.ticket import Ticket, TimedOut
from app.workers.turns import Turns
from app.workers.wire import Wire

logger = logging.getLogger("fit.workers")

_spawn = multiprocessing.get_context("spawn")  # never fork with JAX
MOST_KNOWN = 1000
LEAVE_S = 1.0  # for a ticket to see that it is late, once its guest has gone


class Worker:
    """One process, at most one ticket in it, none before it is up: starting takes seconds.

    A part of a batch may have a `guest`: a single fit, done between two of its evaluations.

    `on_up()`, `on_break(worker)`, `on_answer(worker, ticket, how, what, seconds)` and
    `on_death(worker, tickets, late)` are called from the event loop; of the tickets the last one
    was running, `late` is the one for which the process had to be killed, and one that it has not
    even read is not `started`. `known` are the kernels that it has, as far as we can tell, and
    `answers` counts what it has done.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        on_up: Callable[[], None],
        on_break: Callable[["Worker"], None],
        on_answer: Callable[["Worker", Ticket, str, Any, float], None],
        on_death: Callable[["Worker", list[Ticket], Ticket | None], None],
    ):
        self.is_workshop = settings.workshop
        self._on_up = on_up
        self._on_break = on_break
        self._on_answer = on_answer
        self._on_death = on_death
        self.ticket: Ticket | None = None
        self.guest: Ticket | None = None
        self.known: OrderedDict[int, None] = OrderedDict()
        self.to_warm: list[Task] = []
        self.answers = 0
        self.turns = Turns()
        self.up = False
        self.full = False  # its memory, so that it should get no other ticket
        self.alive = True
        self._late: Ticket | None = None
        self._told: Ticket | None = None  # with the last message
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
        return self.alive and self.up and self.ticket is None

    @property
    def hosts(self) -> bool:
        """Whether it may take a break for a single fit."""
        ticket = self.ticket
        return (
            self.alive
            and self.up
            and not self.is_workshop
            and self.guest is None
            and ticket is not None
            and ticket.task.is_shared
            and not ticket.cancelled
        )

    def ask_for_break(self) -> None:
        """Before the next evaluation; the worker hosts."""
        self._signals.asked = True

    def end_break(self) -> None:
        """There is nothing to do in it."""
        self._tell(None)

    def send(self, ticket: Ticket) -> None:
        """Start a ticket; the worker is idle, or has a break, so it reads at once."""
        if self.ticket is None:
            self.ticket = ticket
        else:
            self.guest = ticket
        ticket.started = self._loop.time()
        ticket.watchdog = self._loop.call_at(ticket.hard_deadline, self.kill_for_time, ticket)
        self.known[ticket.kernel] = None
        self.known.move_to_end(ticket.kernel)
        if len(self.known) > MOST_KNOWN:
            self.known.popitem(last=False)
        self._tell(ticket)

    def _tell(self, ticket: Ticket | None) -> None:
        self._told = ticket
        message = (ticket.number, ticket.task) if ticket else (NOBODY, None)
        self._wire.send(pickle.dumps(message, protocol=5))

    def cancel(self, ticket: Ticket, grace_s: float) -> None:
        """Stop a ticket that is here: at its next evaluation, or by force after `grace_s`."""
        ticket.cancelled = True
        self.interrupt(ticket)
        if ticket.watchdog is not None:
            ticket.watchdog.cancel()
        when = min(ticket.hard_deadline, self._loop.time() + grace_s)
        ticket.watchdog = self._loop.call_at(when, self.kill_for_time, ticket)

    def interrupt(self, ticket: Ticket) -> None:
        """Stop a ticket that is here at its next evaluation, however long that takes to come."""
        if ticket is self.guest:
            self._signals.cancelled_guest = ticket.number
        else:
            self._signals.cancelled = ticket.number

    def kill_for_time(self, ticket: Ticket) -> None:
        """The watchdog: the ticket did not stop when it should have."""
        if self.guest is not None and ticket is not self.guest:  # it could not
            self.interrupt(ticket)
            ticket.fail(TimedOut(waiting=False))
            when = self.guest.hard_deadline + LEAVE_S
            ticket.watchdog = self._loop.call_at(when, self.kill_for_time, ticket)
            return
        self._late = ticket
        self.up = False  # it may still answer, but there is no other ticket for it
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
        ticket = self.guest or self.ticket
        if ticket is None or ticket.number != number:  # it broke down in a break
            self._died()
            return
        if self.guest is None:
            self.ticket = None
        self.guest = None
        if ticket.watchdog is not None:
            ticket.watchdog.cancel()
        self._on_answer(self, ticket, how, what, seconds)

    def _died(self) -> None:
        if not self.alive:
            return
        self.close()
        self.process.kill()
        tickets = [ticket for ticket in (self.ticket, self.guest) if ticket is not None]
        self.ticket = self.guest = None
        if self._told is not None and self._wire.is_sending:
            self._told.started = None
        for ticket in tickets:
            if ticket.watchdog is not None:
                ticket.watchdog.cancel()
        self._on_death(self, tickets, self._late)
