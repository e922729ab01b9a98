"""The server's end of workers whose processes are played by the test."""

import asyncio
import multiprocessing
import os
import pickle
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import SimpleNamespace
from typing import Any

import pytest

from app.workers import worker as workers
from app.workers.pool import WorkerPool
from app.workers.process import BREAK, UP
from app.workers.signals import NOBODY
from app.workers.tasks import DONE
from app.workers.ticket import Ticket, TimedOut
from app.workers.worker import Worker
from tests.app.test_pool import pool_of


@dataclass(frozen=True)
class Asked:
    """A task with so much to send."""

    is_shared: bool = False
    size: int = 0
    is_custom: bool = False

    @property
    def key(self) -> bool:
        return self.is_shared

    def __reduce__(self) -> tuple[Any, ...]:
        return bytes, (bytes(self.size),)


class Process:
    """Stands for that of a worker: its end of the pipe, and whether it was killed."""

    pid = 1

    def __init__(self, args: tuple[Connection, Any, Any], **_: Any):
        self._given = args[0]
        self.was_killed = False

    def start(self) -> None:
        self.connection = Connection(os.dup(self._given.fileno()))

    def kill(self) -> None:
        self.was_killed = True

    def tell(self, how: str, number: int = NOBODY, what: Any = None) -> None:
        self.connection.send_bytes(pickle.dumps((number, how, what, 0.1)))


@pytest.fixture(autouse=True)
def played(monkeypatch: pytest.MonkeyPatch) -> None:
    spawn = SimpleNamespace(Pipe=multiprocessing.Pipe, Value=multiprocessing.Value, Process=Process)
    monkeypatch.setattr(workers, "_spawn", spawn)


async def until(true: Any) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.001)


async def started(pool: WorkerPool) -> tuple[list[Worker], list[Process]]:
    """Its workers, which have come up, and their processes."""
    for _ in range(pool._size):
        pool._start_worker()
    processes: list[Any] = [worker.process for worker in pool._workers]
    for process in processes:
        process.tell(UP)
    await until(lambda: all(worker.up for worker in pool._workers))
    return [*pool._workers], processes


async def sent_to(worker: Worker) -> Ticket:
    await until(lambda: worker.ticket)
    assert worker.ticket is not None
    return worker.ticket


def test_a_worker_that_is_being_killed_gets_no_other_ticket() -> None:
    async def run() -> None:
        pool = pool_of(1)
        (worker,), (process,) = await started(pool)
        ticket = pool.submit(Asked(), 1e9)  # type: ignore[arg-type]
        worker.kill_for_time(await sent_to(worker))
        assert process.was_killed
        process.tell(DONE, ticket.number, "just in time")
        assert await ticket.outcome == "just in time"  # type: ignore[comparison-overlap]
        pool.submit(Asked(), 1e9)  # type: ignore[arg-type]
        assert worker.ticket is None
        assert not pool.is_ready
        closed(pool)

    asyncio.run(run())


def test_a_worker_that_is_being_killed_gets_no_guest() -> None:
    async def run() -> None:
        pool = pool_of(1)
        (worker,), (process,) = await started(pool)
        pool.submit(Asked(is_shared=True), 1e9)  # type: ignore[arg-type]
        worker.kill_for_time(await sent_to(worker))
        process.connection.recv_bytes()
        single = pool.submit(Asked(), 1e9)  # type: ignore[arg-type]
        process.tell(BREAK)
        assert pickle.loads(await asyncio.to_thread(process.connection.recv_bytes))[0] == NOBODY
        assert single in pool._waiting
        closed(pool)

    asyncio.run(run())


@pytest.mark.parametrize("size", [0, 2**22])
def test_what_a_worker_has_not_read_when_it_dies_is_given_to_another(size: int) -> None:
    async def run() -> None:
        pool = pool_of(2)
        (one, other), (dying, _) = await started(pool)
        if not size:
            dying.connection.close()  # and nobody has noticed
        ticket = pool.submit(Asked(size=size), 1e9)  # type: ignore[arg-type]
        if size:
            assert one.ticket is ticket
            dying.connection.close()
        assert await sent_to(other) is ticket
        assert one not in pool._workers
        assert ticket.started is not None
        closed(pool)

    asyncio.run(run())


def test_what_a_stopped_worker_has_not_read_in_time_is_late_and_not_to_blame() -> None:
    async def run() -> None:
        pool = pool_of(1)
        (worker,), (process,) = await started(pool)
        ticket = pool.submit(Asked(size=2**22), 1e9)  # type: ignore[arg-type]
        worker.kill_for_time(await sent_to(worker))
        process.connection.close()
        with pytest.raises(TimedOut):
            await ticket.outcome
        closed(pool)

    asyncio.run(run())


def test_what_a_worker_has_read_when_it_dies_is_lost() -> None:
    async def run() -> None:
        pool = pool_of(1)
        (worker,), (process,) = await started(pool)
        ticket = pool.submit(Asked(), 1e9)  # type: ignore[arg-type]
        await sent_to(worker)
        process.connection.recv_bytes()
        process.connection.close()
        with pytest.raises(Exception, match="died"):
            await ticket.outcome
        closed(pool)

    asyncio.run(run())


def closed(pool: WorkerPool) -> None:
    pool._closing = True
    for worker in pool._workers:
        if worker.alive:
            worker.close()
