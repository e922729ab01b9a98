"""Whether workers come up at all: no memory, a broken library, a folder that is not theirs."""

import logging

logger = logging.getLogger("fit.workers")

SEVERAL = 5
WHY = (
    "Workers cannot be started: one after the other dies before it is up. The log has a line for "
    'each, "a worker died", with its exit code (less than 0: that signal, -9 mostly for want of '
    "memory), and before it what the process itself said."
)


class Births:
    """Of workers, not of the workshop."""

    def __init__(self) -> None:
        self._failed = 0  # in a row

    @property
    def fail(self) -> bool:
        """Whether several have died, and none has come up since."""
        return self._failed >= SEVERAL

    def failed(self) -> None:
        """One has died that was not up yet; of several there is one line."""
        self._failed += 1
        if self._failed == SEVERAL:
            logger.error(WHY)

    def succeeded(self) -> None:
        """One is up."""
        self._failed = 0
