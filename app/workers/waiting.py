"""The jobs that wait for a worker, by kernel.

Who looks for a job asks of kernels whether it may take theirs, so that a long queue costs no more
than a short one: usually few kernels wait, whatever the number of jobs.
"""

from collections import OrderedDict
from collections.abc import Callable

from app.workers.worker import Job


class Waiting:
    """Jobs of one kernel are alike to whoever may take them; of several the oldest goes first."""

    def __init__(self) -> None:
        # ordered: of a dict from whose front much was taken, the first is found slowly
        self._by_kernel: dict[int, OrderedDict[int, Job]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, job: Job) -> bool:
        return job.number in self._by_kernel.get(job.kernel, ())

    def add(self, job: Job) -> None:
        self._by_kernel.setdefault(job.kernel, OrderedDict())[job.number] = job
        self._count += 1

    def remove(self, job: Job) -> None:
        of_kernel = self._by_kernel[job.kernel]
        del of_kernel[job.number]
        if not of_kernel:
            del self._by_kernel[job.kernel]
        self._count -= 1

    def oldest(self, accepted: Callable[[Job], bool]) -> Job | None:
        """The oldest job of those kernels whose first job is accepted."""
        firsts = (next(iter(jobs.values())) for jobs in self._by_kernel.values())
        return min(filter(accepted, firsts), key=lambda job: job.number, default=None)

    def of(self, kernel: int) -> int:
        """How many wait for this kernel."""
        return len(self._by_kernel.get(kernel, ()))

    def count(self, accepted: Callable[[Job], bool]) -> int:
        """How many jobs there are of those kernels whose first job is accepted."""
        return sum(
            len(jobs) for jobs in self._by_kernel.values() if accepted(next(iter(jobs.values())))
        )
