"""What is forgotten in the background: a look that fails is taken again, kernels have a limit."""

import asyncio
import contextlib
import hashlib
import os
import resource
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from app.background.retention import keep_retention
from app.settings import Settings
from app.store.keep import Keep
from app.store.store import Store, StoredFit
from app.store.tables import jobs
from tests.app.test_lifecycle import eventually
from tests.conftest import LiveServer, StartServer
from tests.examples import GAUSSIAN_50, HISTOGRAM, XY_ERRORS, fitted


class Looks:
    """Stands for a store; the first `failing` looks fail."""

    def __init__(self, failing: int = 0):
        self.failing = failing
        self.taken = 0

    async def forget_old(self, _: Keep) -> None:
        self.taken += 1
        if self.taken <= self.failing:
            raise OSError("the disk is full")


def test_a_look_that_fails_is_taken_again_and_keeps_no_other_from_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store: Any = Looks(failing=2)
    store.jobs = Looks()
    settings = Settings(data_dir=tmp_path, retention_interval_s=0.01, kernel_cache_bytes=10)
    settings.kernels_dir.mkdir()
    (settings.kernels_dir / "kernel-cache").write_bytes(b"x" * 20)

    async def test() -> None:
        service: Any = SimpleNamespace(settings=settings, store=store)
        keeping = asyncio.create_task(keep_retention(service))
        while store.taken < 4:
            await asyncio.sleep(0.01)
        keeping.cancel()

    asyncio.run(asyncio.wait_for(test(), 60))
    assert store.jobs.taken >= 3
    assert not list(settings.kernels_dir.iterdir())
    assert [record.getMessage() for record in caplog.records] == ["could not forget old fits"] * 2


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        (Keep(10, 10**6, 1000.0), [1, 2, 3, 4]),
        (Keep(3, 10**6, 1000.0), [2, 3, 4]),
        (Keep(10, 250, 1000.0), [3, 4]),
        (Keep(10, 199, 1000.0), [4]),
        (Keep(10, 10**6, 25.0), [3, 4]),
        (Keep(1, 250, 25.0), [4]),
        (Keep(10, 10**6, 0.0), []),
    ],
    ids=str,
)
def test_the_newest_are_kept_up_to_a_number_to_bytes_and_to_an_age(
    tmp_path: Path, keep: Keep, kept: list[int]
) -> None:
    """Number n is 50 - 10 n seconds old and has a hundred bytes."""
    path = tmp_path / "fits.sqlite"
    store = Store(f"sqlite:///{path}")
    now = time.time()

    async def fill_and_forget() -> None:
        for n in (3, 1, 4, 2):
            moment = now - 50 + 10 * n
            await store.save(StoredFit(f"fit {n}", moment, "histogram", b"r" * 30, b"a" * 70))
            job = f"job {n}"
            await store.jobs.begin(job, "histogram", b"h" * 20, 10)
            await store.jobs.add(job, 0, 0, 4, b"d" * 50)
            await store.jobs.add(job, 1, 4, 4, b"d" * 30)
            with sqlite3.connect(path) as connection:
                ended = "update jobs set finished = ?, status = 'succeeded' where id = ?"
                connection.execute(ended, (moment, job))
        await store.jobs.begin("receiving", "histogram", b"h" * 1000, 10)
        await store.forget_old(keep)
        await store.jobs.forget_old(keep)

    asyncio.run(fill_and_forget())
    store.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("select id from fits order by created").fetchall() == [
            (f"fit {n}",) for n in kept
        ]
        assert connection.execute("select id from jobs order by finished").fetchall() == [
            ("receiving",),
            *((f"job {n}",) for n in kept),
        ]
        (chunks,) = connection.execute("select count(*) from job_chunks").fetchone()
        assert chunks == 2 * len(kept)


def scattered(number: int) -> str:
    """An id, and like others it is nowhere near its neighbours in the index."""
    return hashlib.sha256(str(number).encode()).hexdigest()[:24]


def full_of(path: Path, number: int, size: int) -> Store:
    """A store with old fits of `size` bytes, all of it in the file."""
    Store(f"sqlite:///{path}").close()
    row = "insert into fits values (?, ?, 'histogram', zeroblob(?), x'')"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executemany(row, ((scattered(n), float(n), size) for n in range(number)))
        connection.commit()
    return Store(f"sqlite:///{path}")


