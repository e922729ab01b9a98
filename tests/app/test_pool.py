"""Where jobs go, without processes: what the pool makes of an answer."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.workers.pool import LIGHT_S, WorkerPool
from app.workers.process import WorkerSettings
from app.workers.tasks import DONE
from app.workers.worker import Job
from fitting.kernels import Usage
from fitting.result import Status

CUSTOM: Any = SimpleNamespace(is_custom=True)
SHAPE: Any = SimpleNamespace(is_custom=False)


def pool_of(workers: int) -> WorkerPool:
    return WorkerPool(WorkerSettings(Path("."), 0, 1, 0), workers, 1, 1, 1.0)


def job_of(task: Any) -> Job:
    return Job(1, task, 7, 1e9, asyncio.get_running_loop().create_future(), 0.0)


async def answered(task: Any, *compile_s: float, status: Status = Status.CONVERGED) -> bool:
    """Whether the kernel's next job is for the workshop, after answers that took so long."""
    pool = pool_of(1)
    for seconds in compile_s:
        what = SimpleNamespace(status=status, usage=Usage(compile_s=seconds))
        pool._answered(SimpleNamespace(), job_of(task), DONE, what)  # type: ignore[arg-type]
    return pool._is_for_workshop(task, 7)


@pytest.mark.parametrize(
    ("task", "compile_s", "status", "expected"),
    [
        (CUSTOM, [], Status.CONVERGED, True),
        (CUSTOM, [LIGHT_S / 2], Status.CONVERGED, False),
        (CUSTOM, [LIGHT_S / 2], Status.DEADLINE, True),
        (CUSTOM, [2 * LIGHT_S], Status.CONVERGED, True),
        (CUSTOM, [2 * LIGHT_S, 0.0], Status.CONVERGED, True),
        (SHAPE, [2 * LIGHT_S], Status.CONVERGED, False),
    ],
)
def test_who_compiles_what_clients_write(
    task: Any, compile_s: list[float], status: Status, expected: bool
) -> None:
    assert asyncio.run(answered(task, *compile_s, status=status)) is expected


def test_the_workshop_compiles_the_library_and_then_all_load_it() -> None:
    async def run() -> None:
        pool, tasks = pool_of(2), [SHAPE, SHAPE]
        # busy: nothing is sent
        some: Any = [SimpleNamespace(is_workshop=n == 0, idle=False, job=None) for n in range(3)]
        pool._workers = some
        workshop, *workers = some
        assert not pool.is_warm  # nobody has said with what
        pool.warm([CUSTOM])
        assert [w.to_warm for w in workers] == [[CUSTOM], [CUSTOM]]
        for worker in workers:
            worker.to_warm.clear()
        assert pool.is_warm
        pool.warm_library(tasks)
        assert workshop.to_warm == tasks
        for left in (1, 0):
            del workshop.to_warm[left:]
            assert not any(w.to_warm for w in workers)
            pool._answered(workshop, job_of(SHAPE), DONE, SimpleNamespace())
        assert [w.to_warm for w in workers] == [tasks, tasks]

    asyncio.run(run())
