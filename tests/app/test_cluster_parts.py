"""Where parts of batches go in a cluster, and what becomes of trouble there; without processes."""

import asyncio
import pickle
import subprocess
import sys
from contextlib import suppress
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from distributed import KilledWorker
from distributed.client import FutureCancelledError

from app.errors import Busy, ClusterAway, WorkerLost
from app.workers import cluster as cluster_module
from app.workers.cluster import MOST_HANDS, Cluster
from app.workers.remote import STRANGER, fingerprint, run_part
from app.workers.tasks import DONE, BatchTask
from app.workers.ticket import TimedOut
from fitting.batch.question import Batch
from fitting.batch.rows import HistogramRows
from fitting.problem import Knowledge
from models.composition.sum import Sum
from models.shapes.gaussian import Gaussian
from models.shapes.lorentzian import Lorentzian
from tests.conftest import ROOT

FOREVER = 1e9


def part(model: Any = None) -> BatchTask:
    rows = HistogramRows(np.linspace(0, 1, 11), np.ones((2, 10)))
    model = model or Gaussian()
    size = len(model.parameters)
    batch = Batch(model, rows, (Knowledge(),) * size, np.full((2, size), np.nan))
    return BatchTask(batch, np.zeros(2, bool), None, False, FOREVER)


class Answer:
    """Of a part: what a future of Dask's is to us."""

    def __init__(self, scheduler: "Scheduler", worker: str):
        self.worker = worker
        self.came = asyncio.get_running_loop().create_future()
        self._scheduler = scheduler

    def __await__(self) -> Any:
        return self.came.__await__()

    def release(self) -> None:
        self._scheduler.answers.remove(self)


class Scheduler:
    """A client of Dask's whose answers come when the test says."""

    status = "running"

    def __init__(self) -> None:
        self.answers: list[Answer] = []

    def submit(self, _: Any, *__: Any, workers: list[str], **___: Any) -> Answer:
        self.answers.append(Answer(self, workers[0]))
        return self.answers[-1]


def connected(*threads: int, queue_size: int = 100, grace_s: float = 1.0) -> tuple[Any, Any]:
    cluster = Cluster("tcp://nowhere:1", queue_size, grace_s)
    cluster._client = scheduler = Scheduler()  # type: ignore[assignment]
    cluster._count({f"tcp://worker:{i}": number for i, number in enumerate(threads)})
    return cluster, scheduler


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def run(test: Any) -> None:
    asyncio.run(test())


def test_a_kernel_s_parts_meet_the_same_worker_and_many_meet_all() -> None:
    async def test() -> None:
        cluster, scheduler = connected(1, 1, 1, 2)
        firsts = set()
        for _ in range(5):
            ticket = cluster.submit(part(), FOREVER)
            await settle()
            firsts.add(scheduler.answers[0].worker)
            cluster.cancel(ticket)
            await settle()
            assert not scheduler.answers
        assert len(firsts) == 1
        tickets = [cluster.submit(part(), FOREVER) for _ in range(7)]
        await settle()
        assert len(scheduler.answers) == cluster.hands(part()) == 5
        assert len({answer.worker for answer in scheduler.answers}) == 4
        assert (cluster.running, cluster.waiting) == (5, 2)
        scheduler.answers[0].came.set_result(pickle.dumps((DONE, "done")))
        assert await tickets[0].outcome == "done"
        await settle()
        assert (cluster.running, cluster.waiting) == (5, 1)
        await cluster.close()

    run(test)


def preferred(model: Any, workers: int) -> str:
    async def first() -> str:
        cluster, scheduler = connected(*[1] * workers)
        cluster.submit(part(model), FOREVER)
        await settle()
        worker: str = scheduler.answers[0].worker
        await cluster.close()
        return worker

    return asyncio.run(first())


def test_kernels_are_spread_over_the_workers() -> None:
    shapes = [Gaussian(), Lorentzian(), Gaussian(normalised="range"), Sum((Gaussian(prefix="a"),))]
    assert len({preferred(shape, 50) for shape in shapes}) > 1
    assert preferred(Gaussian(prefix="other_"), 50) == preferred(Gaussian(), 50)
    # whoever comes takes its share, and changes nothing else
    firsts = [preferred(Gaussian(), workers) for workers in range(1, 50)]
    assert 1 < len(set(firsts)) < 20
    for n, (before, after) in enumerate(pairwise(firsts), start=1):
        assert after in (before, f"tcp://worker:{n}")


