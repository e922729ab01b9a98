"""Where jobs go, without processes: what the pool makes of an answer."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.workers.kernel_number import kernel_number
from app.workers.pool import LIGHT_S, WorkerPool
from app.workers.process import WorkerSettings
from app.workers.tasks import DONE
from app.workers.worker import Job
from fitting.kernels import Usage
from fitting.result import Status

CUSTOM: Any = SimpleNamespace(is_custom=True, key="kernel")
SHAPE: Any = SimpleNamespace(is_custom=False, key="kernel")


def pool_of(workers: int) -> WorkerPool:
    return WorkerPool(WorkerSettings(Path("."), 0, 1, 0), workers, 1, 1, 1.0)


def job_of(task: Any) -> Job:
    future = asyncio.get_running_loop().create_future()
    return Job(1, task, kernel_number(task.key), 1e9, future, 0.0)


async def answered(task: Any, *compile_s: float, status: Status = Status.CONVERGED) -> bool:
    """Whether the kernel's next job is for the workshop, after answers that took so long."""
    pool = pool_of(1)
    for seconds in compile_s:
        what = SimpleNamespace(status=status, usage=Usage(compile_s=seconds))
        pool._answered(SimpleNamespace(), job_of(task), DONE, what)  # type: ignore[arg-type]
    return pool.is_untried(task)


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


def test_the_workshop_compiles_what_all_load_then() -> None:
    light: Any = SimpleNamespace(is_custom=True, key="light")
    heavy: Any = SimpleNamespace(is_custom=True, key="heavy")
    shape: Any = SimpleNamespace(is_custom=False, key="shape")

    async def run() -> None:
        pool = pool_of(2)
        # busy: nothing is sent
        some: Any = [
            SimpleNamespace(is_workshop=n == 0, idle=False, job=None, to_warm=[]) for n in range(3)
        ]
        pool._workers = some
        workshop, *workers = some

        def compiled(seconds: float) -> None:
            task = workshop.to_warm.pop(0)
            what = SimpleNamespace(status=Status.CONVERGED, usage=Usage(compile_s=seconds))
            pool._answered(workshop, job_of(task), DONE, what)

        def loaded() -> list[Any]:
            (one, other) = ([*w.to_warm] for w in workers)
            assert one == other
            for worker in workers:
                worker.to_warm.clear()
            return one

        assert not pool.is_warm  # nobody has said with what
        pool.warm([light, shape, heavy])
        assert workshop.to_warm == [light, heavy]
        assert loaded() == [shape]
        assert not pool.is_warm
        compiled(LIGHT_S / 2)
        assert loaded() == []
        compiled(2 * LIGHT_S)
        assert loaded() == [light]
        assert pool.is_warm
        pool.warm_after([shape, shape])
        assert pool.is_warm
        compiled(0.1)
        assert loaded() == []
        compiled(0.1)
        assert loaded() == [shape, shape]

    asyncio.run(run())
