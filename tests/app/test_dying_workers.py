"""Workers that die or end: who is to blame, who takes over, and what the log says."""

import asyncio
import logging
import multiprocessing
import os
import signal
import time
from types import SimpleNamespace
from typing import Any

import pytest

from app.errors import InvalidRequest, WorkerLost
from app.logs import request_id
from app.workers.births import SEVERAL
from app.workers.tasks import CANCELLED
from app.workers.ticket import TimedOut
from tests.app.test_pool import CUSTOM, NEW, PART, busy_with, pool_of, ticket_of


def test_who_hosts_is_not_to_blame_for_its_guest() -> None:
    async def run() -> None:
        pool = pool_of(1)
        host, guest = ticket_of(PART), ticket_of(CUSTOM, 2)
        host.started = guest.started = 1.0
        worker: Any = SimpleNamespace(is_workshop=False, process=SimpleNamespace(pid=1))
        pool._workers[:] = [worker]
        pool._died(worker, [host, guest], guest)
        with pytest.raises(TimedOut) as late:
            await guest.outcome
        assert late.value.compiling
        with pytest.raises(WorkerLost) as lost:
            await host.outcome
        assert lost.value.workers == 0
        with pytest.raises(InvalidRequest):
            pool._tried.refuse_failed(guest.kernel, 0.0)

    asyncio.run(run())


def test_only_a_worker_that_was_never_up_was_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        pool = pool_of(1)
        pool._restart = lambda old: None  # type: ignore[method-assign]

        def die(*, up: bool = False, workshop: bool = False, killed: bool = False) -> bool:
            worker = busy_with(None)
            worker.up, worker.is_workshop = up, workshop
            pool._workers[:] = [worker]
            pool._died(worker, [], ticket_of(PART) if killed else None)
            return pool.births.fail

        for _ in range(SEVERAL):
            assert not die(up=True)
            assert not die(workshop=True)
            assert not die(killed=True)
        for number in range(1, SEVERAL + 1):
            assert die() is (number == SEVERAL)
        pool._workers[:] = [busy_with(None)]
        pool._upped()
        assert not pool.births.fail

    monkeypatch.setattr("app.workers.pool.bury", lambda *_: None)
    asyncio.run(run())


def test_a_worker_that_cannot_be_started_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        pool, tried = pool_of(1), 0
        started = asyncio.Event()

        def start() -> None:
            nonlocal tried
            tried += 1
            if tried < 3:
                raise OSError("no file left")
            started.set()

        pool._start_worker = start  # type: ignore[method-assign]
        pool._restart(busy_with(None))
        await asyncio.wait_for(started.wait(), 5)

    monkeypatch.setattr("app.workers.pool.RESTART_BACKOFF_S", (0.01,))
    asyncio.run(run())


def test_a_workshop_that_is_full_is_replaced_and_nobody_is_to_blame(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def run() -> None:
        pool, hung_up, joined, started = pool_of(1), list[bool](), list[float](), list[Any]()
        workshop, worker = busy_with(None), busy_with(None)
        workshop.is_workshop, workshop.full, workshop.to_warm = True, True, [CUSTOM]
        workshop.close = lambda: hung_up.append(True)
        workshop.process = SimpleNamespace(pid=1, join=joined.append)
        workshop.hosts = worker.hosts = False
        pool._workers[:] = [workshop, worker]
        pool._start_workshop = started.append  # type: ignore[method-assign]
        ticket = ticket_of(CUSTOM)
        pool._answered(workshop, ticket, CANCELLED, None, 0.1)
        assert hung_up == [True]
        assert started == [[CUSTOM]]
        assert pool._workers == [worker]
        assert pool.restarts == 0
        pool._tried.refuse_failed(ticket.kernel, 0.0)
        await asyncio.sleep(0.01)
        assert joined == [0]  # without waiting

    monkeypatch.setattr("app.workers.pool.BURIED_AFTER_S", 0.0)
    asyncio.run(run())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_of_a_worker_that_has_died_it_is_said_how_and_at_what(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: signal.Signals
) -> None:
    process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    process.start()
    pid = process.pid
    assert pid is not None

    async def run() -> None:
        pool, worker = pool_of(1), busy_with(None)
        worker.process, pool._workers[:] = process, [worker]
        pool._restart = lambda old: None  # type: ignore[method-assign]
        request_id.set("the request")
        ticket = pool.submit(NEW, 1e9)
        ticket.started = 1.0
        os.kill(pid, number)
        pool._died(worker, [pool._take(ticket)], None)
        with pytest.raises(WorkerLost):
            await ticket.outcome
        while not caplog.records:
            await asyncio.sleep(0.01)

    monkeypatch.setattr("app.workers.pool.BURIED_AFTER_S", 1.0)
    with caplog.at_level(logging.WARNING, "fit.workers"):
        asyncio.run(run())
    [said] = caplog.records
    found = vars(said)
    assert (said.getMessage(), found["pid"], found["exit_code"]) == ("a worker died", pid, -number)
    assert (found["kernel"], found["asked_by"]) == ("new", "the request")
    assert (found["timed_out"], found["background"], found["workshop"]) == (False,) * 3
    with pytest.raises(ChildProcessError):  # not even a zombie
        os.waitpid(pid, os.WNOHANG)
