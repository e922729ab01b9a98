"""The memory of a process, and how much of it one task may take."""

import resource
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


class Allowance:
    """Of `most_bytes` for each task, beyond what the process had before it.

    What tasks leave behind comes on top, so a process in which that has become much is `used_up`.
    """

    def __init__(self, most_bytes: int):
        self._most = most_bytes
        self._at_first: int | None = None
        self._before = 0

    def begin(self) -> None:
        """A task begins."""
        self._before = resident_bytes()
        if self._at_first is None:
            self._at_first = self._before

    @property
    def is_exceeded(self) -> bool:
        """Whether the task that runs has taken too much."""
        return resident_bytes() - self._before > self._most

    @property
    def is_used_up(self) -> bool:
        """Whether tasks have left half as much behind as one may take."""
        return resident_bytes() - (self._at_first or 0) > self._most / 2


def resident_bytes() -> int:
    """The memory that this process has; where the system does not tell, the most it has had."""
    if STATUS.exists():
        for line in STATUS.read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
