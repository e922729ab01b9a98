"""What is made once, by a process of its own, and then kept in a file."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import from_json

from app.operation import prepared
from app.operation.prepared import Make, NotPrepared, Prepared


def maker() -> dict[str, Any]:
    return {"process": os.getpid(), "number": 1.5}


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def broken() -> None:
    raise KeyError("what it needs")


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
    (other,) = got(tmp_path)
    assert other != first
    (kept,) = tmp_path.iterdir()  # that of the other code is gone
    assert from_json(kept.read_bytes()) == other


@pytest.mark.parametrize(("make", "code"), [(killed, -signal.SIGKILL), (broken, 1)])
def test_what_fails_for_another_reason_than_the_disk_is_told_by_its_exit_code(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, make: Make, code: int
) -> None:
    with pytest.raises(NotPrepared, match=f"exit code {code};"):
        asyncio.run(Prepared(tmp_path).get(make))
    (record,) = caplog.records
    assert (vars(record)["what"], vars(record)["exit_code"]) == (make.__name__, code)


def test_a_folder_that_cannot_be_written_is_told_as_such(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(NotPrepared, match="is its disk full"):
        asyncio.run(Prepared(tmp_path / "missing").get(maker))
    assert not caplog.records
