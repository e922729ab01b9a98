"""Those who follow jobs, without HTTP: who looks at the store when, and what they are sent."""

import asyncio
import json
import zlib
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import event

from app.jobs import follow, news
from app.jobs.follow import Follower, events, results
from app.jobs.news import News
from app.jobs.progress import Progress
from app.store.jobs import FAILED, RUNNING, SUCCEEDED, JobStore, StoredJob
from app.store.store import Store
from tests.databases import store_url

FOLLOWERS = 20
JOB = StoredJob("", 0.0, "histogram", RUNNING, 0.0, None, 6, 0, 2, 0, {}, None, "gaussian")


class Jobs:
    """Stands for the store; `chunks` are the lines of those that are finished."""

    def __init__(self) -> None:
        self.jobs = {name: replace(JOB, id=name) for name in ("one", "other")}
        self.chunks: list[bytes] = []
        self.looks: Counter[str] = Counter()
        self.news = News(cast(JobStore, self))

    async def find(self, job_id: str, model: Any = None) -> StoredJob | None:
        assert model == "gaussian"  # it need not be read again
        self.looks[job_id] += 1
        await asyncio.sleep(0.001)
        return self.jobs.get(job_id)

    async def places_after(self, _: str, place: int) -> list[tuple[int, int]]:
        done = enumerate(self.chunks[place:], place + 1)
        return [(number, lines.count(b"\n")) for number, lines in done]

    async def lines_at(self, _: str, place: int) -> bytes:
        return zlib.compress(self.chunks[place - 1])

    def change(self, job_id: str, **fields: Any) -> None:
        self.jobs[job_id] = replace(self.jobs[job_id], **fields)

    def follower(self, job_id: str) -> Follower:
        async def is_disconnected() -> bool:
            return False

        request: Any = SimpleNamespace(
            app=SimpleNamespace(state=SimpleNamespace()), is_disconnected=is_disconnected
        )
        return Follower(request, self.news, self.jobs[job_id])


async def told(jobs: Jobs, job_id: str) -> list[bytes]:
    return [event async for event in events(jobs.follower(job_id), "", Progress())]


def test_many_followers_of_a_job_share_one_look_and_others_are_left_alone() -> None:
    async def run() -> list[list[bytes]]:
        jobs = Jobs()
        following = [asyncio.create_task(told(jobs, "one")) for _ in range(FOLLOWERS)]
        other = asyncio.create_task(told(jobs, "other"))
        await asyncio.sleep(2.5 * news.LOOK_S)
        assert 2 <= jobs.looks["one"] <= 4
        before = jobs.looks.copy()
        for done in range(1, 4):
            jobs.change("one", rows_done=done)
            jobs.news.ring("one")
            await asyncio.sleep(0.02)
        assert 1 <= jobs.looks["one"] - before["one"] <= 4
        assert jobs.looks["other"] - before["other"] <= 1
        jobs.change("one", status=SUCCEEDED, finished=1.0)
        jobs.news.ring("one")
        async with asyncio.timeout(news.LOOK_S / 2):
            found = await asyncio.gather(*following)
        other.cancel()
        await asyncio.gather(other, return_exceptions=True)
        await asyncio.sleep(0)
        assert not jobs.news._followed
        before = jobs.looks.copy()
        await asyncio.sleep(1.2 * news.LOOK_S)
        assert jobs.looks == before  # nobody looks for nobody
        return found

    for events_of_one in asyncio.run(run()):
        assert events_of_one[-1].startswith(b"event: end\n")
        assert events_of_one[0].startswith(b"event: progress\n")


def test_who_knows_the_model_of_a_job_does_not_read_its_head_again(tmp_path: Path) -> None:
    store, asked = Store(store_url(tmp_path / "fits.db")), []

    async def find() -> None:
        await store.jobs.begin("job", "histogram", b'{"model": ["a", "b"], "edges": []}', 10)
        await store.jobs.promise("job", 0, 0)
        first = await store.jobs.find("job")
        assert first is not None
        assert first.model == ["a", "b"]
        event.listen(store._engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
        assert await store.jobs.find("job", first.model) == first

    asyncio.run(find())
    store.close()
    assert len(asked) == 1
    assert "head" not in asked[0]


def test_a_store_that_fails_once_does_not_end_a_job_s_events() -> None:
    async def run() -> list[bytes]:
        jobs = Jobs()
        find, failures = jobs.find, [OSError("the disk is full")]

        async def failing(job_id: str, model: Any) -> StoredJob | None:
            if failures:
                raise failures.pop()
            return await find(job_id, model)

        jobs.find = failing  # type: ignore[method-assign]
        following = asyncio.create_task(told(jobs, "one"))
        await asyncio.sleep(0.02)
        assert not failures
        jobs.change("one", status=SUCCEEDED, finished=1.0)
        jobs.news.ring("one")
        return await asyncio.wait_for(following, 10)

    assert asyncio.run(run())[-1].startswith(b"event: end\n")


@pytest.mark.parametrize("status", [SUCCEEDED, FAILED])
@pytest.mark.parametrize("skip", [0, 2, 5, 6])
def test_what_is_sent_while_no_line_comes_disturbs_no_reader(
    monkeypatch: pytest.MonkeyPatch, skip: int, status: str
) -> None:
    monkeypatch.setattr(follow, "LOOK_S", 0.01)
    monkeypatch.setattr(follow, "QUIET_S", 0.03)
    lines = [b'{"row":%d}\n' % row for row in range(6)]
    sent: list[bytes] = []

    async def read(jobs: Jobs) -> None:
        follower = jobs.follower("one")
        async for piece in results(follower, cast(JobStore, jobs), skip, follow=True):
            sent.append(piece)

    async def run() -> None:
        jobs = Jobs()
        reading = asyncio.create_task(read(jobs))
        for end in (3, 6) if status == SUCCEEDED else (3,):
            before = len(sent)
            await asyncio.sleep(0.2)
            assert (len(sent) > before) is (skip < 6)  # while a line is to come, and only then
            jobs.chunks.append(b"".join(lines[end - 3 : end]))
            jobs.change("one", rows_done=end)
            jobs.news.ring("one")
            await asyncio.sleep(0.02)
        jobs.change("one", status=status, finished=1.0, message="why")
        jobs.news.ring("one")
        await asyncio.wait_for(reading, 10)

    asyncio.run(run())
    text = b"".join(sent).decode()
    found = [json.loads(line) for line in text.splitlines()]
    expected: list[Any] = [{"row": row} for row in range(skip, 6 if status == SUCCEEDED else 3)]
    if status == FAILED:
        expected.append({"end": "failed", "message": "why"})
    assert found == expected
    assert not text or text.endswith("\n")
