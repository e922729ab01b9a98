"""The store's two ways of writing: on the spot, and through its thread."""

import asyncio
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from unittest.mock import Mock, call

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.schema import CreateTable

from app.errors import StoreAway, install
from app.store.store import Store, StoredFit, tune_postgresql, with_timeout
from app.store.tables import metadata
from app.store.writer import MOST_ON_THE_SPOT
from tests.examples import refused


def a_fit(number: int) -> StoredFit:
    return StoredFit(f"fit-{number}", time.time(), "histogram", b"{}", b'{"fit_id": 1}')


def rows(path: Path) -> int:
    """Counted by a connection of its own: only what is committed counts."""
    with sqlite3.connect(path) as connection:
        (number,) = connection.execute("select count(*) from fits").fetchone()
        return int(number)


def test_services_may_start_together_on_a_new_store(tmp_path):
    """One that came first makes the tables while the other has seen none."""
    path = tmp_path / "fits.db"
    first = sqlite3.connect(path, isolation_level=None)
    first.execute("PRAGMA journal_mode=WAL")
    first.execute("BEGIN IMMEDIATE")
    for table in metadata.sorted_tables:
        first.execute(str(CreateTable(table).compile(dialect=dialect())))
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(Store, f"sqlite:///{path}")
        time.sleep(0.5)
        first.execute("COMMIT")
        second.result().close()
    first.close()


def test_every_save_is_committed_when_it_returns(tmp_path):
    path = tmp_path / "fits.db"
    store = Store(f"sqlite:///{path}")

    async def save_many() -> None:
        for number in range(2 * MOST_ON_THE_SPOT + 5):  # so that the thread gets its share
            await store.save(a_fit(number))
            assert rows(path) == number + 1

    asyncio.run(save_many())
    store.close()


def test_a_database_that_another_connection_has_locked_does_not_stop_the_loop(tmp_path):
    path = tmp_path / "fits.db"
    store = Store(f"sqlite:///{path}")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def save_while_locked() -> tuple[float, int]:
        began = time.monotonic()
        saving = asyncio.create_task(store.save(a_fit(1)))
        await asyncio.sleep(0)
        blocked = time.monotonic() - began
        other.execute("COMMIT")
        await saving
        return blocked, rows(path)

    blocked, found = asyncio.run(save_while_locked())
    store.close()
    assert blocked < 5.0  # the thread waits ten seconds for a lock
    assert found == 1


def test_the_log_is_moved_into_the_file_now_and_then(tmp_path):
    """Spots make no checkpoints; without the thread's the log would grow for ever."""
    path = tmp_path / "fits.db"
    store = Store(f"sqlite:///{path}")
    big = bytes(20_000)

    async def save_many() -> None:
        for number in range(6 * MOST_ON_THE_SPOT):
            await store.save(StoredFit(f"{number}", time.time(), "histogram", big, b"{}"))

    asyncio.run(save_many())
    log = path.with_name("fits.db-wal").stat().st_size
    store.close()
    assert log < 8_000_000  # of 12 million written


def test_the_log_does_not_grow_while_many_write_without_a_pause(tmp_path):
    path = tmp_path / "fits.db"
    store = Store(f"sqlite:///{path}")
    long = b"x" * 20_000

    async def client(number: int) -> None:
        for i in range(100):
            await store.save(StoredFit(f"{number}-{i}", 1.0, "histogram", long, b"{}"))
            await asyncio.sleep(0)

    async def all_clients() -> None:
        await asyncio.gather(*map(client, range(20)))

    asyncio.run(all_clients())
    written, log = rows(path) * len(long), (tmp_path / "fits.db-wal").stat().st_size
    store.close()
    assert written == 20 * 100 * len(long)
    assert log < written / 3


