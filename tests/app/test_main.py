"""How a service begins and ends."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError

from app.errors import StoreAway, install
from app.main import create_app, leave
from app.routes import status
from app.settings import Settings
from app.store.jobs import JobStore
from app.store.writer import Writer
from app.workers.births import SEVERAL, Births
from app.workers.pool import WorkerPool
from tests.examples import refused


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was closed, in order; there are no processes."""
    names: list[str] = []
    close_writer = Writer.close

    async def close_pool(_: WorkerPool) -> None:
        names.append("pool")
        raise OSError("a process cannot be waited for")

    def close_store(writer: Writer) -> None:
        close_writer(writer)
        names.append("store")

    monkeypatch.setattr(WorkerPool, "start", lambda _: None)
    monkeypatch.setattr(WorkerPool, "close", close_pool)
    monkeypatch.setattr(Writer, "close", close_store)
    return names


def run(folder: Path) -> None:
    async def serve() -> None:
        app = create_app(Settings(data_dir=folder, workers=1, warm=False))
        async with app.router.lifespan_context(app):
            pass

    asyncio.run(serve())


def test_what_fails_at_the_end_keeps_nothing_else_from_ending(
    tmp_path: Path, closed: list[str]
) -> None:
    with pytest.raises(OSError, match="waited"):
        run(tmp_path)
    assert closed == ["pool", "store"]


def test_what_fails_at_the_beginning_leaves_nothing_running(
    tmp_path: Path, closed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def let_go(_: JobStore, *, died: bool) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(JobStore, "let_go", let_go)
    with pytest.raises(OSError, match="waited"):
        run(tmp_path)
    assert closed == ["pool", "store"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OperationalError("UPDATE", {}, Exception("disk is full\nor so")), "disk is full"),
        (StoreAway("No answer.", 5.0), "No answer."),
    ],
    ids=["full", "away"],
)
def test_a_store_that_fails_at_the_end_is_a_line_in_the_log(
    error: Exception, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Fails:
        async def close(self) -> None:
            raise error

    runner: Any = Fails()
    asyncio.run(leave(runner))
    (record,) = caplog.records
    assert record.getMessage() == f"the chunks in work keep their leases: {said}"
    assert not record.exc_info


def asked_whether_ready(times: int, **parts: Any) -> list[httpx.Response]:
    """Of a service that has these parts."""
    app = FastAPI()
    install(app)
    app.include_router(status.router)
    app.state.service = SimpleNamespace(cluster=None, **parts)

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return [await client.get("/readyz") for _ in range(times)]

    return asyncio.run(ask())


def test_whose_workers_die_before_they_are_up_is_told_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    births = Births()
    pool = SimpleNamespace(is_ready=False, births=births)
    for number in range(SEVERAL + 2):
        (answer,) = asked_whether_ready(1, pool=pool)
        detail = refused(answer, 503)["detail"]
        assert ("cannot be started" in detail) is (number >= SEVERAL)
        assert ("are starting" in detail) is (number < SEVERAL)
        births.failed()
    (line,) = caplog.messages
    assert "cannot be started" in line
    births.succeeded()
    assert "are starting" in asked_whether_ready(1, pool=pool)[0].json()["detail"]


def test_who_cannot_write_is_not_ready() -> None:
    failures = [None, "Its disk is full.", None]

    async def failure() -> str | None:
        return failures.pop(0)

    pool, store = SimpleNamespace(is_ready=True, is_warm=True), SimpleNamespace(failure=failure)
    before, meanwhile, after = asked_whether_ready(3, pool=pool, store=store)
    assert before.status_code == after.status_code == 200
    problem = refused(meanwhile, 503)
    assert problem["type"] == "/problems/not-ready"
    assert "Its disk is full." in problem["detail"]
    assert int(meanwhile.headers["retry-after"]) >= 1
