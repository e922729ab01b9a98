"""Where tickets go, without processes: what the pool makes of an answer."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from app.errors import Busy
from app.routes.fit import fit_or_timeout
from app.workers.choice import HELP_AFTER_S
from app.workers.kernel_number import kernel_number
from app.workers.pool import CLOSE_S, WorkerPool
from app.workers.process import WorkerSettings
from app.workers.tasks import CANCELLED, DONE, LATE, CovarianceTask, attempt
from app.workers.ticket import Ticket, TimedOut
from app.workers.tried import LIGHT_S, Tried
from app.workers.turns import Turns
from app.workers.worker import MOST_KNOWN
from fitting.kernels.cache import Usage
from fitting.result import Status
from tests.fitting.problems import KERNELS, LINE, points, problem

CUSTOM: Any = SimpleNamespace(is_custom=True, key="kernel", is_shared=False)
SHAPE: Any = SimpleNamespace(is_custom=False, key="kernel", is_shared=False)
NEW: Any = SimpleNamespace(is_custom=True, key="new", is_shared=False)
PART: Any = SimpleNamespace(is_custom=False, key="rows", is_shared=True)


def pool_of(workers: int) -> WorkerPool:
    return WorkerPool(WorkerSettings(Path("."), 0, 1, 0), workers, 1, 1, 1.0)


def ticket_of(task: Any, number: int = 1) -> Ticket:
    ticket = Ticket(number, task, 1e9)
    ticket.accepted = 0.0
    return ticket


async def answered(task: Any, *compile_s: float, status: Status = Status.CONVERGED) -> bool:
    """Whether the kernel's next ticket is for the workshop, after answers that took so long."""
    pool = pool_of(1)
    for seconds in compile_s:
        what = SimpleNamespace(status=status, usage=Usage(compile_s=seconds))
        pool._answered(busy_with(None), ticket_of(task), DONE, what, 0.1)  # type: ignore[arg-type]
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
    light: Any = SimpleNamespace(is_custom=True, key="light", is_shared=False)
    heavy: Any = SimpleNamespace(is_custom=True, key="heavy", is_shared=False)
    shape: Any = SimpleNamespace(is_custom=False, key="shape", is_shared=False)

    async def run() -> None:
        pool = pool_of(2)
        # busy: nothing is sent
        some: Any = [
            SimpleNamespace(
                is_workshop=n == 0,
                idle=False,
                hosts=False,
                ticket=None,
                full=False,
                to_warm=[],
                turns=Turns(),
            )
            for n in range(3)
        ]
        pool._workers[:] = some
        workshop, *workers = some

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
        self.full = False
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


@pytest.mark.parametrize("tasks", [(NEW, SHAPE), (SHAPE, NEW)])
def test_new_formulas_and_other_fits_wait_in_queues_of_their_own(tasks: tuple[Any, Any]) -> None:
    """Each of them holds one."""

    async def run() -> None:
        pool = pool_of(1)  # whose workers are not started
        for task in tasks:
            assert pool.is_full is (tasks == (SHAPE, NEW) and task is NEW)
            pool.submit(task, 1e9)
        assert pool.waiting == 2
        assert pool.is_full
        with pytest.raises(Busy, match="waiting already: 1"):
            pool.submit(SHAPE, 1e9)
        with pytest.raises(Busy, match="new formulas"):
            pool.submit(NEW, 1e9)

    asyncio.run(run())


def test_a_covariance_that_is_late_is_told_as_such() -> None:
    x = np.linspace(0, 1, 5)
    asked = problem(LINE, points(x, 1 + x))
    task = CovarianceTask(asked, np.ones(2), True, "hesse", 1.0, deadline=0.0)
    how, what = attempt(task, KERNELS, lambda: None)
    assert how == LATE

    async def run() -> None:
        ticket = ticket_of(SHAPE)
        ticket.settle(how, what)
        with pytest.raises(TimedOut):
            await ticket.outcome

    asyncio.run(run())


def busy_with(ticket: Ticket | None, turns: Turns | None = None) -> Any:
    """Stands for a worker."""
    return SimpleNamespace(
        is_workshop=False,
        known={},
        alive=True,
        idle=False,
        hosts=True,
        ticket=ticket,
        turns=turns or Turns(),
        to_warm=[],
        full=False,
    )


