"""Memory mappings of this process, of which Linux allows some 65 thousand.

XLA makes 15 to 30 for each compiled function. At the limit nothing more is compiled ("Cannot
allocate memory"), however much memory there is.
"""

from functools import cache
from pathlib import Path

MAPPINGS, MOST = Path("/proc/self/maps"), Path("/proc/sys/vm/max_map_count")


def are_crowded() -> bool:
    """Whether more than half of those allowed are in use; never where there is no such limit."""
    most = _most()
    return most is not None and 2 * count() > most


def count() -> int:
    """How many there are."""
    return MAPPINGS.read_bytes().count(b"\n")


@cache
def _most() -> int | None:
    return int(MOST.read_text()) if MOST.exists() else None
