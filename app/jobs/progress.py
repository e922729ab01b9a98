"""How fast jobs go since this server works on them: others, or a pause before, are not its pace."""

import time
from collections import OrderedDict

from app.store.jobs import StoredJob

REMEMBERED = 1000


class Progress:
    """Of the jobs that were worked on last: since when, and how many rows were done before."""

    def __init__(self) -> None:
        self._begun: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def working_on(self, job_id: str, rows_done: int) -> None:
        """A chunk of it is begun; `rows_done` are those of the chunks that are finished."""
        self._begun.setdefault(job_id, (time.monotonic(), rows_done))
        self._begun.move_to_end(job_id)
        if len(self._begun) > REMEMBERED:
            self._begun.popitem(last=False)

    def estimated_end(self, job: StoredJob) -> float | None:
        """If the rest goes at this pace; None until a chunk was done, and once it has ended."""
        begun, before = self._begun.get(job.id, (0.0, job.rows))
        done = job.rows_done - before
        if job.finished is not None or done <= 0:
            return None
        left_s = (time.monotonic() - begun) * (job.rows - job.rows_done) / done
        return time.time() + left_s  # a clock that is set does not change the pace
