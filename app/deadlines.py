"""How a client gets more time: by a later deadline of its own, as far as the server's goes, or not.

The library, which knows of neither, says that more time would help.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from app.http.headers import RESPOND_ASYNC
from app.schemas.requests import Asked
from app.settings import Settings
from fitting.batch.result import DEADLINE, BatchResult
from fitting.result import FitResult
from fitting.status import Status

LATE: str = Status.DEADLINE.value


def more_time(asked: Asked, settings: Settings) -> str:
    """What can be done about the deadline of a request."""
    most = f"{settings.deadline_s:g} seconds"
    if (asked.deadline_s or settings.deadline_s) < settings.deadline_s:
        return f"deadline_s may be up to {most} here."
    return f"{most} are the most that this server gives, whatever deadline_s is."


def tell(result: FitResult, more: str) -> FitResult:
    """The same, with this after what says that there was no time."""
    late = result.status is Status.DEADLINE
    if not late and all(w.code != LATE for w in result.warnings):
        return result
    return replace(
        result,
        message=f"{result.message} {more}" if late else result.message,
        warnings=tuple(
            replace(w, message=f"{w.message} {more}") if w.code == LATE else w
            for w in result.warnings
        ),
    )


def tell_batch(answer: dict[str, Any], asked: Asked, settings: Settings) -> None:
    """The same of the answer to a batch: as a job it has no deadline, but that of a row."""
    messages: dict[str, str] = answer["messages"]
    if LATE in messages:
        job = f"As a job (Prefer: {RESPOND_ASYNC}) each row has a deadline of its own."
        messages[LATE] = f"{messages[LATE]} Send fewer rows. {job} {more_time(asked, settings)}"


def tell_rows(result: BatchResult, asked: Asked, settings: Settings) -> list[str]:
    """What is said of each row of a job, those included for which there was no time."""
    late = result.status == DEADLINE
    more = f" {more_time(asked, settings)}"
    return np.where(late, result.message + more, result.message).tolist()
