"""A database that does not answer at all: who asks is told so, and the server can end."""

import asyncio
import threading
import time
from dataclasses import asdict

import pytest
from sqlalchemy import insert

from app.errors import StoreAway
from app.store.reader import READERS
from app.store.store import Store
from app.store.tables import fits
from tests.app.test_store import a_fit


@pytest.fixture
def held(tmp_path, monkeypatch):
    """A store whose threads all wait, as for a database that is frozen; and what lets them go."""
    monkeypatch.setattr("app.store.line.PATIENCE_S", 0.2)
    store = Store(f"sqlite:///{tmp_path / 'fits.db'}")
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
        asked += [store.find("fit-1"), store.jobs.find("job"), store.jobs.claim()]
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
