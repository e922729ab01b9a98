"""Where tickets go, without processes: what the pool makes of an answer."""

import asyncio
import time
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
from app.workers.tasks import DONE, LATE, CovarianceTask, attempt
from app.workers.ticket import Ticket, TimedOut
from app.workers.tried import LIGHT_S, Tried
from app.workers.turns import Turns
from app.workers.worker import MOST_KNOWN
from fitting.kernels.cache import Usage
from fitting.status import Status
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
        up=True,
        idle=False,
        hosts=True,
        ticket=ticket,
        turns=turns or Turns(),
        to_warm=[],
        answers=0,
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
