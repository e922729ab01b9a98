"""Looking at the entries of arrays: which lie in a range, and which are wrong."""

from collections.abc import Callable, Sequence

import numpy as np

from fitting.errors import InvalidProblem, Path
from fitting.padding import Flags, Floats

Ranges = tuple[tuple[float, float], ...]
MOST_REPORTED = 20


def within(ranges: Ranges, x: Floats) -> Flags:
    """Which x lie in one of the ranges, ends included; all, where there are none."""
    if not ranges:
        return np.ones(len(x), dtype=bool)
    return np.any([(x >= lo) & (x <= hi) for lo, hi in ranges], axis=0)


class InvalidEntries(InvalidProblem):
    """Several entries of one array are wrong."""

    def __init__(self, problems: Sequence[tuple[Path, str]]):
        super().__init__(*problems[0])
        self.problems = problems


def refuse_where(wrong: Flags, path: Path, message: Callable[[int], str], offset: int = 0) -> None:
    """Raise for the entries of the array at `path` that are wrong, each with its index."""
    entries = np.flatnonzero(wrong)[:MOST_REPORTED]
    if len(entries):
        raise InvalidEntries([((*path, int(i) + offset), message(int(i))) for i in entries])
