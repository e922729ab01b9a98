"""What becomes of fits when a server or a worker dies, a client leaves, or there are too many."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import httpx
import numpy as np
import psutil
import pytest

from tests.conftest import STOP_TIMEOUT_S, LiveServer, StartServer
from tests.examples import (
    DECAY,
    GAUSSIAN_50,
    HISTOGRAM,
    STRAIGHT_LINE,
    XY_ERRORS,
    Body,
    fitted,
    gaussian_bins,
    histogram_body,
    refused,
)

PEAKS = 12
SLOW_BINS = 80_000
QUICK = ((HISTOGRAM, GAUSSIAN_50), (HISTOGRAM, DECAY), (XY_ERRORS, STRAIGHT_LINE))


@cache
def slow_request() -> Body:
    """A fit of some seconds, compiled or not: many bins times many parameters.

    On a slow machine it need not end by itself.
    """
    rng = np.random.default_rng(6)
    centres = np.arange(1, PEAKS + 1) * SLOW_BINS / (PEAKS + 1)
    sample = rng.normal(np.repeat(centres, 20_000), SLOW_BINS / 60)
    model = {"sum": [{"name": "gaussian", "prefix": f"p{i}_"} for i in range(PEAKS)]}
    body = histogram_body(sample, np.arange(SLOW_BINS + 1), model)
    # Off by a width each, or equal components would start on top of each other.
    body["parameters"] = {
        f"p{i}_{name}": start
        for i, centre in enumerate(centres)
        for name, start in (
            ("amp", 10_000.0),
            ("mu", float(centre + SLOW_BINS / 60)),
            ("sigma", SLOW_BINS / 40),
        )
    }
    return body | {"deadline_s": 3}


def post_slow(server: LiveServer) -> httpx.Response:
    return server.client.post(HISTOGRAM, json=slow_request())


def is_worker(child: psutil.Process) -> bool:
    try:
        # multiprocessing keeps a helper beside the processes that fit.
        return alive(child) and "resource_tracker" not in " ".join(child.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


def workers(server: LiveServer) -> list[psutil.Process]:
    children = psutil.Process(server.process.pid).children(recursive=True)
    return [child for child in children if is_worker(child)]


def busiest(server: LiveServer) -> psutil.Process:
    def used(process: psutil.Process) -> float:
        times = process.cpu_times()
        return float(times.user + times.system)

    before = {process: used(process) for process in workers(server)}
    time.sleep(0.5)
    return max(workers(server), key=lambda process: used(process) - before.get(process, 0.0))


def alive(process: psutil.Process) -> bool:
    return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)


def eventually(true: Callable[[], bool], within_s: float) -> bool:
    end = time.monotonic() + within_s
    while not (done := true()) and time.monotonic() < end:
        time.sleep(0.1)
    return done


@pytest.fixture(scope="module")
def narrow(start_server: StartServer) -> Iterator[LiveServer]:
    with start_server(FIT_WORKERS=1, FIT_QUEUE_SIZE=1) as server:
        yield server


def test_an_id_that_was_sent_survives_kill_9(start_server: StartServer) -> None:
    with start_server() as first:
        orphans = workers(first)
        assert orphans
        answers = [fitted(first.client.post(path, json=body)) for path, body in QUICK]
        first.kill()
        # A worker without a server would keep its memory until the machine is restarted.
        assert eventually(lambda: not any(alive(orphan) for orphan in orphans), 30)
    with start_server(data_dir=first.data_dir) as second:
        for answer in answers:
            stored = fitted(second.client.get(f"/fits/{answer['fit_id']}"))
            assert stored["values"] == answer["values"]
            assert stored["covariance"] == answer["covariance"]
            query = {"fit_id": answer["fit_id"]}
            again = fitted(second.client.get("/covariance", params=query))
            np.testing.assert_allclose(
                again["matrix"], answer["covariance"]["matrix"], rtol=1e-9, atol=1e-15
            )


@pytest.mark.alone
def test_sigterm_to_all_processes_lets_a_fit_in_flight_finish(start_server: StartServer) -> None:
    """systemd, supervisor and `timeout` send it to the whole group."""
    with start_server() as server, ThreadPoolExecutor(1) as pool:
        future = pool.submit(post_slow, server)
        time.sleep(0.3)
        assert not future.done(), "the request that should be slow is not"
        os.killpg(server.process.pid, signal.SIGTERM)
        assert server.process.wait(STOP_TIMEOUT_S) == 0
        answer = fitted(future.result())
        assert answer["status"] in ("converged", "deadline")


def test_ctrl_c_is_an_end_and_no_defect(start_server: StartServer) -> None:
    with start_server() as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(30) == 0
        assert "Traceback" not in server.log()


def test_who_will_not_wait_leaves_no_worker_behind(start_server: StartServer) -> None:
    with start_server(FIT_WORKERS=1) as server, ThreadPoolExecutor(1) as pool:
        children = workers(server)
        future = pool.submit(post_slow, server)
        time.sleep(0.3)
        assert not future.done(), "the request that should be slow is not"
        for _ in range(2):
            server.process.send_signal(signal.SIGINT)
            time.sleep(0.1)
        server.process.wait(15)
        assert not any(alive(child) for child in children)
        with contextlib.suppress(httpx.TransportError):
            future.result()


@pytest.mark.alone
def test_a_client_that_hangs_up_stops_its_fit(narrow: LiveServer) -> None:
    start = time.monotonic()
    fitted(post_slow(narrow))
    full = time.monotonic() - start
    assert full > 1, "the request that should be slow is not"
    with pytest.raises(httpx.ReadTimeout):
        narrow.client.post(
            HISTOGRAM, json=slow_request(), timeout=httpx.Timeout(120, read=full / 4)
        )
    # The only worker is free again long before the fit that was left could have ended.
    start = time.monotonic()
    fitted(narrow.client.post(HISTOGRAM, json=GAUSSIAN_50))
    assert time.monotonic() - start < full / 3


@pytest.mark.alone
def test_a_full_queue_says_when_to_come_back(narrow: LiveServer) -> None:
    clients = 8
    with ThreadPoolExecutor(clients) as pool:
        replies = list(pool.map(lambda _: post_slow(narrow), range(clients)))
    turned_away = [reply for reply in replies if reply.status_code != 200]
    assert 0 < len(turned_away) < clients
    for reply in turned_away:
        refused(reply, 503)
        assert int(reply.headers["retry-after"]) >= 1
    # Full is a state and not an end: the next one is served.
    fitted(narrow.client.post(HISTOGRAM, json=GAUSSIAN_50))


@pytest.mark.alone
def test_health_is_answered_while_every_worker_is_busy(narrow: LiveServer) -> None:
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(post_slow, narrow)
        time.sleep(0.3)
        for path in ("/livez", "/metrics", "/limits"):
            assert narrow.client.get(path, timeout=5).status_code == 200
        assert not future.done(), "the request that should be slow is not"
        fitted(future.result())


@pytest.mark.alone
def test_no_fit_is_no_reason_to_wait(start_server: StartServer) -> None:
    with start_server(FIT_WORKERS=1) as server:
        children = workers(server)
        assert children
        start = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - start < 15
        assert not any(alive(child) for child in children)


def test_a_deadline_is_a_status(client: httpx.Client) -> None:
    body = gaussian_bins(20_000, events=100_000) | {"deadline_s": 0.001}
    answer = fitted(client.post(HISTOGRAM, json=body))
    assert answer["valid"] is False
    assert answer["status"] == "deadline"
    assert len(answer["message"].split()) >= 4
    # It is a fit like any other, and can be read again.
    assert fitted(client.get(f"/fits/{answer['fit_id']}"))["status"] == "deadline"


@pytest.mark.alone
def test_a_killed_worker_is_replaced(start_server: StartServer) -> None:
    with start_server() as server, ThreadPoolExecutor(1 + len(QUICK)) as pool:
        before = workers(server)
        slow = pool.submit(post_slow, server)
        time.sleep(0.3)
        victim = busiest(server)
        assert not slow.done(), "the request that should be slow is not"
        victim.kill()
        others = [pool.submit(server.client.post, path, json=body) for path, body in QUICK]
        for reply in (slow.result(), *(other.result() for other in others)):
            if reply.status_code == 200:
                assert reply.json()["message"]
            else:
                refused(reply, 503)
                assert int(reply.headers["retry-after"]) >= 1
        assert any(other.result().status_code == 200 for other in others)
        assert eventually(lambda: len(workers(server)) == len(before), 60)
        assert victim not in workers(server)
        for path, body in QUICK:
            assert fitted(server.client.post(path, json=body))["valid"] is True
        assert server.client.get("/readyz").status_code == 200


@pytest.mark.alone
@pytest.mark.slow
def test_a_hung_worker_is_replaced(start_server: StartServer) -> None:
    with start_server() as server, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(
            server.client.post, HISTOGRAM, json=slow_request() | {"deadline_s": 1}, timeout=300
        )
        time.sleep(0.3)
        victim = busiest(server)
        # A stopped process is alive and answers nothing, as one lost in a compiler is.
        victim.send_signal(signal.SIGSTOP)
        reply = slow.result()
        if reply.status_code == 200:
            assert reply.json()["message"]
        else:
            refused(reply, 503)
        assert eventually(lambda: not alive(victim), 60)
        for path, body in QUICK:
            fitted(server.client.post(path, json=body))
