"""Room for bodies until they are answered: all together they have so many bytes of memory."""

import contextlib
from collections.abc import Callable, Iterator

from app.errors import Unavailable

FREE = 2**20  # bytes of each body that need no room: who sends little is not in the way of others
RETRY_S = 2.0


class ManyBodies(Unavailable):
    kind, title = "many-bodies", "Too many large bodies at once"


class Bodies:
    """Counts the bytes of all bodies; what a body has taken is given back once it is answered.

    Until then it is in memory, as bytes or as numbers. Of a job's lines, which are read some at a
    time, those are counted that are not read yet.
    """

    def __init__(self, most: int):
        self._most = most
        self.held = 0

    @contextlib.contextmanager
    def room(self) -> Iterator[Callable[[int], None]]:
        """For one body; to be told how many bytes of it are in memory, or ManyBodies."""
        taken = 0

        def hold(size: int) -> None:
            nonlocal taken
            more = max(size - FREE, 0) - taken
            if self.held + more > self._most:
                limit = f"(max_bodies_bytes {self._most}, GET /limits)"
                raise ManyBodies(f"There is no room for more {limit}. Send it again.", RETRY_S)
            self.held += more
            taken += more

        try:
            yield hold
        finally:
            self.held -= taken