def test_an_idle_worker_takes_a_fit_that_has_waited_for_long() -> None:
    """Of a kernel that only another has, who is busy with a long fit."""

    async def run() -> None:
        pool = pool_of(2)
        other, idle = busy_with(ticket_of(SHAPE)), busy_with(None)
        other.known, other.hosts, idle.hosts = {kernel_number(SHAPE.key): None}, False, False
        pool._workers[:] = [other, idle]
        ticket = ticket_of(SHAPE, 2)
        now = asyncio.get_running_loop().time()
        ticket.accepted = now - 2 * HELP_AFTER_S
        assert not pool._choice.may_take(idle, ticket)  # nobody has compiled it yet
        pool._tried.answered(ticket, SimpleNamespace(usage=Usage()))
        assert pool._choice.may_take(idle, ticket)
        ticket.accepted = now
        assert not pool._choice.may_take(idle, ticket)

    asyncio.run(run())


def test_a_pool_is_ready_while_it_has_a_worker() -> None:
    pool = pool_of(2)
    workers: Any = [SimpleNamespace(is_workshop=False, up=False) for _ in range(2)]
    one, other = workers
    workshop: Any = SimpleNamespace(is_workshop=True, up=True)
    pool._workers[:] = [workshop, *workers]
    pool._dispatch = lambda: None  # type: ignore[method-assign]
    for first, second, expected in (
        (True, False, False),
        (True, True, True),
        (True, False, True),
        (False, False, False),
    ):
        one.up, other.up = first, second
        pool._upped()
        assert pool.is_ready is expected


def test_a_fit_that_waited_until_its_deadline_tells_how_long() -> None:
    async def run(*_: Any) -> None:
        raise TimedOut(waiting=True)

    x = np.linspace(0, 1, 5)
    asked = problem(LINE, points(x, 1 + x))
    accepted = time.monotonic() - 3
    service: Any = SimpleNamespace(outcome=run)
    question: Any = SimpleNamespace(problem=asked, deadline=0.0, accepted=accepted)
    request: Any = None
    assert asyncio.run(fit_or_timeout(service, request, question)).queue_s >= 3


def test_what_is_compiled_waits_for_an_idle_worker_rather_than_for_a_break() -> None:
    """A guest may be long, and its host would wait for it while the other idles."""

    async def run() -> None:
        pool, host, idle = pool_of(2), busy_with(ticket_of(PART)), busy_with(None)
        host.known, idle.hosts, idle.idle = {kernel_number(SHAPE.key): None}, False, True
        pool._workers[:] = [host, idle]
        pool._waiting.add(ticket := ticket_of(SHAPE, 2))
        assert pool._choice.guest_for(host) is ticket
        pool._tried.answered(ticket, SimpleNamespace(usage=Usage()))
        assert pool._choice.guest_for(host) is None
        idle.idle = False
        assert pool._choice.guest_for(host) is ticket

    asyncio.run(run())


def test_a_formula_that_everybody_uses_is_not_forgotten_for_many_new_ones() -> None:
    tried = Tried()

    async def run() -> None:
        for number in range(MOST_KNOWN + 10):
            new: Any = SimpleNamespace(is_custom=True, key=str(number), is_shared=False)
            for task in (CUSTOM, new):
                tried.answered(ticket_of(task), SimpleNamespace(usage=Usage()))
            assert tried.is_compiled(kernel_number(CUSTOM.key))

    asyncio.run(run())


class Stuck:
    """A process that ends only if it is killed, and its worker."""

    alive = True

    def __init__(self) -> None:
        self.process, self.killed = self, False

    def close(self) -> None:
        self.alive = False

    def join(self, seconds: float) -> None:
        time.sleep(seconds)

    def is_alive(self) -> bool:
        return not self.killed

    def kill(self) -> None:
        self.killed = True


def test_workers_that_are_stuck_are_waited_for_together() -> None:
    pool, workers = pool_of(5), [Stuck() for _ in range(5)]
    pool._workers.extend(workers)  # type: ignore[arg-type]
    began = time.monotonic()
    asyncio.run(pool.close())
    assert CLOSE_S <= time.monotonic() - began < 2 * CLOSE_S
    assert all(worker.killed and not worker.alive for worker in workers)
