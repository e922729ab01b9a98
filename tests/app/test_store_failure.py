"""What `GET /readyz` says of the store: what keeps it from being written, as long as it does."""

import asyncio
import sqlite3
import time
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from app.errors import StoreAway
from app.store.keep import Keep
from app.store.store import Store, StoredFit
from tests.app.test_store import rows


def test_a_store_says_what_keeps_it_from_being_written(tmp_path):
    path = tmp_path / "fits.db"
    store = Store(f"sqlite:///{path}")
    other = sqlite3.connect(path, isolation_level=None)

    async def look() -> None:
        assert await store.failure() is None
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        assert "locked" in str(await store.failure())
        assert time.monotonic() - began < 5  # a lock is waited for for ten seconds
        other.execute("COMMIT")
        while await store.failure() is not None:
            await asyncio.sleep(0.01)
        assert rows(path) == 0
        path.rename(tmp_path / "elsewhere.db")
        assert "deleted" in str(await store.failure())
        with pytest.raises(StoreAway, match="deleted"):
            await store.forget_old(Keep(10, 10**6, 1000.0))
        path.write_bytes(b"another")
        assert "replaced" in str(await store.failure())

    asyncio.run(asyncio.wait_for(look(), 60))
    other.close()
    store.close()


def test_a_store_that_must_not_be_written_says_so(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'fits.db'}")

    async def look() -> str | None:
        await store._writer.submit(lambda c: c.exec_driver_sql("PRAGMA query_only=ON"))
        return await store.failure()

    said = asyncio.run(look())
    assert said == "It cannot be written: attempt to write a readonly database."
    assert store.failures == 1
    store.close()


def test_a_store_with_room_for_less_than_a_fit_says_so(tmp_path):
    path = tmp_path / "fits.db"
    store = Store(f"sqlite:///{path}")
    small, usual = (StoredFit(f"fit of {n}", 1.0, "histogram", bytes(n), b"") for n in (9, 30_000))

    def room(pages: int) -> None:
        """In the file, of 4096 bytes each, beyond those that are used."""
        with sqlite3.connect(path) as other:
            (used,) = other.execute("PRAGMA page_count").fetchone()
            (free,) = other.execute("PRAGMA freelist_count").fetchone()
        store._spot._connection.execute(f"PRAGMA max_page_count={used - free + pages}")

        def limit(cursor: Any, *_: object) -> None:
            cursor.execute(f"PRAGMA max_page_count={used - free + pages}")

        event.listen(store._engine, "do_execute", limit)

    async def look() -> None:
        assert await store.failure() is None
        room(3)
        assert await store.failure() is None  # nobody has been refused yet
        with pytest.raises(OperationalError):
            await store.save(usual)
        for _ in range(2):
            assert "full" in str(await store.failure())
        await store.save(small)
        assert await store.failure() is None
        with pytest.raises(OperationalError):
            await store.save(usual)
        assert "full" in str(await store.failure())
        room(20)
        assert await store.failure() is None
        await store.save(usual)

    asyncio.run(asyncio.wait_for(look(), 60))
    store.close()
    assert rows(path) == 2
    with sqlite3.connect(path) as other:
        assert other.execute("select count(*) from probes").fetchone() == (0,)
