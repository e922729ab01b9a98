"""What is made once, by a process of its own, and then kept in a file."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from app.operation import prepared
from app.operation.prepared import Prepared


def maker() -> dict[str, Any]:
    return {"process": os.getpid(), "number": 1.5}


def got(folder: Path, times: int = 1) -> list[Any]:
    async def run() -> list[Any]:
        kept = Prepared(folder)
        return await asyncio.gather(*(kept.get(maker) for _ in range(times)))

    return asyncio.run(run())


def test_another_process_makes_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = got(tmp_path, 2)
    assert first == second
    assert first["number"] == 1.5
    assert first["process"] != os.getpid()
    assert len(list(tmp_path.iterdir())) == 1
    assert got(tmp_path) == [first]  # after a restart
    monkeypatch.setattr(prepared, "digest", lambda *_: "of other code")
    assert got(tmp_path) != [first]
