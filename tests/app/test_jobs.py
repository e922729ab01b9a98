"""Jobs without HTTP: lines however they are cut, chunks between servers, chunks that cannot be."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from app.batch.translate import to_batch
from app.errors import ClusterAway, TooLarge, WorkerLost
from app.jobs import runner as running
from app.jobs.chunk import MOST_ROWS, answers, pack, rows_of, to_request, unpack
from app.jobs.lines import RowReader, slices
from app.jobs.owner import Owner
from app.jobs.runner import Runner
from app.operation.metrics import Metrics
from app.operation.room import FREE, Bodies, ManyBodies
from app.schemas.batches import HistogramHead
from app.schemas.kinds import HISTOGRAM
from app.service import Service
from app.settings import Settings
from app.store import jobs as stored_jobs
from app.store.jobs import Gone, JobStore
from app.store.keep import Keep
from app.store.store import Store
from app.workers.ticket import TimedOut
from fitting.batch.question import Batch
from tests.app.failing import FailingWorkers
from tests.databases import ask, store_url

EDGES = np.linspace(-3, 3, 13)
COUNTS = np.array([[1, 4, 14, 39, 72, 117, 128, 105, 73, 35, 9, 2]] * 4, float)
HEAD = json.dumps({"edges": EDGES.tolist(), "model": "gaussian"}).encode()


async def stream(content: bytes, size: int) -> AsyncIterator[bytes]:
    for first in range(0, len(content), size):
        yield content[first : first + size]


async def lines_of(content: bytes, size: int, longest: int = 100) -> list[tuple[int, bytes]]:
    with Bodies(0).room() as hold:  # short ones need none
        groups = slices(stream(content, size), longest, hold)
        return [line async for group in groups for line in group]


@pytest.mark.parametrize("slice_bytes", [1, 7, 1000])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_lines_are_the_same_wherever_the_stream_is_cut(
    monkeypatch: pytest.MonkeyPatch, slice_bytes: int, size: int
) -> None:
    monkeypatch.setattr("app.jobs.lines.SLICE_BYTES", slice_bytes)
    content = b"one\n\ntwo\r\n\n\n  \nthree\nfour"
    found = asyncio.run(lines_of(content, size))
    assert [(n, line.strip()) for n, line in found] == [
        (1, b"one"),
        (3, b"two"),
        (7, b"three"),
        (8, b"four"),
    ]


def test_lines_that_are_not_read_yet_have_so_much_room_together() -> None:
    bodies, line = Bodies(2**21), b"1" * 2**20 + b"\n"

    async def read(content: bytes, held: int) -> None:
        with bodies.room() as hold:
            async for _ in slices(stream(content, 2**16), 2**30, hold):
                assert bodies.held < held

    async def read_in_turns() -> None:
        await read(line * 20, 2**17)  # one after the other
        with pytest.raises(ManyBodies):
            await read(line[:-1] * 4, 0)
        assert bodies.held == 0
        with bodies.room() as hold:
            hold(FREE + 2**20)
            await read(line[:-1] * 2, 2**21 + 1)
            with pytest.raises(ManyBodies):
                await read(line[:-1] * 3, 0)
            assert bodies.held == 2**20

    asyncio.run(read_in_turns())


@pytest.mark.parametrize("size", [1, 30, 1000])
def test_a_line_that_does_not_end_is_given_up(size: int) -> None:
    with pytest.raises(TooLarge, match="max_line_bytes"):
        asyncio.run(lines_of(b"short\n" + b"x" * 1000, size))


def test_a_long_line_between_short_ones_is_refused() -> None:
    with pytest.raises(TooLarge, match="max_line_bytes"):
        RowReader(HISTOGRAM, 10).read([(2, b"[1]"), (3, b"[1" + b" " * 20 + b"]")])


@pytest.mark.parametrize(
    "array",
    [
        np.array([[0.0, 1.0, -5.0]]),
        np.array([[1e5, 70000.0]]),
        np.array([[0.1, 1e-300, 1e300]]),
        np.array([[16777217.0, 2.0**53]]),
    ],
)
def test_rows_come_back_as_they_were(array: np.ndarray) -> None:
    found = unpack(pack({"counts": array, "starts/mu": array[0]}))
    assert found["counts"].tolist() == array.tolist()
    assert found["starts/mu"].tolist() == array[0].tolist()
    assert found["counts"].dtype == np.float64


def opened(path: Path, owner: str) -> Store:
    store = Store(store_url(path / "fits.sqlite"))
    store.jobs.owner = owner
    return store


def question(counts: np.ndarray) -> Batch:
    head = HistogramHead.model_validate_json(HEAD)
    return to_batch(to_request(HISTOGRAM, head, {"counts": counts}), Settings())


def test_of_two_starts_in_what_was_stored_each_row_s_own_counts() -> None:
    """It was accepted once; what comes in now may have one only."""
    head = HistogramHead.model_validate_json(HEAD[:-1] + b', "parameters": {"mu": 0.5}}')
    fields = {"counts": COUNTS, "starts/mu": np.array([0.1, 0.2, 0.3, 0.4])}
    asked = to_batch(to_request(HISTOGRAM, head, fields), Settings())
    mu = [p.name for p in asked.model.parameters].index("mu")
    assert asked.starts[:, mu].tolist() == [0.1, 0.2, 0.3, 0.4]


async def promised(store: JobStore, name: str = "job", chunks: int = 2) -> None:
    assert await store.begin(name, "histogram", HEAD, 10)
    for number in range(chunks):
        await store.add(name, number, 4 * number, 4, pack({"counts": COUNTS}))
    assert await store.find(name) is None  # not before all is there
    await store.promise(name, 4 * chunks, chunks)


def test_a_chunk_is_one_server_s_until_it_is_not_heard_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = opened(tmp_path, "one"), opened(tmp_path, "other")

    async def share() -> None:
        await promised(one.jobs, chunks=1)
        claim = await one.jobs.claim()
        assert claim is not None
        assert await other.jobs.claim() is None
        assert await one.jobs.renew([claim.id], []) == {claim.id}
        monkeypatch.setattr(stored_jobs, "LEASE_S", -1.0)
        assert await one.jobs.renew([claim.id], []) == {claim.id}  # for the last time
        again = await other.jobs.claim()
        assert again is not None
        assert (again.id, again.attempts) == (claim.id, 2)
        assert await one.jobs.renew([claim.id], []) == set()
        with pytest.raises(Gone):
            await one.jobs.finish(claim, b"", {"converged": 4})
        job = await one.jobs.find("job")
        assert job is not None
        assert (job.rows_done, job.chunks_done) == (0, 0)
        await other.jobs.finish(again, b"lines", {"converged": 4})
        with pytest.raises(Gone):
            await other.jobs.finish(again, b"lines", {"converged": 4})
        job = await one.jobs.find("job")
        assert job is not None
        assert (job.status, job.rows_done, job.statuses) == ("succeeded", 4, {"converged": 4})
        assert await one.jobs.lines_at("job", 1) == b"lines"

    asyncio.run(share())
    one.close()
    other.close()


def test_jobs_take_turns(tmp_path: Path) -> None:
    store = opened(tmp_path, "one")

    async def claim_all() -> list[tuple[str, int]]:
        await promised(store.jobs, "giant", 5)
        first = await store.jobs.claim()
        await promised(store.jobs, "small", 2)
        claims = [first, *[await store.jobs.claim() for _ in range(6)]]
        assert await store.jobs.claim() is None
        return [(claim.job, claim.first_row) for claim in claims if claim is not None]

    found = asyncio.run(claim_all())
    store.close()
    assert [job for job, _ in found[:5]] == ["giant", "small", "giant", "small", "giant"]
    assert [row for job, row in found if job == "giant"] == [0, 4, 8, 12, 16]


def test_what_a_dead_server_was_receiving_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path, "one")

    async def die() -> None:
        await promised(store.jobs, "whole")
        await store.jobs.begin("living", "histogram", HEAD, 10)
        monkeypatch.setattr(stored_jobs, "LEASE_S", -1.0)
        await store.jobs.begin("half", "histogram", HEAD, 10)
        await store.jobs.add("half", 0, 0, 4, b"")
        await store.jobs.forget_old(Keep(10, 10**6, 1000.0))
        with pytest.raises(Gone):
            await store.jobs.promise("half", 4, 1)
        await store.jobs.promise("living", 0, 0)
        assert await store.jobs.find("whole") is not None

    asyncio.run(die())
    store.close()


class Workers(FailingWorkers):
    """The same as a service that has a store."""

    cluster = None

    def __init__(self, store: Store, *failures: Exception | None):
        super().__init__(*failures)
        self.settings = Settings(workers=1, deadline_s=120.0)
        self.store, self.metrics = store, Metrics()

    def allowed_s(self, _: Any) -> float:
        return self.settings.deadline_s


async def run(store: Store, folder: Path, workers: Any) -> Any:
    """The job `job`, once it has ended."""
    runner = Runner(cast(Service, workers), Owner(folder))
    await runner.start()
    end = time.monotonic() + 60
    while time.monotonic() < end:
        job = await store.jobs.find("job")
        if job is not None and job.finished is not None:
            break
        await asyncio.sleep(0.05)
    await runner.close()
    return await store.jobs.find("job")


@pytest.mark.parametrize(
    ("failures", "said"),
    [
        ([WorkerLost("3 workers died", 1.0)] * 3, "3 workers died"),
        ([RuntimeError("secret")], "defect"),
    ],
    ids=["kills workers", "raises"],
)
def test_a_chunk_that_cannot_be_done_fails_its_job_with_words(
    tmp_path: Path, failures: list[Exception], said: str
) -> None:
    store = opened(tmp_path, "")

    async def fail() -> Any:
        await promised(store.jobs, chunks=1)
        return await run(store, tmp_path, Workers(store, *failures))

    job = asyncio.run(fail())
    store.close()
    assert job.status == "failed"
    assert said in job.message
    assert "rows 0 to 3" in job.message
    assert "secret" not in job.message


def test_a_chunk_that_outlives_servers_fails_its_job(tmp_path: Path) -> None:
    store = opened(tmp_path, "dead")

    async def die_and_come_back() -> Any:
        await promised(store.jobs, chunks=1)
        for _ in range(running.MOST_ATTEMPTS):
            assert await store.jobs.claim() is not None
            await store.jobs.let_go(died=True)
        return await run(store, tmp_path, Workers(store))

    job = asyncio.run(die_and_come_back())
    store.close()
    assert job.status == "failed"
    assert "rows 0 to 3" in job.message


def test_a_full_queue_and_what_is_lost_only_delay_a_job(tmp_path: Path) -> None:
    store = opened(tmp_path, "")
    late, lost = TimedOut(waiting=True), WorkerLost("died", 1.0)
    away = ClusterAway("away", 1.0)

    async def go_on() -> Any:
        await promised(store.jobs, chunks=3)
        failures = (late, lost, None, away, lost, lost, None, away, away, late)
        return await run(store, tmp_path, Workers(store, *failures))

    job = asyncio.run(go_on())
    store.close()
    assert job.status == "succeeded"
    assert job.statuses == {"converged": 12}


def test_what_was_accepted_is_done_under_lower_limits(tmp_path: Path) -> None:
    store = opened(tmp_path, "")
    workers = Workers(store)
    lowered = {name: 1 for name in workers.settings.limits() if name.startswith("max_")}
    assert len(lowered) > 10
    workers.settings = workers.settings.model_copy(update=lowered)
    model = {"sum": [{"formula": "n/s * exp(-(x - m)**2 / (2*s**2))"}, "uniform"]}
    parameters = {"n": 200, "m": 0, "s": 1}
    head = json.dumps({"edges": EDGES.tolist(), "model": model, "parameters": parameters}).encode()

    async def go_on() -> Any:
        assert await store.jobs.begin("job", "histogram", head, 10)
        await store.jobs.add("job", 0, 0, 4, pack({"counts": COUNTS}))
        await store.jobs.promise("job", 4, 1)
        return await run(store, tmp_path, workers)

    job = asyncio.run(go_on())
    store.close()
    assert (job.message, job.status) == (None, "succeeded")
    assert sum(job.statuses.values()) == 4


def test_renewing_leases_does_not_disturb_what_has_just_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "LEASE_S", 0.005)  # for the runner: it renews without a pause
    store = opened(tmp_path, "")

    async def renew_often() -> list[int]:
        await promised(store.jobs, chunks=40)
        job = await run(store, tmp_path, Workers(store))
        assert job.status == "succeeded"
        return [n for (n,) in ask(tmp_path / "fits.sqlite", "select attempts from job_chunks")]

    assert asyncio.run(renew_often()) == [1] * 40
    store.close()


def test_a_server_does_not_claim_what_it_works_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its clock, which has jumped, each of its leases has ended."""
    monkeypatch.setattr(stored_jobs, "LEASE_S", -1.0)
    store = opened(tmp_path, "")

    async def work() -> list[int]:
        await promised(store.jobs, chunks=20)
        job = await run(store, tmp_path, Workers(store))
        assert job.status == "succeeded"
        return [n for (n,) in ask(tmp_path / "fits.sqlite", "select attempts from job_chunks")]

    assert asyncio.run(work()) == [1] * 20
    store.close()


