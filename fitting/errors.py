"""What can go wrong before and during a fit.

Not converging is a result (`result.Status`), not an exception.

    Exception
    ├── InvalidProblem      the question makes no sense; says where and what to do
    └── Stopped             a running fit was told to stop
        ├── DeadlineReached its time is up
        └── Cancelled       nobody waits for the answer any more
"""

from collections.abc import Sequence

import numpy as np

#: What Python and LAPACK raise at numbers so large, or so small, that their squares are none.
NO_NUMBER = (ArithmeticError, np.linalg.LinAlgError)

Path = tuple[str | int, ...]


class InvalidProblem(Exception):
    """A field of the problem is wrong; `path` leads to it, `message` says how to mend it."""

    def __init__(self, path: Path, message: str):
        super().__init__(message)
        self.problems: Sequence[tuple[Path, str]] = [(path, message)]

    @property
    def path(self) -> Path:
        return self.problems[0][0]

    @property
    def message(self) -> str:
        return self.problems[0][1]


class Stopped(Exception):
    """Raised inside the cost function: the one way to leave MIGRAD early."""


class DeadlineReached(Stopped):
    """The fit used up its time."""


class Cancelled(Stopped):
    """The client has gone."""
