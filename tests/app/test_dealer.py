"""The rows of a batch, dealt out to workers of which some fail."""

import asyncio
import gc
import time
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from app.batch import dealer
from app.batch.dealer import Dealer
from app.errors import Busy, WorkerLost
from app.service import Service
from app.workers.paces import REMEMBERED, Paces
from app.workers.ticket import TimedOut
from fitting.batch.question import Batch
from fitting.batch.result import STATUSES, BatchResult
from fitting.batch.rows import HistogramRows
from fitting.problem import Knowledge
from fitting.status import Status
from models.shapes.gaussian import Gaussian
from tests.app.failing import FailingWorkers
from tests.fitting.problems import expected

ROWS = 200
BUSY, LOST = Busy("full", 1.0), WorkerLost("died", 1.0)


def batch(background: float = 0.0) -> Batch:
    model, edges = Gaussian(), np.linspace(-5, 5, 51)
    mu = expected(model, edges, (1000, 0.2, 1.1)) + background
    counts = np.random.default_rng(1).poisson(mu, (ROWS, len(mu))).astype(float)
    return Batch(
        model, HistogramRows(edges, counts), (Knowledge(),) * 3, np.full((ROWS, 3), np.nan)
    )


def dealt(workers: Any, asked: Batch) -> Any:
    return asyncio.run(Dealer(cast(Service, workers), asked, float("inf"), covariance=False).run())


def test_a_full_queue_and_lost_workers_delay_what_has_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dealer, "FIRST_ENTRIES", 1)
    workers = FailingWorkers(None, BUSY, LOST, LOST, None, LOST)
    result = dealt(workers, batch())
    assert result.done.all()
    assert sum(workers.rows) == ROWS
    undisturbed = dealt(FailingWorkers(), batch())
    np.testing.assert_allclose(result.values, undisturbed.values, rtol=1e-9)


@pytest.mark.parametrize("failures", [[BUSY], [LOST] * dealer.MOST_LOST], ids=["busy", "lost"])
def test_a_batch_that_cannot_begin_is_refused(failures: list[Exception]) -> None:
    with pytest.raises(type(failures[0])):
        dealt(FailingWorkers(*failures), batch())


def test_a_queue_that_stays_full_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dealer, "FIRST_ENTRIES", 1)
    workers = cast(Service, FailingWorkers(None, *[BUSY] * 1000))
    deadline = time.monotonic() + 2.0
    result = asyncio.run(Dealer(workers, batch(), deadline, covariance=False).run())
    assert 1000 - len(cast(Any, workers).failures) < 100
    late = result.status == STATUSES.index(Status.DEADLINE)
    assert late.sum() >= ROWS - dealer.FEWEST
    assert result.done.all()


def test_of_several_failures_one_is_told_and_none_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dealer, "FIRST_ENTRIES", 1)
    monkeypatch.setattr(FailingWorkers, "hands", lambda *_: 3)
    forgotten = []

    async def deal() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: forgotten.append(context))
        workers = cast(Service, FailingWorkers(BUSY, BUSY, BUSY))
        with pytest.raises(Busy):
            await Dealer(workers, batch(), float("inf"), covariance=False).run()
        gc.collect()

    asyncio.run(deal())
    assert forgotten == []


def test_without_time_for_a_second_look_a_suspicious_minimum_is_not_called_converged() -> None:
    asked = batch(background=30.0)  # which the model does not have
    result = dealt(FailingWorkers(None, TimedOut(waiting=True)), asked)
    assert np.isfinite(result.values).all()
    late = result.status == STATUSES.index(Status.DEADLINE)
    assert late.sum() > ROWS / 2  # the first turn had time for some of them
    assert result.alone[~late].all()
    assert "better minimum" in result.messages["deadline"]


@pytest.mark.parametrize("compiling", [True, False])
def test_what_was_still_compiled_at_the_deadline_was_not_in_memory(compiling: bool) -> None:
    late = TimedOut(waiting=False, compiling=compiling)
    result = dealt(FailingWorkers(late), batch())
    assert result.usage.tier == ("compiled" if compiling else "memory")


def test_the_next_batch_begins_at_the_pace_of_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dealer, "FIRST_ENTRIES", 1)
    workers = FailingWorkers()
    workers.slice_s = 100.0  # on a slow machine, too, there is time for all rows
    dealt(workers, batch())
    dealt(workers, batch())
    assert workers.rows[0] == dealer.FEWEST
    assert workers.rows[-1] == ROWS


def test_only_the_latest_paces_are_kept() -> None:
    paces = Paces()
    for key in range(REMEMBERED + 1):
        paces.learn(key, 100.0 + key)
    assert paces.of(0) is None
    assert paces.of(REMEMBERED) == 100.0 + REMEMBERED


def test_rows_that_a_turn_leaves_undone_do_not_count_for_the_pace() -> None:
    workers, asked = FailingWorkers(), batch()
    dealing = Dealer(cast(Service, workers), asked, float("inf"), covariance=False)
    outcome = BatchResult.empty(asked, covariance=False)
    outcome.status[:50] = STATUSES.index(Status.CONVERGED)
    dealing._learn(replace(outcome, seconds=1.0))
    assert workers.paces.of(dealing._whole.key) == 50
