"""Workers that fail as told: service and executor in one, for who deals out batches."""

import asyncio

from app.service import Served
from app.workers.paces import Paces
from app.workers.tasks import SLICE_S, BatchTask
from tests.fitting.problems import KERNELS


class FailingWorkers:
    """One worker; of its calls each has a failure or, for None and when there are no more, none."""

    slice_s = SLICE_S

    def __init__(self, *failures: Exception | None):
        self.failures = list(failures)
        self.rows: list[int] = []
        self.paces = Paces()

    def executor(self, _: BatchTask) -> "FailingWorkers":
        return self

    def hands(self, _: BatchTask) -> int:
        return 1

    async def outcome(self, task: BatchTask, _: float) -> Served:
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        self.rows.append(len(task.batch))
        return Served(await asyncio.to_thread(task.run, KERNELS, lambda: None), 0.0)
