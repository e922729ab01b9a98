"""A database that does not answer at all: who asks is told so, and the server can end."""

import asyncio
import threading
import time
from collections import Counter
from dataclasses import asdict
from types import SimpleNamespace

import pytest
from sqlalchemy import event, func, insert, select

from app.errors import StoreAway
from app.jobs.intake import Intake
from app.schemas.kinds import HISTOGRAM
from app.store.reader import READERS
from app.store.store import Store
from app.store.tables import chunks, fits, jobs
from tests.app.test_store import a_fit
from tests.databases import store_url


@pytest.fixture
def held(tmp_path, monkeypatch):
    """A store whose threads all wait, as for a database that is frozen; and what lets them go."""
    monkeypatch.setattr("app.store.line.PATIENCE_S", 0.2)
    store = Store(store_url(tmp_path / "fits.db"))
    go_on = threading.Event()

    async def hold() -> None:
        lines = [store._writer, *[store._reader] * READERS]
        held = (line.submit(lambda _: go_on.wait(60)) for line in lines)
        for answer in await asyncio.gather(*held, return_exceptions=True):
            assert isinstance(answer, StoreAway)

    asyncio.run(hold())
    yield store, go_on
    go_on.set()
    store.close()


def test_who_asks_a_frozen_database_is_told_so(held, tmp_path):
    store, go_on = held
    began = time.monotonic()

    async def ask() -> None:
        asked = [store._writer.submit(lambda c: c.execute(insert(fits), asdict(a_fit(1))))]
        asked += [store.find("fit-1"), store.jobs.find("job"), store.jobs.forget("job")]
        for answer in await asyncio.gather(*asked, return_exceptions=True):
            assert isinstance(answer, StoreAway)
        assert await asyncio.to_thread(lambda: "free") == "free"

    asyncio.run(ask())
    assert time.monotonic() - began < 5
    assert store.failures == 1 + READERS + 4
    go_on.set()
    asyncio.run(store.save(a_fit(2)))
    assert asyncio.run(store.find("fit-1")) is None  # what was refused is not written later
    assert asyncio.run(store.find("fit-2")) is not None


def test_what_was_given_up_behind_others_is_not_begun(held):
    """They are one group, of which the first was begun."""
    store, go_on = held
    blocked, begun = threading.Event(), []

    def block(_connection) -> None:
        begun.append("first")
        blocked.wait(60)

    async def ask() -> None:
        group = (store._writer.submit(work) for work in (block, lambda _: begun.append("second")))
        asked = asyncio.gather(*group, return_exceptions=True)
        await asyncio.sleep(0)
        go_on.set()
        for answer in await asked:
            assert isinstance(answer, StoreAway)
            assert "may be done all the same" in answer.detail
        blocked.set()
        await store.save(a_fit(1))

    asyncio.run(ask())
    assert begun == ["first"]


def test_what_a_frozen_database_is_asked_does_not_pile_up(held, monkeypatch):
    monkeypatch.setattr("app.store.line.MOST_WAITING", 3)
    store, _ = held

    async def ask() -> str:
        with pytest.raises(StoreAway) as refused:
            await store.find("fit")
        return refused.value.detail

    details = [asyncio.run(ask()) for _ in range(5)]
    assert ["Others waiting" in detail for detail in details] == [False] * 3 + [True] * 2


def test_a_frozen_database_does_not_keep_a_server_from_ending(held):
    store, _ = held
    began = time.monotonic()
    store.close()
    assert time.monotonic() - began < 5
    assert all(thread.daemon for line in (store._reader, store._writer) for thread in line._threads)


@pytest.fixture
def freezing(tmp_path, monkeypatch):
    """A store that some statements keep waiting once, for longer than who asks waits."""
    monkeypatch.setattr("app.store.line.PATIENCE_S", 0.2)
    store = Store(store_url(tmp_path / "fits.db"))
    frozen = []

    @event.listens_for(store._engine, "before_cursor_execute")
    def wait(_connection, _cursor, statement, *_):
        if frozen and statement.startswith(frozen[0]):
            del frozen[0]
            time.sleep(0.7)

    yield store, frozen
    store.close()


@pytest.mark.parametrize("statement", ["INSERT INTO jobs", "INSERT INTO job_chunks", "UPDATE jobs"])
def test_a_job_is_not_done_whose_client_was_told_that_there_is_none(freezing, statement):
    store, frozen = freezing
    frozen.append(statement)
    service = SimpleNamespace(store=store, settings=SimpleNamespace(max_jobs=10))
    runner = SimpleNamespace(receiving=set(), work=SimpleNamespace(ring=lambda: None))

    def left(connection):
        return [connection.scalar(select(func.count()).select_from(t)) for t in (jobs, chunks)]

    async def send() -> None:
        async with Intake(service, runner, HISTOGRAM, b"{}") as intake:
            await intake.add(3, b"rows")
            await intake.promise()

    async def take() -> None:
        with pytest.raises(StoreAway):
            await send()
        await asyncio.gather(*store.jobs._taking_back)
        assert await store.jobs.claim() is None
        assert await store._reader.submit(left) == [0, 0]

    asyncio.run(take())
    assert not frozen


def test_chunks_are_claimed_and_written_down_however_long_it_takes(freezing):
    store, frozen = freezing

    async def work() -> None:
        await store.jobs.begin("job", "histogram", b'{"model": "gaussian"}', 10)
        await store.jobs.add("job", 0, 0, 3, b"rows")
        await store.jobs.promise("job", 3, 1)
        frozen.append("UPDATE job_chunks SET")
        claim = await store.jobs.claim()
        assert claim.attempts == 1
        frozen.append("UPDATE job_chunks SET")
        assert await store.jobs.renew([claim.id], []) == {claim.id}
        frozen.append("UPDATE jobs SET")
        await store.jobs.finish(claim, b"lines", Counter(converged=3))
        assert (await store.jobs.find("job")).status == "succeeded"
        frozen.append("UPDATE jobs SET")
        await store.jobs.fail("job", "too late")
        assert not frozen

    asyncio.run(work())
    assert store.failures == 0
