"""How single fits and parts of batches share a worker, without processes."""

import asyncio
from typing import Any

import pytest

from app.workers.tasks import DONE, SLICE_S
from app.workers.turns import Turns
from tests.app.test_pool import PART, SHAPE, busy_with, pool_of, ticket_of

NO_TURN, A_TURN_TOO_MUCH = 0.0, 2 * SLICE_S


def test_single_fits_are_ahead_by_a_turn_too_much_at_most() -> None:
    turns = Turns()
    for seconds, expected in ((0.1, 0.0), (0.1, 0.2 - SLICE_S), (9.0, SLICE_S)):
        turns.single_ran(seconds)
        assert turns.wait_s(0.0) == pytest.approx(expected)
    for ran_s, expected in ((0.1, SLICE_S - 0.1), (9.0, 0.0)):
        turns.part_runs(10.0)
        assert turns.wait_s(10.0 + ran_s) == pytest.approx(expected)
        turns.part_rests(10.0 + ran_s)
        assert turns.wait_s(20.0) == pytest.approx(expected)
    turns.single_ran(SLICE_S)
    assert turns.wait_s(20.0) == 0.0  # parts are never ahead


@pytest.mark.parametrize("guest_s", [0.003, 0.05, SLICE_S])
@pytest.mark.parametrize("evaluations", [70, 300, 2000])
def test_a_part_has_as_much_time_as_its_guests_however_many_wait(
    evaluations: int, guest_s: float
) -> None:
    turns, now, guests_s, evaluation_s = Turns(A_TURN_TOO_MUCH), 0.0, 0.0, 0.002
    turns.part_runs(now)
    for _ in range(evaluations):
        now += evaluation_s
        if turns.wait_s(now) == 0.0:
            turns.part_rests(now)
            now, guests_s = now + guest_s, guests_s + guest_s
            turns.single_ran(guest_s)
            turns.part_runs(now)
    assert guests_s == pytest.approx(evaluations * evaluation_s, abs=2 * SLICE_S)


class Clock:
    """Of the event loop, and stands still."""

    def __init__(self) -> None:
        self.now = 100.0
        asyncio.get_running_loop().time = lambda: self.now  # type: ignore[method-assign]


def test_what_a_guest_takes_is_not_the_part_s_time() -> None:
    async def run() -> None:
        clock, pool = Clock(), pool_of(1)
        worker = busy_with(ticket_of(PART), Turns(A_TURN_TOO_MUCH))
        worker.send, worker.end_break, worker.asked = lambda _: None, lambda: None, []
        worker.ask_for_break = lambda: worker.asked.append(clock.now)
        pool._workers.append(worker)
        pool._part_runs(worker)
        for number in range(2, 5):
            pool._waiting.add(ticket_of(SHAPE, number))
        clock.now += SLICE_S + 0.001
        pool._breaking(worker)
        assert pool.waiting == 2
        clock.now += 10 * SLICE_S
        pool._answered(worker, ticket_of(SHAPE), DONE, None, 10 * SLICE_S)
        assert not worker.asked  # now it is the part's turn
        pool._breaking(worker)
        assert pool.waiting == 2
        clock.now += SLICE_S + 0.001
        pool._dispatch()
        assert worker.asked == [clock.now]

    asyncio.run(run())


def test_a_single_fit_older_than_the_part_before_it_is_not_forgotten() -> None:
    """Nothing else happens that would remind of it."""

    async def run() -> None:
        pool, asked = pool_of(1), asyncio.Event()
        worker = busy_with(ticket_of(SHAPE), Turns(A_TURN_TOO_MUCH))
        worker.hosts, worker.ask_for_break = False, asked.set

        def send(ticket: Any) -> None:
            worker.ticket, worker.idle, worker.hosts = ticket, False, True

        worker.send = send
        pool._workers.append(worker)
        pool._queue_size = 2
        pool.submit(SHAPE, 1e9)
        pool.submit(PART, 1e9)
        await asyncio.sleep(0.12)
        worker.ticket, worker.idle = None, True
        pool._dispatch()
        assert worker.ticket.task is PART
        await asyncio.wait_for(asked.wait(), 10)

    asyncio.run(run())


def test_a_single_fit_is_not_forgotten_after_the_guest_before_it() -> None:
    async def run() -> None:
        pool, asked = pool_of(1), asyncio.Event()
        worker = busy_with(ticket_of(PART))
        worker.ask_for_break = asked.set
        pool._workers.append(worker)
        pool._waiting.add(ticket_of(SHAPE, 2))
        pool._answered(worker, ticket_of(SHAPE), DONE, None, 9.0)
        assert not asked.is_set()
        await asyncio.wait_for(asked.wait(), 10)

    asyncio.run(run())


def test_what_was_for_a_worker_that_has_died_is_taken_by_another() -> None:
    async def run() -> None:
        pool, sent = pool_of(2), asyncio.Event()
        dead, idle = busy_with(ticket_of(SHAPE)), busy_with(None)
        idle.idle, dead.hosts, idle.hosts = True, False, False
        idle.send = lambda _: sent.set()
        dead.known, dead.process = {ticket_of(SHAPE).kernel: None}, busy_with(None)
        dead.process.pid = 1
        pool._workers[:] = [dead, idle]
        pool._waiting.add(ticket_of(SHAPE, 2))
        pool._dispatch()
        assert not sent.is_set()
        pool._restart = lambda workshop: None  # type: ignore[method-assign]
        pool._died(dead, [dead.ticket], None)
        await asyncio.wait_for(sent.wait(), 10)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("ahead_s", "expected"), [(NO_TURN, [3, 4, 1, 2]), (A_TURN_TOO_MUCH, [1, 2, 3, 4])]
)
def test_single_fits_and_parts_of_batches_take_turns(ahead_s: float, expected: list[int]) -> None:
    async def run() -> list[int]:
        pool, worker = pool_of(1), busy_with(None, Turns(ahead_s))
        for number, task in enumerate([PART, PART, SHAPE, SHAPE], 1):
            pool._waiting.add(ticket_of(task, number))
        taken = []
        while (ticket := pool._choice.ticket_for(worker)) is not None:
            pool._waiting.remove(ticket)
            taken.append(ticket.number)
        return taken

    assert asyncio.run(run()) == expected


@pytest.mark.parametrize(
    ("ahead_s", "running_s", "expected"),
    [
        (NO_TURN, 0.0, True),
        (A_TURN_TOO_MUCH, 0.0, False),
        (A_TURN_TOO_MUCH, 1.1 * SLICE_S, True),
    ],
)
def test_a_part_makes_way_for_a_single_fit(
    ahead_s: float, running_s: float, *, expected: bool
) -> None:
    async def run() -> None:
        clock, pool = Clock(), pool_of(2)
        worker, asked = busy_with(ticket_of(PART), Turns(ahead_s)), list[bool]()
        sent = list[int | None]()
        worker.turns.part_runs(clock.now - running_s)
        worker.ask_for_break = lambda: asked.append(True)
        worker.end_break = lambda: sent.append(None)
        worker.send = lambda ticket: sent.append(ticket.number)
        pool._workers[:] = [worker]
        pool._waiting.add(ticket_of(PART, 2))
        pool._dispatch()
        assert not asked
        pool._waiting.add(ticket_of(SHAPE, 3))
        pool._dispatch()
        assert asked == [True] * expected
        pool._breaking(worker)
        pool._breaking(worker)
        assert sent == [3 if expected else None, None]

    asyncio.run(run())
