"""A disk that is full for long is told of in a line now and then."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from app.errors import StoreAway
from app.jobs import runner as running
from app.store import complaint as module
from app.store.complaint import Complaint
from tests.app.test_jobs import Workers, opened, promised, run

FULL = OperationalError("UPDATE job_chunks", {"data": b"rows"}, Exception("disk is full\nor so"))


def test_a_reason_is_told_once_a_minute_in_a_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    complaint = Complaint(logging.getLogger("fit.test"), "it is not written")
    for _ in range(130):  # two reasons in turns, a second each, for two minutes and ten seconds
        complaint.of(FULL)
        complaint.of(StoreAway("No answer.", 5.0))
        now += 1.0
    full, away = "it is not written: disk is full", "it is not written: No answer."
    assert caplog.messages == [full, away] * 3
    assert not any(record.exc_info for record in caplog.records)


def test_a_defect_is_told_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    complaint = Complaint(logging.getLogger("fit.test"), "it is not written")
    error = KeyError("defect")
    complaint.of(error)
    complaint.of(error)
    assert caplog.messages == ["it is not written"] * 2
    assert all(record.exc_info and record.exc_info[1] is error for record in caplog.records)


def test_a_job_whose_disk_is_full_for_a_while_goes_on_and_is_three_lines_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(running, "AFTER_DEFECT_S", 0.001)
    monkeypatch.setattr(running, "LEASE_S", 0.005)  # for the runner: it renews without a pause
    store = opened(tmp_path, "")
    failures = dict.fromkeys(("claim", "finish", "renew"), 5)

    def failing(name: str) -> Any:
        usual = getattr(store.jobs, name)

        async def work(*given: Any) -> Any:
            if failures[name]:
                failures[name] -= 1
                raise FULL
            if name == "finish":
                while failures["renew"]:
                    await asyncio.sleep(0.001)
            return await usual(*given)

        return work

    for name in failures:
        monkeypatch.setattr(store.jobs, name, failing(name))

    async def go_on() -> Any:
        await promised(store.jobs)
        return await run(store, tmp_path, Workers(store))

    job = asyncio.run(go_on())
    store.close()
    assert job.status == "succeeded"
    assert not any(failures.values())
    assert sorted(caplog.messages) == [
        "a chunk cannot be written down yet: disk is full",
        "leases could not be renewed: disk is full",
        "no chunk could be claimed: disk is full",
    ]
    assert not any(record.exc_info for record in caplog.records)
