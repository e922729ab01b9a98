"""The tickets that wait for a worker, by kernel.

Who looks for a ticket asks of kernels whether it may take theirs, so that a long queue costs no
more than a short one: usually few kernels wait, whatever the number of tickets.
"""

from collections import OrderedDict
from collections.abc import Callable

from app.workers.ticket import Ticket


class Waiting:
    """Tickets of one kernel are alike to who may take them; of several the oldest goes first."""

    def __init__(self) -> None:
        # ordered: of a dict from whose front much was taken, the first is found slowly
        self._by_kernel: dict[int, OrderedDict[int, Ticket]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, ticket: Ticket) -> bool:
        return ticket.number in self._by_kernel.get(ticket.kernel, ())

    def add(self, ticket: Ticket) -> None:
        self._by_kernel.setdefault(ticket.kernel, OrderedDict())[ticket.number] = ticket
        self._count += 1

    def remove(self, ticket: Ticket) -> None:
        of_kernel = self._by_kernel[ticket.kernel]
        del of_kernel[ticket.number]
        if not of_kernel:
            del self._by_kernel[ticket.kernel]
        self._count -= 1

    def oldest(self, accepted: Callable[[Ticket], bool]) -> Ticket | None:
        """The oldest ticket of those kernels whose first ticket is accepted."""
        firsts = (next(iter(tickets.values())) for tickets in self._by_kernel.values())
        return min(filter(accepted, firsts), key=lambda ticket: ticket.number, default=None)

    def of(self, kernel: int) -> int:
        """How many wait for this kernel."""
        return len(self._by_kernel.get(kernel, ()))

    def count(self, accepted: Callable[[Ticket], bool]) -> int:
        """How many tickets there are of those kernels whose first ticket is accepted."""
        return sum(
            len(tickets)
            for tickets in self._by_kernel.values()
            if accepted(next(iter(tickets.values())))
        )
