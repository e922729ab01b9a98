"""Rows of a job that come again: for want of time, or through no fault of theirs."""

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from app.batch.dealer import MOST_LOST
from app.jobs import fit as fitting_of_chunks
from app.service import Served, Service
from app.settings import Settings
from app.workers.tasks import BatchTask
from app.workers.ticket import TimedOut
from fitting.batch.result import STATUSES, BatchResult
from fitting.status import Status
from tests.app.test_jobs import COUNTS, Workers, opened, promised, question, run


class Rounds:
    """A dealer that has time for some rows of each round."""

    def __init__(self, *done: int):
        self.done = list(done)

    def __call__(self, _: Any, batch: Any, __: float, covariance: bool, ___: int) -> Any:
        self.batch, self.covariance, self.queue_s = batch, covariance, 0.1
        self.lost, self.compile_s = np.zeros(len(batch), dtype=bool), 0.0
        return self

    async def run(self) -> BatchResult:
        result = BatchResult.empty(self.batch, covariance=self.covariance)
        result.usage.compile_s = self.compile_s
        result.status[:] = STATUSES.index(Status.DEADLINE)
        result.status[: self.done.pop(0)] = STATUSES.index(Status.CONVERGED)
        return result


def serving(deadline_s: float, turn_s: float = 0.1) -> Service:
    """Stands for a service whose workers have turns so long."""
    workers = SimpleNamespace(slice_s=turn_s)
    settings = Settings(deadline_s=deadline_s)
    return cast(Service, SimpleNamespace(settings=settings, executor=lambda _: workers))


@pytest.mark.parametrize(("rounds", "late"), [((1, 2, 1), 0), ((3, 0), 1), ((0,), 4)])
def test_rows_without_time_come_again_as_long_as_that_helps(
    monkeypatch: pytest.MonkeyPatch, rounds: tuple[int, ...], late: int
) -> None:
    dealer = Rounds(*rounds)
    monkeypatch.setattr(fitting_of_chunks, "Dealer", dealer)
    batch = question(COUNTS)
    result, _ = asyncio.run(
        fitting_of_chunks.fit_rows(serving(10.0), batch, 1.0, np.inf, covariance=False)
    )
    assert (result.status == STATUSES.index(Status.DEADLINE)).sum() == late
    assert not dealer.done


def test_rounds_that_wait_in_vain_get_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []

    class Waiting(Rounds):
        def __call__(
            self, service: Any, batch: Any, deadline: float, covariance: bool, most_rows: int
        ) -> Any:
            given.append(deadline - time.monotonic())
            super().__call__(service, batch, deadline, covariance, most_rows)
            self.queue_s = 0.1 if len(given) == 5 else None
            return self

    monkeypatch.setattr(fitting_of_chunks, "SLICE_S", 0.01)
    monkeypatch.setattr(fitting_of_chunks, "Dealer", Waiting(0, 0, 0, 0, 4))
    batch = question(COUNTS)
    service = serving(10.0)
    result, _ = asyncio.run(
        fitting_of_chunks.fit_rows(service, batch, 2.0, np.inf, covariance=False)
    )
    assert result.status.tolist() == [STATUSES.index(Status.CONVERGED)] * 4
    assert given == pytest.approx([2, 4, 8, 10, 10], abs=0.5)


@pytest.mark.parametrize(("turn_s", "expected"), [(0.1, 1.0), (3.0, 3.0)])
def test_a_round_has_a_turn_of_whoever_computes_at_least(
    monkeypatch: pytest.MonkeyPatch, turn_s: float, expected: float
) -> None:
    given: list[float] = []

    class Noting(Rounds):
        def __call__(self, service: Any, batch: Any, deadline: float, *others: Any) -> Any:
            given.append(deadline - time.monotonic())
            return super().__call__(service, batch, deadline, *others)

    monkeypatch.setattr(fitting_of_chunks, "Dealer", Noting(4))
    service, batch = serving(10.0, turn_s), question(COUNTS)
    asyncio.run(fitting_of_chunks.fit_rows(service, batch, 1.0, np.inf, covariance=False))
    assert given == pytest.approx([expected], abs=0.5)


@pytest.mark.parametrize(("compiled", "late"), [(3, 0), (1, 4), (0, 4)])
def test_time_in_which_a_worker_compiled_is_not_that_of_the_rows(
    monkeypatch: pytest.MonkeyPatch, compiled: int, late: int
) -> None:
    given: list[float] = []

    class Compiling(Rounds):
        def __call__(
            self, service: Any, batch: Any, deadline: float, covariance: bool, most_rows: int
        ) -> Any:
            super().__call__(service, batch, deadline, covariance, most_rows)
            self.compile_s = 1.0 if len(given) < compiled else 0.0
            given.append(deadline - time.monotonic())
            assert most_rows == len(batch)  # which cost no worker
            return self

    monkeypatch.setattr(fitting_of_chunks, "Dealer", Compiling(0, 0, 0, 4))
    service = serving(5.0)
    result, _ = asyncio.run(
        fitting_of_chunks.fit_rows(service, question(COUNTS), 2.0, np.inf, covariance=False)
    )
    assert (result.status == STATUSES.index(Status.DEADLINE)).sum() == late
    assert given == pytest.approx([2, 4, 5, 5][: compiled + 1], abs=0.5)


@pytest.mark.parametrize(
    ("killed", "statuses", "turns"),
    [(MOST_LOST, {"converged": 4}, [1] * 4), (MOST_LOST + 1, {"deadline": 4}, [])],
)
def test_rows_whose_worker_had_to_be_killed_come_again_but_not_for_ever(
    tmp_path: Path, killed: int, statuses: dict[str, int], turns: list[int]
) -> None:
    store = opened(tmp_path, "")
    workers = Workers(store, *[TimedOut(waiting=False)] * killed)

    async def hang() -> Any:
        await promised(store.jobs, chunks=1)
        return await run(store, tmp_path, workers)

    job = asyncio.run(hang())
    store.close()
    assert job.status == "succeeded"
    assert job.statuses == statuses
    assert workers.rows == turns  # fewer in each, for one of them may kill


def test_a_row_that_kills_workers_takes_no_other_with_it() -> None:
    """In whichever turn it is, the worker stops and has to be killed."""
    counts = np.tile(COUNTS, (4, 1))
    counts[5] *= 7.0

    class Hanging(Workers):
        async def outcome(self, task: BatchTask, deadline: float) -> Served:
            if (task.batch.rows.stack().sum(axis=1) > 2 * COUNTS[0].sum()).any():
                raise TimedOut(waiting=False)
            return await super().outcome(task, deadline)

    service = cast(Any, Hanging)(SimpleNamespace())
    result, _ = asyncio.run(
        fitting_of_chunks.fit_rows(service, question(counts), 60.0, np.inf, covariance=False)
    )
    late = result.status == STATUSES.index(Status.DEADLINE)
    assert np.flatnonzero(late).tolist() == [5]
    assert np.isfinite(result.values[~late]).all()
