"""The tutorial's fit by the service, from the same far start, exact covariance included.

In process: `fitting.fit.fit`, the problem made anew for each fit. Over HTTP: a live
`python -m app` of its own, one connection that is kept alive, validation, storage and the
`fit_id` included; the client has read the answer's JSON before its time is taken.
"""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import jax
import numpy as np

from benchmarks.measure import Computed, Contestant, Measured
from benchmarks.tutorial import NAMES, START, n, xe
from fitting.data import Histogram
from fitting.fit import fit
from fitting.kernels.cache import KernelCache
from fitting.kernels.functions import Function
from fitting.objective import Objective
from fitting.padding import Floats
from fitting.problem import FitProblem, Knowledge
from fitting.result import FitResult
from models.registry import SHAPES

ROOT = Path(__file__).resolve().parents[1]
READY_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 30.0
REPEATED = 300

IN_PROCESS = "service, in process"
OVER_HTTP = "service, over HTTP"
WITH_HTTPX = "service, over HTTP, httpx with json="
NOTHING_FREE = "service, over HTTP, all fixed (floor)"
FLOOR = "GET /livez (floor)"

BODY = {
    "histogram": {"edges": xe.tolist(), "counts": n.tolist()},
    "model": "gaussian",
    "parameters": dict(zip(NAMES, map(float, START), strict=True)),
}
FIXED = BODY | {
    "parameters": {
        name: {"start": float(s), "fixed": True} for name, s in zip(NAMES, START, strict=True)
    }
}
JSON = {"Content-Type": "application/json"}


def evaluations_ms() -> float:
    """What the compiled evaluations of this fit take when they are called in a row, alone."""
    kernels, calls, plain = KernelCache(), list[Any](), Objective._call
    fit(problem(), kernels)

    def recorded(objective: Objective, name: Function, params: Floats, vector: Any) -> Any:
        found = plain(objective, name, params, vector)
        calls.append((objective._functions[name], params.copy(), vector))
        return found

    with mock.patch.object(Objective, "_call", recorded):
        fit(problem(), kernels)

    def again() -> None:
        for function, *arguments in calls:
            jax.block_until_ready(function(*arguments))

    return 1e3 * float(np.median(timeit.repeat(again, number=1, repeat=REPEATED)))


def problem() -> FitProblem:
    """The question that BODY asks."""
    knowledge = tuple(Knowledge(start=float(start)) for start in START)
    return FitProblem(SHAPES["gaussian"](), Histogram(xe, n.astype(float)), knowledge)


@dataclass(frozen=True)
class Reply:
    """Status, Server-Timing and JSON of an answer."""

    status: int
    timing: str
    answer: dict[str, Any]


class Wire:
    """A connection that is kept alive, by the standard library's client, the leanest at hand."""

    def __init__(self, url: httpx.URL):
        self._connection = http.client.HTTPConnection(url.host, url.port or 80, timeout=60)
        self.close = self._connection.close

    def send(self, method: str, path: str, content: bytes | None = None) -> Reply:
        """The reply; anew where the server has hung up, as it does after some idle seconds."""
        try:
            return self._send(method, path, content)
        except ConnectionError:
            self._connection.close()
            return self._send(method, path, content)

    def _send(self, method: str, path: str, content: bytes | None) -> Reply:
        self._connection.request(method, path, content, JSON)
        response = self._connection.getresponse()
        answer = json.loads(response.read())
        return Reply(response.status, response.getheader("server-timing", ""), answer)


def contestants(client: httpx.Client) -> list[Contestant]:
    """The fit in process and over HTTP, and what a request costs that fits nothing."""
    kernels, wire = KernelCache(), Wire(client.base_url)

    def post(body: dict[str, Any]) -> Callable[[], Reply]:
        encoded = json.dumps(body).encode()
        return lambda: wire.send("POST", "/fit/histogram", encoded)

    def post_with_httpx() -> Reply:
        response = client.post("/fit/histogram", json=BODY)
        return Reply(response.status_code, response.headers["server-timing"], response.json())

    return [
        Contestant(IN_PROCESS, "service", lambda: fit(problem(), kernels), read_result),
        Contestant(OVER_HTTP, "service", post(BODY), read_reply),
        Contestant(WITH_HTTPX, "service", post_with_httpx, read_reply),
        Contestant(NOTHING_FREE, "floor", post(FIXED), read_nothing),
        Contestant(FLOOR, "floor", lambda: wire.send("GET", "/livez"), read_nothing),
    ]