def test_errors_other_than_a_lock_are_raised(tmp_path):
    path = tmp_path / "fits.db"
    store = Store(f"sqlite:///{path}")

    async def save_twice() -> None:
        await store.save(a_fit(1))
        await store.save(a_fit(1))

    with pytest.raises(Exception, match="UNIQUE"):
        asyncio.run(save_twice())
    asyncio.run(store.save(a_fit(2)))  # the connection is usable again
    assert rows(path) == 2
    store.close()


def test_what_a_broken_connection_may_have_written_is_not_written_again(tmp_path):
    path = tmp_path / "fits.db"
    store = Store(f"sqlite:///{path}")
    lost = DBAPIError("commit", {}, Exception("closed"), connection_invalidated=True)
    asked = []

    def write(connection: Connection) -> None:
        asked.append("write")

    def break_off(connection: Connection) -> None:
        asked.append("break off")
        raise lost

    async def submit() -> list[object]:
        submit = store._writer.submit
        first = submit(lambda _: time.sleep(0.2))  # so that the others are a group
        group = asyncio.gather(first, submit(write), submit(break_off), return_exceptions=True)
        return list(await group)

    assert asyncio.run(submit())[1:] == [lost, lost]
    assert asked == ["write", "break off"]
    asyncio.run(store.save(a_fit(1)))
    store.close()
    assert rows(path) == 1


def test_who_waits_for_a_lock_waits_once_and_not_one_after_the_other(tmp_path, monkeypatch):
    monkeypatch.setattr("app.store.writer.MOST_AT_ONCE", 3)
    monkeypatch.setattr("app.store.store.LOCKED_S", 1)
    path = tmp_path / "fits.db"
    store = Store(f"sqlite:///{path}")
    tried = []

    def write(connection: Connection) -> None:
        tried.append(connection)
        connection.exec_driver_sql("DELETE FROM fits")

    async def write_while_locked() -> list[object]:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        submit = store._writer.submit
        answers = await asyncio.gather(*(submit(write) for _ in range(20)), return_exceptions=True)
        other.execute("COMMIT")
        other.close()
        await store.save(a_fit(1))
        return answers

    answers = asyncio.run(write_while_locked())
    store.close()
    assert all(isinstance(answer, OperationalError) for answer in answers)
    assert len(tried) < 4
    assert rows(path) == 1


def test_a_deadlock_is_over_and_its_writes_are_tried_again(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'fits.db'}")
    reason = Exception("deadlock detected")
    reason.sqlstate = "40P01"
    failures = [OperationalError("update", {}, reason)]

    def write(connection: Connection) -> str:
        if failures:
            raise failures.pop()
        return "written"

    async def submit() -> list[str]:
        submit = store._writer.submit
        first = submit(lambda _: time.sleep(0.2))  # so that the others are a group
        return list(await asyncio.gather(first, submit(write), submit(write)))[1:]

    assert asyncio.run(submit()) == ["written", "written"]
    store.close()


def test_who_does_not_wait_any_longer_has_it_written_all_the_same(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'fits.db'}")
    go_on = threading.Event()

    async def submit() -> None:
        store_it = store._writer.submit
        waiting = [asyncio.create_task(store_it(lambda _: go_on.wait(60))) for _ in range(2)]
        await asyncio.sleep(0)
        waiting[1].cancel()
        saving = asyncio.create_task(store.save(a_fit(1)))
        await asyncio.sleep(0)
        saving.cancel()
        await asyncio.sleep(0)
        assert store._writer.busy
        assert store._writer._unanswered == 3
        go_on.set()
        await waiting[0]

    asyncio.run(submit())
    store.close()
    assert rows(tmp_path / "fits.db") == 1


