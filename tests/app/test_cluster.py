"""Batches on a real Dask cluster: one scheduler and two workers, of which some are killed."""

import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.app.dask_cluster import DaskCluster, wait_until
from tests.app.test_batch_http import EDGES, HISTOGRAMS, POINTS, answered, flat, histograms, lines
from tests.conftest import LiveServer, StartServer
from tests.examples import GAUSSIAN_50, HISTOGRAM, Body, fitted, refused
from tests.serving import free_port

pytestmark = pytest.mark.alone

WORKERS = ("first", "second")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, shared_folder: Path) -> Iterator[DaskCluster]:
    with DaskCluster(tmp_path_factory.mktemp("dask"), shared_folder / "kernels") as cluster:
        for name in WORKERS:
            cluster.add_worker(name)
        cluster.wait_for_workers(len(WORKERS))
        yield cluster


@pytest.fixture(scope="module")
def served(start_server: StartServer, cluster: DaskCluster) -> Iterator[LiveServer]:
    with start_server(FIT_DASK_SCHEDULER=cluster.address, FIT_WORKERS=1) as server:
        wait_for_threads(server, len(WORKERS))
        yield server


def wait_for_threads(server: LiveServer, threads: int) -> None:
    wait_until(lambda: server.metric("fit_cluster_threads") == threads, f"{threads} threads")


def parts(server: LiveServer) -> float:
    return server.metric("fit_cluster_answered_total")


def many(rows: int) -> Body:
    """Histograms of which no two have the same mean."""
    rng = np.random.default_rng(1)
    centres, mu = (EDGES[1:] + EDGES[:-1]) / 2, np.linspace(-1, 1, rows)[:, None]
    counts = rng.poisson(400 * np.exp(-0.5 * (centres - mu) ** 2))
    return {"edges": EDGES.tolist(), "counts": counts.tolist(), "model": "gaussian"}


def assert_same(one: Body, other: Body) -> None:
    assert one["rows"] == other["rows"]
    assert one["status"] == other["status"]
    for name in one["parameters"]:
        np.testing.assert_allclose(one["values"][name], other["values"][name], 1e-8, 1e-10)
        np.testing.assert_allclose(one["errors"][name], other["errors"][name], 2e-5)


@pytest.mark.parametrize(
    ("path", "body"), [(HISTOGRAMS, histograms(300)), (POINTS, lines(100) | {"x_err": 0.05})]
)
def test_the_cluster_answers_as_local_workers_do(
    client: httpx.Client, served: LiveServer, path: str, body: Body
) -> None:
    before = parts(served)
    assert_same(
        answered(served.client.post(path, json=body)), answered(client.post(path, json=body))
    )
    assert parts(served) > before
    assert served.client.get("/readyz").json()["cluster"] == "2 threads of 2 workers"


def test_a_formula_goes_to_the_cluster_once_it_is_compiled_here(served: LiveServer) -> None:
    body = lines() | {"model": {"formula": "a + b*sqrt(x + 17)"}}
    before = parts(served)
    assert answered(served.client.post(POINTS, json=body))["kernel"]["cache"] != "memory"
    assert parts(served) == before
    answered(served.client.post(POINTS, json=body))
    assert parts(served) > before


def test_a_client_that_hangs_up_stops_its_parts(served: LiveServer, cluster: DaskCluster) -> None:
    before = parts(served)
    with pytest.raises(httpx.ReadTimeout):
        served.client.post(HISTOGRAMS, json=flat(5000), timeout=httpx.Timeout(60, read=3))
    wait_until(lambda: served.metric("fit_cluster_running") == 0, "nothing sent")
    assert served.metric("fit_cluster_queue_length") == 0
    assert parts(served) > before
    wait_until(lambda: not any(cluster.client.processing().values()), "nothing computed")


def freeze_at_work(cluster: DaskCluster, name: str, reply: "Future[httpx.Response]") -> bool:
    """Stop the worker while it has a part; not if the reply was there before."""
    while not reply.done():
        if cluster.working(name):
            cluster.signal(name, signal.SIGSTOP)
            if cluster.working(name):
                return True
            cluster.signal(name, signal.SIGCONT)
    return False


def test_a_worker_killed_half_way_costs_no_row_and_doubles_none(
    client: httpx.Client, served: LiveServer, cluster: DaskCluster
) -> None:
    body = many(20_000)
    expected = answered(client.post(HISTOGRAMS, json=body))
    answered(served.client.post(HISTOGRAMS, json=body))  # both workers have the kernel
    with ThreadPoolExecutor(1) as pool:
        for _ in range(20):
            before, fits = parts(served), served.metric("fit_fits_total")
            reply = pool.submit(served.client.post, HISTOGRAMS, json=body)
            if freeze_at_work(cluster, "second", reply):
                break
        else:
            pytest.fail("each batch was over before its worker could be stopped")
        cluster.kill("second")
        answer = answered(reply.result())
    assert_same(answer, expected)
    assert parts(served) > before + 1
    assert served.metric("fit_fits_total") == fits + 20_000
    # one that comes is taken in, and nobody had to start anything else
    cluster.add_worker("third")
    wait_for_threads(served, 2)
    assert_same(answered(served.client.post(HISTOGRAMS, json=body)), expected)


def test_without_a_scheduler_batches_are_refused_until_there_is_one(
    start_server: StartServer, tmp_path: Path, shared_folder: Path
) -> None:
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    with start_server(FIT_DASK_SCHEDULER=address, FIT_WORKERS=1) as server:
        problem = refused(server.client.post(HISTOGRAMS, json=histograms(5)), 503)
        assert problem["type"] == "/problems/cluster-away"
        assert fitted(server.client.post(HISTOGRAM, json=GAUSSIAN_50))["valid"]
        wait_until(lambda: f"no scheduler at {address}" in server.log(), "a line in the log")
        assert address in server.client.get("/readyz").json()["cluster"]
        with DaskCluster(tmp_path, shared_folder / "kernels", port) as late:
            wait_until(lambda: "has no workers" in server.log(), "a connection")
            refused(server.client.post(HISTOGRAMS, json=histograms(5)), 503)
            late.add_worker("late")
            wait_for_threads(server, 1)
            answered(server.client.post(HISTOGRAMS, json=histograms(5)))
        assert server.stop() == 0  # a lost scheduler is nothing to wait for