@pytest.mark.parametrize(("covariance", "expected"), [(False, MOST_ROWS), (True, 11)])
def test_chunks_are_small_where_their_matrices_are_large(
    *, covariance: bool, expected: int
) -> None:
    peaks = [{"name": "gaussian", "prefix": f"p{i}_"} for i in range(100)]
    sent = {"edges": EDGES.tolist(), "model": {"sum": peaks}, "covariance": covariance}
    head = HISTOGRAM.head.model_validate_json(json.dumps(sent))
    assert rows_of(12, head, Settings()) == expected  # 300 parameters, 90,000 numbers a row


def test_each_line_has_the_message_of_its_own_row() -> None:
    """They name parameters, which may be others in another row."""
    said = ["", "The data do not determine a.", "The data do not determine b."]
    per_row: dict[str, Any] = dict.fromkeys(("fval", "chi2", "ndof", "path", "edm"))
    columns = per_row | {
        "rows": 3,
        "parameters": ["a"],
        "values": {"a": np.zeros(3)},
        "errors": {"a": np.zeros(3)},
        "valid": np.array([True, False, False]),
        "status": np.array(["converged", "undetermined", "undetermined"], dtype=object),
        "at_limit": {},
        "warnings": {},
        "covariance": None,
    }
    found = list(answers(columns, said, 10))
    assert [line.get("message") for line in found] == [None, *said[1:]]
    assert [line["row"] for line in found] == [10, 11, 12]
