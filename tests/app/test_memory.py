"""How much memory a job may take."""

import subprocess
import sys

import numpy as np
import pytest

from app.workers.memory import STATUS, Allowance, resident_bytes


@pytest.fixture
def has(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What a process has: the last of these."""
    amounts = [0]
    monkeypatch.setattr("app.workers.memory.resident_bytes", lambda: amounts[-1])
    return amounts


def test_each_job_may_take_as_much_whatever_was_there_before(has: list[int]) -> None:
    allowance = Allowance(100)
    for before in (1000, 40, 2000):
        has.append(before)
        allowance.begin()
        has.append(before + 100)
        assert not allowance.is_exceeded
        has.append(before + 101)
        assert allowance.is_exceeded


def test_what_jobs_leave_uses_it_up(has: list[int]) -> None:
    """What the process had before the first of them does not count."""
    allowance = Allowance(100)
    for after in (1020, 1040, 1050):
        has.append(max(1000, has[-1]))
        allowance.begin()
        has.append(after)
        assert not allowance.is_used_up
        assert not allowance.is_exceeded
    allowance.begin()
    has.append(1051)
    assert allowance.is_used_up


def test_memory_is_that_of_the_process_itself_and_that_of_now() -> None:
    """And not that of the process that has started it."""
    before = resident_bytes()
    block = np.ones(2**26)  # half a GiB
    assert resident_bytes() - before > 0.9 * block.nbytes
    tell = "from app.workers.memory import resident_bytes; print(resident_bytes())"
    told = subprocess.run([sys.executable, "-c", tell], capture_output=True, check=True)
    assert block.nbytes > int(told.stdout)
    del block
    assert resident_bytes() - before < 2**28 or not STATUS.exists()