def read_result(result: FitResult) -> Computed:
    if not result.valid:
        raise RuntimeError(f"in process: {result.message}")
    effort = result.effort
    return Computed(
        values=dict(zip(NAMES, map(float, result.values), strict=True)),
        errors=dict(zip(NAMES, result.errors, strict=True)),
        notes=described(effort.nfcn, effort.nhess),
        parts={"minimize": 1e3 * effort.minimize_s, "covariance": 1e3 * effort.covariance_s},
    )


def read_reply(reply: Reply) -> Computed:
    answer = reply.answer
    if reply.status != httpx.codes.OK or not answer["valid"]:
        raise RuntimeError(f"over HTTP: {answer}")
    spent = answer["minimizer"]
    return Computed(
        values=answer["values"],
        errors=answer["errors"],
        notes=described(spent["nfcn"], spent["nhess"]),
        parts=server_timing(reply.timing),
    )


def read_nothing(reply: Reply) -> Computed:
    if reply.status != httpx.codes.OK:
        raise RuntimeError(f"over HTTP: {reply.status}")
    return Computed(notes="nothing is fitted")


def described(nfcn: int, nhess: int) -> str:
    return f"{nfcn} costs with gradient, {nhess} with Hessian; covariance exact"


def server_timing(header: str) -> dict[str, float]:
    """Milliseconds by name, of the header `Server-Timing: queue;dur=0.1, ...`."""
    entries = [entry.strip().split(";dur=") for entry in header.split(",")]
    return {entry[0]: float(entry[1]) for entry in entries if len(entry) == 2}


def around(http: Measured) -> float:
    """Median milliseconds of a request that are not the fit: parse, queue, store, encode, HTTP."""
    return http.without("minimize", "covariance")


def breakdown(
    http: Measured, nothing: Measured, floor: Measured, barest: Measured
) -> dict[str, float]:
    """Where the time of a request goes, in the order in which it meets them."""
    told = {
        "minimize: starting values, descent, proof": "minimize",
        "covariance: the exact Hessian, inverted": "covariance",
        "compile": "compile",
        "queue: waiting for a worker": "queue",
        "total: from the parsed request to the answer, before it is encoded and stored": "total",
    }
    return {
        **{what: http.part(name) for what, name in told.items()},
        "wall time less total: HTTP, parse, encode, store, and the client": http.without("total"),
        "around the fit: wall time less minimize and covariance": around(http),
        "the same request with all parameters fixed, so that nothing is fitted": nothing.median,
        "a round trip of GET /livez": floor.median,
        "the same request to the barest service that there can be": barest.median,
    }


@contextlib.contextmanager
def served(
    given: Path | None = None, *, warm: bool = True, **settings: str
) -> Iterator[httpx.Client]:
    """A client on a server of its own, which keeps its data in a folder that goes with it.

    Or in one that is `given`. It is `warm`, or just ready.
    """
    with tempfile.TemporaryDirectory(prefix="fit-bench-") as scratch:
        port, folder = free_port(), given or Path(scratch)
        log = folder / "server.log"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("FIT_")}
        environment |= {"FIT_PORT": str(port), "FIT_DATA_DIR": str(folder / "data")}
        environment |= {"FIT_WARM_LIBRARY": "false"}  # nothing goes on beside what is measured
        environment |= settings
        with log.open("wb") as out:
            server = subprocess.Popen(
                [sys.executable, "-m", "app"], cwd=ROOT, env=environment, stdout=out, stderr=out
            )
        url = f"http://127.0.0.1:{port}"
        try:
            # trust_env: a proxy of the surroundings has no business with 127.0.0.1
            with httpx.Client(base_url=url, timeout=60.0, trust_env=False) as client:
                wait_ready(server, client, log, warm=warm)
                yield client
        finally:
            server.terminate()
            try:
                server.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_ready(
    server: "subprocess.Popen[bytes]", client: httpx.Client, log: Path, *, warm: bool
) -> None:
    """Until /readyz says so, or even that the usual kernels are loaded."""
    end = time.monotonic() + READY_TIMEOUT_S
    while server.poll() is None and time.monotonic() < end:
        with contextlib.suppress(httpx.TransportError):
            response = client.get("/readyz")
            if response.status_code == httpx.codes.OK and response.json()["warm"] >= warm:
                return
        time.sleep(0.05)
    raise RuntimeError(f"the server did not come up:\n{log.read_text(errors='replace')[-2000:]}")


def fit_id(client: httpx.Client) -> str:
    """One stored fit to ask about."""
    answer: dict[str, Any] = client.post("/fit/histogram", json=BODY).raise_for_status().json()
    return str(answer["fit_id"])
