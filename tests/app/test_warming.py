"""What workers load before clients ask for it, when they make way for these, and when a pool is
ready; without processes."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from app.workers.kernel_number import kernel_number
from app.workers.pool import WorkerPool
from app.workers.tasks import CANCELLED, DONE, LATE, WarmTask
from app.workers.ticket import Ticket
from app.workers.tried import LIGHT_S
from app.workers.turns import Turns
from app.workers.warming import FIRST
from fitting.coordinates import ease
from fitting.kernels.cache import KernelCache, Usage
from fitting.status import Status
from models.shapes.polynomial import Polynomial
from tests.app.test_pool import CUSTOM, SHAPE, busy_with, pool_of, ticket_of
from tests.fitting.problems import points, problem


def test_the_workshop_compiles_what_all_load_then() -> None:
    light: Any = SimpleNamespace(is_custom=True, key="light", is_shared=False)
    heavy: Any = SimpleNamespace(is_custom=True, key="heavy", is_shared=False)
    shape: Any = SimpleNamespace(is_custom=False, key="shape", is_shared=False)

    async def run() -> None:
        pool = pool_of(2)
        workers = starting(pool)  # busy: nothing is sent
        workshop = pool._workers[0]

        def compiled(seconds: float) -> None:
            task = workshop.to_warm.pop(0)
            what = SimpleNamespace(status=Status.CONVERGED, usage=Usage(compile_s=seconds))
            pool._answered(workshop, ticket_of(task), DONE, what, seconds)

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


class Warming:
    """Stands for a worker that is busy warming up; notes when it is told to stop."""

    def __init__(self, *known: str, is_workshop: bool = False):
        self.is_workshop = is_workshop
        self.known = {kernel_number(key) for key in known}
        self.alive, self.turns, self.hosts = True, Turns(), False
        self.to_warm: list[Any] = []
        self.full, self.answers = False, 0
        self.ticket: Ticket | None = ticket_of(SHAPE)
        self.ticket.background = True

    @property
    def idle(self) -> bool:
        return self.ticket is None

    def send(self, ticket: Ticket) -> None:
        self.ticket = ticket

    def interrupt(self, ticket: Ticket) -> None:
        ticket.cancelled = True

    def end(self, pool: WorkerPool, how: str) -> None:
        """As a worker does."""
        ticket, self.ticket = self.ticket, None
        assert ticket is not None
        pool._answered(self, ticket, how, SimpleNamespace(usage=Usage()), 0.0)  # type: ignore[arg-type]


async def warming(*workers: Warming) -> tuple[WorkerPool, Callable[[], list[bool]]]:
    """A pool of these, and who of them was told to stop."""
    pool = pool_of(len(workers) - 1)
    pool._workers[:] = workers  # type: ignore[list-item]
    tickets = [worker.ticket for worker in workers if worker.ticket]
    return pool, lambda: [ticket.cancelled for ticket in tickets]


def test_warming_up_stops_only_where_a_client_waits_for_that_worker() -> None:
    async def run() -> None:
        pool, stopped = await warming(Warming(is_workshop=True), Warming("a"), Warming("kernel"))
        pool.submit(SHAPE, 1e9)
        assert stopped() == [False, False, True]
        pool, stopped = await warming(Warming(is_workshop=True), Warming("a"), Warming("b"))
        pool.submit(SHAPE, 1e9)  # whoever ends first takes it
        assert stopped() == [False, True, True]
        pool, stopped = await warming(Warming(is_workshop=True), free := Warming(), Warming("b"))
        free.ticket = None
        pool.submit(SHAPE, 1e9)
        assert stopped() == [False, False, False]

    asyncio.run(run())


def test_warming_up_stops_everywhere_for_a_new_formula_and_goes_on_after_it() -> None:
    async def run() -> None:
        workshop, one, other = Warming(is_workshop=True), Warming("a"), Warming("b")
        pool, stopped = await warming(workshop, one, other)
        before = [worker.ticket.task for worker in (workshop, one, other) if worker.ticket]
        asked = pool.submit(CUSTOM, 1e9)
        assert stopped() == [True] * 3
        one.end(pool, CANCELLED)
        assert one.idle  # the new formula still waits
        workshop.end(pool, CANCELLED)
        other.end(pool, CANCELLED)
        assert workshop.ticket is asked
        assert one.idle
        assert other.idle
        assert [worker.to_warm for worker in (workshop, one, other)] == [[task] for task in before]
        workshop.end(pool, DONE)
        again = [worker.ticket for worker in (workshop, one, other)]
        assert [ticket.task for ticket in again if ticket and ticket.background] == before

    asyncio.run(run())


def starting(pool: WorkerPool) -> list[Any]:
    """Its workers, which are not up, and answer what a test says they do."""
    workers = [busy_with(None) for _ in range(3)]
    for worker in workers:
        worker.up = worker.hosts = False
    pool._workers[:] = workers
    workers[0].is_workshop = workers[0].up = True
    return workers[1:]


def test_a_pool_is_ready_while_it_has_a_worker() -> None:
    pool = pool_of(2)
    one, other = starting(pool)
    pool.warm([])
    for first, second, expected in (
        (True, False, False),
        (True, True, True),
        (True, False, True),
        (False, False, False),
    ):
        one.up, other.up = first, second
        pool._upped()
        assert pool.is_ready is expected


@pytest.mark.parametrize(
    ("tasks", "how", "needed"),
    [
        ([SHAPE] * (FIRST + 2), DONE, FIRST),
        ([SHAPE] * (FIRST - 1), LATE, FIRST - 1),
        ([CUSTOM], DONE, 0),  # what a client wrote may take minutes
        ([SHAPE] * FIRST, CANCELLED, None),  # a client came, and it will be done again
    ],
)
def test_a_pool_is_ready_once_each_worker_has_what_is_used_most(
    tasks: list[Any], how: str, needed: int | None
) -> None:
    async def run() -> None:
        pool = pool_of(2)
        workers = starting(pool)
        for worker in workers:
            worker.up = True
            pool._upped()
        assert not pool.is_ready  # nobody has said what that is
        pool.warm(tasks)
        for _ in range(FIRST if needed is None else needed):
            for worker in workers:
                assert not pool.is_ready
                pool._answered(worker, ticket_of(SHAPE), how, SimpleNamespace(usage=Usage()), 0.1)
        assert pool.is_ready is (needed is not None)
        workers[0].answers = 0  # one that has died, and was replaced
        pool._upped()
        assert pool.is_ready is (needed is not None)

    asyncio.run(run())


def test_what_is_used_most_is_loaded_first_by_each_worker_from_elsewhere_on() -> None:
    pool = pool_of(2)
    one, other = starting(pool)
    tasks: list[Any] = [SimpleNamespace(is_custom=False, number=n) for n in range(FIRST + 4)]
    pool.warm(tasks)
    mine, theirs = ([task.number for task in worker.to_warm] for worker in (one, other))
    assert mine == [*range(FIRST + 4)]
    assert theirs[0] != mine[0]
    assert theirs[FIRST] != mine[FIRST]
    assert sorted(theirs[:FIRST]) == mine[:FIRST]
    assert sorted(theirs[FIRST:]) == mine[FIRST:]


def test_what_is_fitted_in_other_coordinates_is_compiled_in_these() -> None:
    x = np.linspace(990, 1000, 30)
    asked, kernels = problem(Polynomial(degree=4), points(x, np.sin(x))), KernelCache()
    WarmTask(asked).run(kernels, lambda: None)
    eased = ease(asked)
    assert eased is not None
    used = kernels.get(eased.problem.kernel_key)._compiled
    assert {name for name, _ in used} >= {"value_and_gradient", "derivatives"}
    assert not kernels.get(asked.kernel_key)._compiled
