"""Which of the tickets that wait a worker may take.

A kernel's tickets go to a worker that has the kernel; a kernel that none has goes to whichever is
idle first. Only when several tickets of one kernel wait, or one for long, does another worker take
one: it finds the kernel compiled on disk. Parts of a batch are taken by all, and make way for
single fits between two evaluations.
"""

import asyncio
from collections.abc import Sequence

from app.workers.ticket import Ticket
from app.workers.tried import Tried
from app.workers.waiting import Waiting
from app.workers.worker import Worker

HELP_AT = 3  # waiting tickets of one kernel at which a worker without it lends a hand
HELP_AFTER_S = 0.1  # or when one has waited so long


class Choice:
    """For the `workers` that there are, of the tickets that wait."""

    def __init__(self, waiting: Waiting, tried: Tried, workers: Sequence[Worker]):
        self._waiting = waiting
        self._tried = tried
        self._workers = workers

    def guest_for(self, worker: Worker) -> Ticket | None:
        """The oldest single fit that may have a break of what this worker does.

        One that is compiled waits for a worker that is idle, if there is one.
        """
        if not (worker.hosts and self._singles_may(worker)):
            return None
        single = self._oldest(worker, shared=False)
        if single is None or not self._tried.is_compiled(single.kernel):
            return single
        return None if any(w.idle and not w.is_workshop for w in self._workers) else single

    def ticket_for(self, worker: Worker) -> Ticket | None:
        """The oldest ticket that this idle worker may take; single fits go first while they may."""
        single = self._oldest(worker, shared=False)
        part = self._oldest(worker, shared=True)
        if single is None or part is None:
            return single or part
        return single if self._singles_may(worker) else part

    def may_take(self, worker: Worker, ticket: Ticket) -> bool:
        """Whether it has the ticket's kernel, or may take it on."""
        kernel = ticket.kernel
        if self._tried.is_for_workshop(ticket.task, kernel):
            return worker.is_workshop
        if kernel in worker.known:
            return True
        if worker.is_workshop:
            return False
        if not any(kernel in w.known for w in self._workers if w.alive and not w.is_workshop):
            return True
        waited_s = asyncio.get_running_loop().time() - ticket.accepted
        many = ticket.task.is_shared or self._waiting.of(kernel) >= HELP_AT
        return self._tried.is_compiled(kernel) and (many or waited_s >= HELP_AFTER_S)

    def _oldest(self, worker: Worker, *, shared: bool) -> Ticket | None:
        """The oldest single fit, or part of a batch, that this worker may take."""
        return self._waiting.oldest(
            lambda ticket: ticket.task.is_shared is shared and self.may_take(worker, ticket)
        )

    def _singles_may(self, worker: Worker) -> bool:
        """Whether single fits go before parts: until they have had a turn more than these."""
        return worker.turns.wait_s(asyncio.get_running_loop().time()) == 0.0
