"""A kernel is compiled once: for other lengths, for many clients at once, and across a restart."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.app.test_lifecycle import eventually
from tests.conftest import READY_TIMEOUT_S, ROOT, STOP_TIMEOUT_S, LiveServer, StartServer
from tests.examples import (
    GAUSSIAN_50,
    HISTOGRAM,
    XY_ERRORS,
    Body,
    fitted,
    gaussian_bins,
    points,
    polynomial,
    refused,
    replaced,
)
from tests.serving import free_port, launch, wait_ready

CLIENTS = 8


def compiles(server: LiveServer) -> float:
    """How often a kernel was compiled; to load one from disk is no compiling."""
    return server.metric("fit_kernel_compiles_total")


@dataclass
class ColdCache:
    """A server whose compile cache nobody else has filled, and the settings to start it again."""

    server: LiveServer
    settings: dict[str, Any]


@pytest.fixture(scope="module")
def cold(
    start_server: StartServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ColdCache]:
    folder: Path = tmp_path_factory.mktemp("cold")
    settings = {"data_dir": folder / "data", "FIT_KERNEL_CACHE_DIR": folder / "kernels"}
    with start_server(**settings) as server:
        yield ColdCache(server, settings)


@pytest.mark.parametrize(
    ("path", "first", "second"),
    [
        (HISTOGRAM, replaced(gaussian_bins(40), ("/model", polynomial(4))), None),
        (HISTOGRAM, gaussian_bins(1000), gaussian_bins(900)),
        (XY_ERRORS, points(30, degree=4), points(20, degree=4)),
    ],
    ids=["histogram", "long-histogram", "points"],
)
def test_another_length_in_the_same_bucket_compiles_nothing(
    server: LiveServer, path: str, first: Body, second: Body | None
) -> None:
    # 40 and 60, 1000 and 900, 30 and 20: one bucket each, if buckets are powers of two.
    second = second or replaced(gaussian_bins(60), ("/model", polynomial(4)))
    fitted(server.client.post(path, json=first))
    before = compiles(server)
    answer = fitted(server.client.post(path, json=second))
    assert answer["kernel"]["cache"] == "memory"
    assert compiles(server) == before
    fit_id = answer["fit_id"]
    name, value = next(iter(answer["values"].items()))
    query = {"fit_id": fit_id, "at": f"{name}:{value + abs(value) / 100!r}"}
    fitted(server.client.get("/covariance", params=query))
    assert compiles(server) == before


def test_other_numbers_in_the_request_compile_nothing(server: LiveServer) -> None:
    # MINOS needs a function more, whatever the numbers
    fitted(server.client.post(HISTOGRAM, json=replaced(GAUSSIAN_50, ("/minos", True))))
    before = compiles(server)
    for changes in (
        [("/parameters/mu", 0.25)],
        [("/parameters/mu", {"start": 1, "limits": [-2, 2]})],
        [("/parameters/mu", {"start": 0, "fixed": True})],
        [("/parameters/mu", {"constraint": {"value": 0, "sigma": 0.1}})],
        [("/fit_range", [-4, 4])],  # more than 32 bins, as before
        [("/minos", True)],
        [("/histogram/counts/0", 2.5)],
    ):
        answer = fitted(server.client.post(HISTOGRAM, json=replaced(GAUSSIAN_50, *changes)))
        assert answer["kernel"]["cache"] == "memory", changes
    assert compiles(server) == before


def test_concurrent_first_requests_compile_once(cold: ColdCache) -> None:
    server = cold.server
    before = compiles(server)
    alone = fitted(server.client.post(XY_ERRORS, json=points(30, degree=8)))
    assert alone["kernel"]["cache"] == "compiled"
    # How many kernels a model needs is the service's business: once more is what must not be.
    needed = compiles(server) - before
    assert needed > 0
    bodies = [points(30, degree=7, seed=seed) for seed in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        replies = list(pool.map(lambda body: server.client.post(XY_ERRORS, json=body), bodies))
    tiers = [fitted(reply)["kernel"]["cache"] for reply in replies]
    assert compiles(server) == before + 2 * needed
    assert "compiled" in tiers
    again = fitted(server.client.post(XY_ERRORS, json=bodies[0]))
    assert again["kernel"]["cache"] == "memory"


# The last test on `cold`, as it ends that server.
def test_a_restart_finds_the_kernel_on_disk(cold: ColdCache, start_server: StartServer) -> None:
    body = points(30, degree=6)
    fitted(cold.server.client.post(XY_ERRORS, json=body))
    assert cold.server.stop() == 0
    with start_server(**cold.settings) as restarted:
        before = compiles(restarted)
        answer = fitted(restarted.client.post(XY_ERRORS, json=body))
        assert answer["kernel"]["cache"] in ("memory", "disk")
        assert compiles(restarted) == before


@pytest.mark.slow  # a minute, in which the usual kernels are compiled
def test_what_was_used_before_a_restart_is_loaded_after_it(
    start_server: StartServer, tmp_path: Path
) -> None:
    body = points(30, degree=5)
    settings = {"FIT_WORKERS": 1, "FIT_WARM": True, "FIT_WARM_LIBRARY": False}
    settings["FIT_KERNEL_CACHE_DIR"] = tmp_path / "kernels"  # else it is warm when all tests' are
    for expected in (("compiled",), ("memory",)):
        with start_server(tmp_path, **settings) as server:
            assert fitted(server.client.post(XY_ERRORS, json=body))["kernel"]["cache"] in expected


def test_when_it_says_that_it_is_ready_its_workers_have_what_is_used_most(
    shared_folder: Path, tmp_path: Path
) -> None:
    """And say so until then; what comes meanwhile is answered after it."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    settings = {
        "FIT_PORT": port,
        "FIT_DATA_DIR": tmp_path,
        "FIT_KERNEL_CACHE_DIR": shared_folder / "kernels",
        "FIT_WORKERS": 2,
        "FIT_WARM_LIBRARY": False,
    }
    server = launch([sys.executable, "-m", "app"], ROOT, settings, None)
    try:
        with httpx.Client(base_url=url, timeout=120) as client:
            assert eventually(lambda: answers(client), 60)
            early = refused(client.get("/readyz"), 503)
            assert early["type"] == "/problems/not-ready"
            wait_ready(server, client, READY_TIMEOUT_S, warm=False)
            body = gaussian_bins(20)
            with ThreadPoolExecutor(2) as pool:
                both = list(pool.map(lambda _: client.post(HISTOGRAM, json=body), range(2)))
            assert {fitted(reply)["kernel"]["cache"] for reply in both} == {"memory"}
    finally:
        server.terminate()
        server.wait(STOP_TIMEOUT_S)


def answers(client: httpx.Client) -> bool:
    """Whether the server takes requests."""
    try:
        return client.get("/livez").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