def test_fits_are_saved_while_many_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.writer.STEP_ROWS", 5)
    path = tmp_path / "fits.sqlite"
    store, left = full_of(path, 500, 10), set()

    async def forget_and_save() -> int:
        forgetting = asyncio.create_task(store.forget_old(Keep(10**6, 10**9, 1000.0)))
        saved = 0
        while not forgetting.done():
            await store.save(StoredFit(f"new {saved}", time.time(), "histogram", b"", b""))
            saved += 1
            with contextlib.closing(sqlite3.connect(path)) as connection:
                (number,) = connection.execute("select count(*) from fits").fetchone()
            left.add(number - saved)
        assert await forgetting == 500
        return saved

    saved = asyncio.run(forget_and_save())
    store.close()
    assert len(left - {0, 500}) > 3
    with contextlib.closing(sqlite3.connect(path)) as connection:
        ids = connection.execute("select id from fits order by created").fetchall()
    assert ids == [(f"new {n}",) for n in range(saved)]


def test_to_forget_takes_little_room_on_the_disk(tmp_path: Path) -> None:
    """Of a full disk: what goes is not written into SQLite's log, nor all at once."""
    path = tmp_path / "fits.sqlite"
    store = full_of(path, 300, 200_000)
    assert asyncio.run(store.forget_old(Keep(10**6, 10**9, 1000.0))) == 300
    log = path.with_name("fits.sqlite-wal").stat().st_size
    store.close()
    assert log < 6_000_000  # of 60 million


def test_on_a_full_disk_there_is_room_enough_to_forget(tmp_path: Path) -> None:
    """The log may get no longer than the file, and would before SQLite moves it into that."""
    path = tmp_path / "fits.sqlite"
    store = full_of(path, 5000, 300)
    size, usual = path.stat().st_size, resource.getrlimit(resource.RLIMIT_FSIZE)
    assert size < 3_000_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))
    try:
        gone = asyncio.run(store.forget_old(Keep(10**6, 10**9, 1000.0)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    failures = store.failures
    store.close()
    assert gone == 5000
    assert failures > 0, "there was more room than this test means"


@pytest.mark.parametrize("kept", [10**6, 2**63 - 1])
def test_postgresql_counts_far_enough(kept: int) -> None:
    """There a number of which nothing else is said has 32 bits."""
    asked: list[Select[Any]] = []
    connection: Any = SimpleNamespace(scalar=asked.append)
    rows = select(jobs.c.finished.label("moment"), jobs.c.rows.label("bytes"))
    Keep(kept, kept, 1.0).ends(rows, connection)
    said = asked[0].compile(dialect=PGDialect_psycopg())
    assert str(said).count("::BIGINT") == 2
    assert "::INTEGER" not in str(said)
    assert [*said.params.values()] == [kept, kept]


FULL = 10**6  # bytes of compiled kernels


@pytest.fixture(scope="module")
def frugal(
    start_server: StartServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LiveServer, Path]]:
    """A server that keeps little, and the folder of its compiled kernels."""
    folder = tmp_path_factory.mktemp("kernels")
    with start_server(
        FIT_RETENTION_INTERVAL_S=0.2,
        FIT_RETENTION_MAX_FITS=5,
        FIT_KERNEL_CACHE_DIR=folder,
        FIT_KERNEL_CACHE_BYTES=FULL,
    ) as server:
        yield server, folder


def used(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def test_compiled_kernels_are_kept_below_their_limit(frugal: tuple[LiveServer, Path]) -> None:
    server, folder = frugal
    forgotten = folder / "forgotten-cache"
    forgotten.write_bytes(b"x" * (FULL - 5000 - used(folder)))
    os.utime(forgotten, (1.0, 1.0))
    body: dict[str, Any] = {"x": [1, 2, 3, 4], "y": [1, 2, 4, 7], "y_err": 0.1}
    time.sleep(0.5)
    assert forgotten.exists()
    formulas = 0
    while forgotten.exists():
        body["model"] = {"formula": f"a*x^{formulas + 2} + b"}
        fitted(server.client.post(XY_ERRORS, json=body))
        formulas += 1
        assert formulas < 20, "each has some 70 kB of kernels"
    time.sleep(1)
    assert 0 < used(folder) <= FULL


def test_retention_by_number(frugal: tuple[LiveServer, Path]) -> None:
    client = frugal[0].client
    ids = [fitted(client.post(HISTOGRAM, json=GAUSSIAN_50))["fit_id"] for _ in range(8)]

    def statuses() -> list[int]:
        return [client.get(f"/fits/{fit_id}").status_code for fit_id in ids]

    assert eventually(lambda: statuses() == [404] * 3 + [200] * 5, 20), statuses()