def test_not_too_many_wait(tmp_path, monkeypatch):
    monkeypatch.setattr("app.store.line.MOST_WAITING", 3)
    store = Store(f"sqlite:///{tmp_path / 'fits.db'}")
    go_on = threading.Event()

    async def submit() -> None:
        waiting = [asyncio.create_task(store._writer.submit(lambda _: go_on.wait(60)))]
        waiting += [asyncio.create_task(store._writer.submit(lambda _: True)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(StoreAway):
            await store.save(a_fit(1))
        go_on.set()
        assert await asyncio.gather(*waiting) == [True] * 3
        await store.save(a_fit(1))

    asyncio.run(submit())
    store.close()


@pytest.mark.parametrize(
    ("url", "connect_s", "sent_ms"),
    [
        ("postgresql+psycopg://me:secret@db/fits", "10", "10000"),
        ("postgresql+psycopg://me@db/fits?connect_timeout=3", "3", "10000"),
        ("sqlite:////data/fits.sqlite", None, None),
    ],
    ids=["usual", "own", "sqlite"],
)
def test_a_database_that_has_gone_is_not_waited_for_for_ever(url, connect_s, sent_ms):
    patient = with_timeout(url)
    assert patient.query.get("connect_timeout") == connect_s
    assert patient.query.get("tcp_user_timeout") == sent_ms
    assert patient.password == ("secret" if "secret" in url else None)


def test_locks_of_postgresql_are_waited_for_as_long_as_sqlites():
    connection = Mock()
    tune_postgresql(connection, None)
    said = connection.mock_calls
    set_it = said.index(call.cursor().execute("SET lock_timeout = 10000"))
    assert call.commit() in said[set_it:]  # a rollback would take it back
    own = with_timeout("postgresql+psycopg://me@db/fits?options=-csearch_path%3Dmine")
    assert own.query["options"] == "-csearch_path=mine"
    assert "options" not in with_timeout("postgresql+psycopg://me@db/fits").query


def test_after_the_end_all_is_in_the_file(tmp_path):
    """Who backs up a service that has ended copies one file."""
    path = tmp_path / "fits.db"
    store = Store(f"sqlite:///{path}")

    async def use() -> None:
        for number in range(5):
            await store.save(a_fit(number))
            assert await store.find(f"fit-{number}")
            assert await store.find_answer(f"fit-{number}") == a_fit(number).answer

    asyncio.run(use())
    store.close()
    assert [file.name for file in tmp_path.iterdir()] == ["fits.db"]
    copy = tmp_path / "copy.db"
    copy.write_bytes(path.read_bytes())
    assert rows(copy) == 5


def test_a_log_that_became_long_is_cut(tmp_path, monkeypatch):
    monkeypatch.setattr("app.store.store.LOG_BYTES", 2**20)
    path = tmp_path / "fits.db"
    store = Store(f"sqlite:///{path}")
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    rows(path)
    reader.execute("select count(*) from fits").fetchone()

    async def save(first: int, number: int) -> int:
        for n in range(first, first + number):
            row = asdict(StoredFit(f"fit-{n}", 1.0, "histogram", bytes(50_000), b"{}"))
            await store._writer.submit(lambda c, row=row: c.execute(store._insert, row))
        return path.with_name("fits.db-wal").stat().st_size

    assert asyncio.run(save(0, 200)) > 8 * 2**20
    reader.close()
    assert asyncio.run(save(200, 3)) < 2 * 2**20
    store.close()


@pytest.mark.parametrize(("kind", "is_defect"), [(OperationalError, False), (DBAPIError, True)])
def test_a_store_that_fails_is_a_503_and_a_line_in_the_log(caplog, kind, is_defect):
    app = FastAPI()
    install(app)

    @app.get("/")
    async def fail() -> None:
        raise kind("insert", {}, Exception("database or disk is full\nor so"))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.get("/")

    response = asyncio.run(ask())
    assert refused(response, 503)["type"] == "/problems/store-away"
    assert int(response.headers["retry-after"]) > 0
    (record,) = [r for r in caplog.records if r.name == "fit.errors"]
    assert record.getMessage() == "the store failed: database or disk is full"
    assert bool(record.exc_info) is is_defect
