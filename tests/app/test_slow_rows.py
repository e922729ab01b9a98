"""Jobs whose rows take long: some are written down before the whole chunk is done."""

import asyncio
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from app.jobs import fit as fitting_of_chunks
from app.jobs import runner as running
from app.jobs.chunk import pack
from app.service import Service
from app.workers.paces import Paces
from fitting.batch.result import STATUSES, BatchResult
from fitting.status import Status
from tests.app.failing import FailingWorkers
from tests.app.test_jobs import COUNTS, HEAD, Workers, opened, promised, question, run
from tests.app.test_rounds import Rounds

CONVERGED = STATUSES.index(Status.CONVERGED)


def test_slow_rows_are_written_down_some_at_a_time_each_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two turns the server is killed, and another job has its own."""
    monkeypatch.setattr(fitting_of_chunks, "LONG_S", 0.0)
    monkeypatch.setattr(fitting_of_chunks, "PORTION_S", 0.0)
    monkeypatch.setattr(running, "AT_ONCE", 1)
    monkeypatch.setattr(running, "FITTING", 1)
    store, rows = opened(tmp_path, "dead"), 2 * fitting_of_chunks.A_HAND + 5
    counts = COUNTS[0] * np.arange(1, rows + 1)[:, None]

    async def go_on() -> Any:
        assert await store.jobs.begin("job", "histogram", HEAD, 10)
        await store.jobs.add("job", 0, 0, rows, pack({"counts": counts}))
        await store.jobs.promise("job", rows, 1)
        claim = await store.jobs.claim()
        assert claim is not None
        left = pack({"counts": counts[3:]})
        await store.jobs.finish(claim, zlib.compress(b'{"row":0}\n' * 3), {"converged": 3}, left)
        assert await store.jobs.claim() is not None  # by one that dies at once
        await store.jobs.let_go(died=True)
        await promised(store.jobs, "small", chunks=1)
        job = await run(store, tmp_path, workers)
        places = await store.jobs.places_after("job", 0)
        found = [await store.jobs.lines_at("job", place) for place, _ in places]
        return job, places, b"".join(zlib.decompress(lines or b"") for lines in found)

    workers = Workers(store)
    job, places, lines = asyncio.run(go_on())
    small = asyncio.run(store.jobs.find("small"))
    store.close()
    assert (job.status, job.rows_done, job.chunks, job.chunks_done) == ("succeeded", rows, 4, 4)
    assert places == [(1, 3), (2, 16), (3, 16), (4, rows - 35)]
    found = [json.loads(line) for line in lines.splitlines()][3:]
    assert [line["row"] for line in found] == list(range(3, rows))
    events = [line["values"]["amp"] / (line["row"] + 1) for line in found]
    np.testing.assert_allclose(events, events[0])
    assert small is not None
    assert small.finished is not None
    assert small.finished < job.finished


def test_the_rows_that_come_after_slow_ones_are_as_many_as_take_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, asked, paces = [0.0], list[int](), Paces()

    async def fit_rows(_: Any, batch: Any, __: float, ___: float, *, covariance: bool) -> Any:
        asked.append(len(batch))
        now[0] += len(batch) / pace
        result = BatchResult.empty(batch, covariance=covariance)
        result.status[:] = CONVERGED
        return result, 0.5

    monkeypatch.setattr(fitting_of_chunks, "fit_rows", fit_rows)
    monkeypatch.setattr(fitting_of_chunks.time, "monotonic", lambda: now[0])
    batch = question(np.tile(COUNTS, (50, 1)))

    def first(job: str) -> int:
        asked.clear()
        service = cast(Service, FailingWorkers())
        done, result, waited_s = asyncio.run(
            fitting_of_chunks.fit_first(service, batch, 1.0, paces, job, covariance=False)
        )
        assert len(done) == len(result.status) == sum(asked)
        assert waited_s == 0.5
        return len(done)

    pace = 4.0
    assert first("slow") == 16 + 20 + 20
    assert first("slow") == 20 + 20
    assert first("slow") == 20 + 20
    pace = 1000.0
    assert first("quick") == 200
    assert asked == [16, 184]
    assert first("quick") == 200
    assert asked == [200]


@pytest.mark.parametrize(
    ("rounds", "alone", "kept"),
    [
        ((range(60),), (), 60),  # in order, so that all of it is kept
        (((*range(1, 60),), (0,)), (), 60),  # nothing could be kept before the first was done
        (((*range(10), *range(11, 60)), (0,)), (), 60),  # or hardly anything
        (((*range(57), 58, 59),), (), 57),
        ((range(199),), (), 199),
        (((*range(10), *range(11, 199)),), range(11), 10),  # the others took no time
        (((*range(10), *range(11, 60)), (0,)), range(60), 60),
    ],
)
def test_a_portion_whose_rows_turn_slow_is_cut_while_it_is_done(
    monkeypatch: pytest.MonkeyPatch,
    rounds: tuple[Sequence[int], ...],
    alone: Sequence[int],
    kept: int,
) -> None:
    """By the pace of the rows before all 200 would take a moment; `rounds` are the rows, of those
    that are left, for which there is time."""
    left = [np.array(done) for done in rounds]

    class Slow(Rounds):
        async def run(self) -> BatchResult:
            result = BatchResult.empty(self.batch, covariance=self.covariance)
            result.status[:] = STATUSES.index(Status.DEADLINE)
            result.status[left.pop(0)] = CONVERGED
            result.alone[[i for i in alone if i < len(result.alone)]] = True
            result.warnings.update(dict.fromkeys(np.flatnonzero(result.alone), ("poor-fit",)))
            result.values[:] = self.batch.rows.stack().sum(axis=1)[:, None]
            return result

    monkeypatch.setattr(fitting_of_chunks, "Dealer", Slow())
    monkeypatch.setattr(fitting_of_chunks, "LONG_S", 0.0)
    paces, batch = Paces(), question(COUNTS[0] * np.arange(1, 201)[:, None])
    paces.learn("job", 1e6)
    service = cast(Service, FailingWorkers())
    done, result, _ = asyncio.run(
        fitting_of_chunks.fit_first(service, batch, 1.0, paces, "job", covariance=True)
    )
    assert not left
    assert len(done) == kept
    assert result.status.tolist() == [CONVERGED] * kept
    assert result.values[:, 0].tolist() == (COUNTS[0].sum() * np.arange(1, kept + 1)).tolist()
    assert result.warned.get("poor-fit", []) == list(range(kept if len(alone) else 0))
    assert result.covariance is not None
    assert len(result.covariance) == kept
    assert (paces.of("job") or 0.0) <= kept * 1e3
