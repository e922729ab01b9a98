"""What became of kernels so far: by that it is decided who compiles them next, or nobody."""

import math
from collections import OrderedDict
from typing import TypeVar

from app.errors import InvalidRequest
from app.workers.tasks import Outcome, Task
from app.workers.ticket import Ticket
from app.workers.worker import MOST_KNOWN
from fitting.status import Status

LIGHT_S = 4.0  # of compiling; a model of a client's that took longer stays in the workshop
FAILED_S = 600.0  # how long a kernel is refused on which a process had to be killed

T = TypeVar("T")


class Tried:
    """Kernels by number, those last used; times are on the event loop's clock."""

    def __init__(self) -> None:
        self._compiled: OrderedDict[int, None] = OrderedDict()
        self._heavy: OrderedDict[int, None] = OrderedDict()  # took long
        self._failed: OrderedDict[int, float] = OrderedDict()  # and until when

    def is_compiled(self, kernel: int) -> bool:
        """Whether it is found on disk, and in no time."""
        return kernel in self._compiled

    def is_for_workshop(self, task: Task, kernel: int) -> bool:
        """Whether it is of a client's making, and may take long to compile for all we know."""
        return task.is_custom and kernel not in self._compiled

    def answered(self, ticket: Ticket, outcome: Outcome) -> None:
        """One that ended has used all its functions, one at its deadline perhaps only some."""
        if getattr(outcome, "status", None) is Status.DEADLINE:
            return
        heavy = ticket.task.is_custom and outcome.usage.compile_s > LIGHT_S
        if heavy or ticket.kernel in self._heavy:
            _add(self._heavy, ticket.kernel, None)
        else:
            _add(self._compiled, ticket.kernel, None)

    def failed(self, ticket: Ticket, now: float) -> None:
        """A process had to be killed, or killed itself."""
        if not ticket.cancelled and self.is_for_workshop(ticket.task, ticket.kernel):
            _add(self._failed, ticket.kernel, now + FAILED_S)

    def refuse_failed(self, kernel: int, now: float) -> None:
        """InvalidRequest, if that was a moment ago."""
        left = self._failed.get(kernel, 0.0) - now
        if left > 0:
            why = (
                "compiling this model took so long, or so much memory, that the process was killed."
                " Write a simpler one; the same one will be tried again in "
                f"{math.ceil(left / 60)} minutes at the earliest"
            )
            raise InvalidRequest([(("model",), why)])


def _add(kernels: OrderedDict[int, T], kernel: int, value: T) -> None:
    kernels[kernel] = value
    kernels.move_to_end(kernel)
    if len(kernels) > MOST_KNOWN:
        kernels.popitem(last=False)
