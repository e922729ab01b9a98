"""How a service begins and ends."""

import asyncio
from pathlib import Path

import pytest

from app.main import create_app
from app.settings import Settings
from app.store.jobs import JobStore
from app.store.writer import Writer
from app.workers.pool import WorkerPool


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
