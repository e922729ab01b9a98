"""When a job will end, as the server that works on it can know."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.jobs import progress as module
from app.jobs.progress import Progress
from app.store.jobs import RUNNING, SUCCEEDED, StoredJob
from app.store.store import Store
from tests.databases import store_url

NOW = 1e9
JOB = StoredJob("a", 0.0, "histogram", RUNNING, 0.0, None, 100, 0, 10, 0, {}, None, "gaussian")


class Clock:
    """Time since 1970, which may be set, and time that passes."""

    def __init__(self) -> None:
        self.now, self.passed = NOW, 0.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.passed += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def done(rows: int, **fields: Any) -> StoredJob:
    return replace(JOB, rows_done=rows, **fields)


def test_the_pace_is_that_since_this_server_works_on_it(clock: Clock) -> None:
    """60 rows were done in the years since 1970, 20 of the other 40 in ten seconds."""
    progress = Progress()
    assert progress.estimated_end(done(60)) is None
    progress.working_on("a", 60)
    clock.sleep(4.0)
    assert progress.estimated_end(done(60)) is None
    progress.working_on("a", 65)  # the next chunk
    clock.sleep(6.0)
    assert progress.estimated_end(done(80)) == NOW + 10.0 + 10.0
    assert progress.estimated_end(done(100, status=SUCCEEDED, finished=NOW)) is None
    assert progress.estimated_end(replace(done(80), id="of another server")) is None


def test_a_clock_that_is_set_back_does_not_end_a_job_in_the_past(clock: Clock) -> None:
    progress = Progress()
    progress.working_on("a", 0)
    clock.sleep(10.0)
    clock.now -= 3600.0
    assert progress.estimated_end(done(20)) == clock.now + 40.0


def test_only_so_many_are_remembered(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 2)
    progress = Progress()
    for name in ("a", "b", "a", "c"):
        progress.working_on(name, 0)
    clock.sleep(1.0)
    ends = [progress.estimated_end(replace(done(50), id=name)) for name in "abc"]
    assert ends == [NOW + 2.0, None, NOW + 2.0]


def test_who_takes_a_chunk_knows_how_many_rows_are_done(tmp_path: Path) -> None:
    store = Store(store_url(tmp_path / "fits.sqlite"))
    store.jobs.owner = "one"

    async def take_both() -> list[int]:
        assert await store.jobs.begin("job", "histogram", b"{}", 10)
        for number in range(2):
            await store.jobs.add("job", number, 4 * number, 4, b"")
        await store.jobs.promise("job", 8, 2)
        known = []
        while (claim := await store.jobs.claim()) is not None:
            known.append(claim.rows_done)
            await store.jobs.finish(claim, b"", {"converged": 4})
        return known

    assert asyncio.run(take_both()) == [0, 4]
    store.close()