def test_a_worker_that_comes_is_used_at_once() -> None:
    async def test() -> None:
        cluster, scheduler = connected(1)
        for _ in range(2):
            cluster.submit(part(), FOREVER)
        await settle()
        assert len(scheduler.answers) == 1
        cluster._count({"tcp://worker:0": 1, "tcp://worker:1": 1})
        await settle()
        assert len(scheduler.answers) == 2
        cluster._count({f"tcp://worker:{i}": 64 for i in range(100)})
        assert cluster.hands(part()) == MOST_HANDS
        await cluster.close()

    run(test)


@pytest.mark.parametrize(
    ("end", "error"),
    [
        (KilledWorker("part", SimpleNamespace(address="tcp://worker:0"), 3), WorkerLost),  # type: ignore[arg-type]
        (FutureCancelledError("part", "scheduler-connection-lost"), WorkerLost),
        (OSError("closed"), WorkerLost),
        (ModuleNotFoundError("No module named 'app'"), ClusterAway),
        ((STRANGER, None), ClusterAway),
    ],
    ids=["killed", "cancelled", "closed", "no app", "another version"],
)
def test_trouble_is_told_in_the_house_s_own_errors(end: Any, error: type[Exception]) -> None:
    async def test() -> None:
        cluster, scheduler = connected(1)
        ticket = cluster.submit(part(), FOREVER)
        await settle()
        came = scheduler.answers[0].came
        if isinstance(end, Exception):
            came.set_exception(end)
        else:
            came.set_result(pickle.dumps(end))
        with pytest.raises(error) as raised:
            await ticket.outcome
        await settle()
        assert cluster.running == 0
        assert not scheduler.answers
        if isinstance(end, KilledWorker):
            assert raised.value.workers == 4  # type: ignore[attr-defined]

    run(test)


def test_a_part_that_is_not_answered_is_given_up() -> None:
    async def test() -> None:
        cluster, scheduler = connected(1, grace_s=0.01)
        now = asyncio.get_running_loop().time()
        sent, queued = (cluster.submit(part(), now + 0.05) for _ in range(2))
        for ticket, waiting in ((queued, True), (sent, False)):
            with pytest.raises(TimedOut) as raised:
                await ticket.outcome
            assert raised.value.waiting is waiting
        assert not scheduler.answers

    run(test)


def test_a_cluster_that_is_away_refuses_at_once_or_after_some_patience() -> None:
    async def test() -> None:
        with pytest.raises(ClusterAway):
            Cluster("tcp://nowhere:1", 1, 1.0).submit(part(), FOREVER)
        cluster, _ = connected(1)
        cluster._count({})
        ticket = cluster.submit(part(), FOREVER)
        assert cluster.waiting == 1
        cluster._seen -= 1000
        cluster._count({})
        with pytest.raises(ClusterAway):
            await ticket.outcome

    run(test)


class Deaf:
    """A client that has lost its scheduler, and once is hanging up whatever happens to it."""

    status = "closing"
    made = 0

    def __init__(self, *_: Any, **__: Any) -> None:
        Deaf.made += 1

    async def __aenter__(self) -> "Deaf":
        return self

    async def __aexit__(self, *_: Any) -> None:
        with suppress(*[asyncio.CancelledError] if Deaf.made == 1 else []):
            await asyncio.Event().wait()


def test_it_ends_while_a_lost_connection_is_hung_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "Client", Deaf)

    async def test() -> None:
        cluster = Cluster("tcp://nowhere:1", 1, 1.0)
        cluster.start()
        await settle()
        await asyncio.wait_for(cluster.close(), 5)
        assert Deaf.made == 1

    run(test)


def test_not_more_may_wait_than_is_set() -> None:
    async def test() -> None:
        cluster, _ = connected(1, queue_size=1)
        for _ in range(2):
            cluster.submit(part(), FOREVER)
        with pytest.raises(Busy, match="waiting already: 1"):
            cluster.submit(part(), FOREVER)
        await cluster.close()

    run(test)


def test_a_part_of_another_version_is_not_opened() -> None:
    assert pickle.loads(run_part("other", b"no pickle", 1.0, 1.0)) == (STRANGER, None)
    assert len(fingerprint()) == 64


def test_without_the_setting_nothing_of_dask_is_loaded() -> None:
    program = (
        "import sys; from app.main import create_app; from app.settings import Settings;"
        "create_app(Settings());"
        "sys.exit(any(m.split('.')[0] in ('dask', 'distributed') for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
