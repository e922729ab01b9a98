"""What only PostgreSQL itself can tell; `tests.databases` says how the others meet it, too."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import OperationalError

from app.store.store import Store
from tests.app.test_store import a_fit
from tests.databases import POSTGRESQL, store_url

pytestmark = pytest.mark.skipif(POSTGRESQL is None, reason="there is no PostgreSQL to try")

PATIENCE_S = 2


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr("app.store.store.LOCKED_S", PATIENCE_S)
    store = Store(store_url(tmp_path / "fits"))
    yield store
    store.close()


@pytest.fixture
def other(store: Store, tmp_path: Path) -> Iterator[Connection]:
    """Another user of the same tables."""
    engine = create_engine(store_url(tmp_path / "fits"))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_each_connection_has_our_patience_and_keeps_it(store: Store) -> None:
    for _ in range(2):
        with store._engine.connect() as connection:
            for _ in range(2):
                found = connection.exec_driver_sql("SHOW lock_timeout").scalar()
                assert found == f"{PATIENCE_S}s"
                connection.rollback()


def test_a_lock_is_waited_for_once_and_what_was_refused_is_not_written(
    store: Store, other: Connection
) -> None:
    async def save_and_find() -> None:
        other.exec_driver_sql("LOCK TABLE fits IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        asked = [*(store.save(a_fit(n)) for n in range(5)), store.find("fit-0")]
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert PATIENCE_S - 0.1 < time.monotonic() - began < 2 * PATIENCE_S
        assert {type(one) for one in found} == {OperationalError}
        assert await store.failure() is not None
        other.rollback()
        await store.save(a_fit(6))
        assert await store.failure() is None
        assert await store.find("fit-0") is None
        found_again = await store.find("fit-6")
        assert found_again is not None
        assert found_again.answer == b'{"fit_id": 1}'

    asyncio.run(save_and_find())


def test_who_waits_for_a_lock_goes_on_as_soon_as_it_is_free(
    store: Store, other: Connection
) -> None:
    async def save() -> float:
        other.exec_driver_sql("LOCK TABLE fits IN ACCESS EXCLUSIVE MODE")
        saving = asyncio.create_task(store.save(a_fit(1)))
        await asyncio.sleep(PATIENCE_S / 2)
        assert not saving.done()
        other.rollback()
        began = time.monotonic()
        await saving
        return time.monotonic() - began

    assert asyncio.run(save()) < PATIENCE_S / 2
    assert other.exec_driver_sql("SELECT id FROM fits").all() == [("fit-1",)]
