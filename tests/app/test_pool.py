"""Where jobs go, without processes: what the pool makes of an answer."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.workers.kernel_number import kernel_number
from app.workers.pool import LIGHT_S, WorkerPool
from app.workers.process import WorkerSettings
from app.workers.tasks import DONE, SLICE_S
from app.workers.worker import Job
from fitting.kernels import Usage
from fitting.result import Status

CUSTOM: Any = SimpleNamespace(is_custom=True, key="kernel", spreads=False)
SHAPE: Any = SimpleNamespace(is_custom=False, key="kernel", spreads=False)
PART: Any = SimpleNamespace(is_custom=False, key="rows", spreads=True)


def pool_of(workers: int) -> WorkerPool:
    return WorkerPool(WorkerSettings(Path("."), 0, 1, 0), workers, 1, 1, 1.0)


def job_of(task: Any, number: int = 1) -> Job:
    future = asyncio.get_running_loop().create_future()
    return Job(number, task, kernel_number(task.key), 1e9, future, 0.0)


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


@pytest.mark.parametrize(
    ("singles_s", "expected"), [(0.0, [3, 4, 1, 2]), (2 * SLICE_S, [1, 2, 3, 4])]
)
def test_single_fits_and_parts_of_batches_take_turns(singles_s: float, expected: list[int]) -> None:
    async def run() -> list[int]:
        pool = pool_of(1)
        worker: Any = SimpleNamespace(
            is_workshop=False, known={}, alive=True, singles_s=singles_s, idle=False
        )
        for number, task in enumerate([PART, PART, SHAPE, SHAPE], 1):
            pool._waiting.add(job_of(task, number))
        taken = []
        while (job := pool._job_for(worker)) is not None:
            pool._waiting.remove(job)
            taken.append(job.number)
        return taken

    assert asyncio.run(run()) == expected


def test_a_part_of_a_batch_ends_the_turn_of_single_fits() -> None:
    async def run() -> None:
        pool, worker = pool_of(1), SimpleNamespace(is_workshop=False, singles_s=0.0)
        for task, expected in ((SHAPE, True), (SHAPE, True), (PART, False)):
            job = job_of(task)
            job.started = asyncio.get_running_loop().time() - 0.1
            pool._answered(worker, job, DONE, None)  # type: ignore[arg-type]
            assert (worker.singles_s > 0) is expected
        pool._answered(worker, job_of(SHAPE), DONE, None)  # type: ignore[arg-type]

    asyncio.run(run())
