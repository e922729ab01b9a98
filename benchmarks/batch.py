"""Batches against a loop of iminuit and Numba.

Toy histograms of a Gaussian, 10,000 of 50 bins and 1000 of 1000 bins. The service fits them in
one request over HTTP with JSON, which the client has read before its time is taken; the peer is
the tutorial's fastest variant, numba_stats, a new cost and a new Minuit for each histogram, in one
process, nothing to be parsed. The service gets no starting values; the peer begins once where the
tutorial does and once at each histogram's moments. They take turns, so that a noisy machine slows
all alike.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import msgpack
import numpy as np
from iminuit import Minuit
from iminuit.cost import ExtendedBinnedNLL
from numba_stats import norm
from pydantic_core import from_json, to_json

from app.batch.translate import to_batch
from app.http.headers import MSGPACK
from app.reading.body import parse
from app.schemas.batches import HistogramBatchRequest
from app.settings import Settings
from benchmarks.goals import Found, Goal
from benchmarks.report import RESULTS
from benchmarks.service import Wire, server_timing
from benchmarks.tables import table
from fitting.padding import Floats

WHAT = (
    "Written by `make bench`. Toy histograms of a Gaussian, all in one request over HTTP with "
    "JSON, against a loop of iminuit and numba_stats in one process. Medians of turns."
)
EVENTS = 1000
ROUNDS = 5
T = TypeVar("T")
Start = Callable[[Floats, Any], tuple[float, float, float]]
SHARE = 10  # the loop does a tenth of the rows; its pace is the same for all


@dataclass(frozen=True)
class Case:
    """So many histograms of so many bins; `goal` is the ratio of throughputs aimed at."""

    rows: int
    bins: int
    goal: float


CASES = (Case(10_000, 50, 30.0), Case(1000, 1000, 20.0))


def toys(case: Case) -> tuple[Floats, Any]:
    """Edges, and counts (rows, bins) of unit Gaussians."""
    edges = np.linspace(-5, 5, case.bins + 1)
    rng = np.random.default_rng(1)
    events = rng.normal(size=(case.rows, EVENTS))
    return edges, np.array([np.histogram(row, edges)[0] for row in events])


def scaled_cdf(x: Floats, amp: float, mu: float, sigma: float) -> Floats:
    return amp * norm.cdf(x, mu, sigma)


def moments(edges: Floats, counts: Any) -> tuple[float, float, float]:
    """Where a careful user begins."""
    centers = (edges[1:] + edges[:-1]) / 2
    total = counts.sum()
    mean = counts @ centers / total
    return total, mean, np.sqrt(counts @ (centers - mean) ** 2 / total)


def far(edges: Floats, counts: Any) -> tuple[float, float, float]:
    """Where the tutorial begins."""
    return 1.5 * counts.sum(), 1.0, 2.0


def fit_alone(edges: Floats, counts: Any, start: Start) -> Minuit:
    """One histogram by iminuit and Numba."""
    m = Minuit(ExtendedBinnedNLL(counts, edges, scaled_cdf), *start(edges, counts))
    m.limits["amp", "sigma"] = (0, None)
    m.strategy = 0
    m.migrad()
    return m


def timed(run: Callable[[], T], times: list[float]) -> T:
    """Its outcome; its seconds are added to `times`."""
    began = time.perf_counter()
    outcome = run()
    times.append(time.perf_counter() - began)
    return outcome


def best(run: Callable[[], Any]) -> float:
    """Least seconds of some runs."""
    times: list[float] = []
    for _ in range(ROUNDS):
        timed(run, times)
    return min(times)


def measure(case: Case, client: httpx.Client) -> Found:
    """What is to be said of one case."""
    edges, counts = toys(case)
    some = counts[: case.rows // SHARE]
    wire = Wire(client.base_url)
    body = {"edges": edges.tolist(), "counts": counts.tolist(), "model": "gaussian"}
    raw = json.dumps(body).encode()

    def post() -> tuple[Any, dict[str, float]]:
        reply = wire.send("POST", "/fit/histogram/batch", raw)
        assert reply.status == httpx.codes.OK, reply.answer
        return reply.answer, server_timing(reply.timing)

    array = {"dtype": "<f8", "shape": list(counts.shape), "data": counts.astype("<f8").tobytes()}
    packed = msgpack.packb(body | {"counts": array})
    headers = {"Content-Type": MSGPACK, "Accept": MSGPACK}

    def post_binary() -> Any:
        response = client.post("/fit/histogram/batch", content=packed, headers=headers)
        assert response.status_code == httpx.codes.OK
        return msgpack.unpackb(response.content)

    def loop(start: Start) -> list[Minuit]:
        return [fit_alone(edges, row, start) for row in some]

    peers = loop(moments)
    loop(far)
    for _ in range(4):  # each worker finds its kernel
        answer, _ = post()
    batch_s: list[float] = []
    binary_s: list[float] = []
    moments_s: list[float] = []
    far_s: list[float] = []
    parts = []
    for _ in range(ROUNDS):
        parts.append(timed(post, batch_s)[1])
        timed(post_binary, binary_s)
        timed(lambda: loop(moments), moments_s)
        timed(lambda: loop(far), far_s)
    batch, binary = float(np.median(batch_s)), float(np.median(binary_s))
    near_s, tutorial_s = (SHARE * float(np.median(times)) for times in (moments_s, far_s))
    off = max(
        abs(answer["values"][name][i] - m.values[name]) / answer["errors"][name][i]
        for i, m in enumerate(peers)
        if m.valid
        for name in ("amp", "mu", "sigma")
    )
    request = parse(HistogramBatchRequest, raw)
    spent = {
        "parse": best(lambda: parse(HistogramBatchRequest, raw)),
        "to arrays": best(lambda: to_batch(request, Settings())),
        "fit, in the workers": float(np.median([p["minimize"] for p in parts])) / 1e3,
        "encode": best(lambda: to_json(answer)),
        "read by the client": best(lambda: from_json(to_json(answer))),
    }
    lines = [
        f"{case.rows} histograms of {case.bins} bins",
        f"  service, over HTTP  {1e3 * batch:7.0f} ms, {case.rows / batch:6.0f} fits/s",
        f"  with MessagePack    {1e3 * binary:7.0f} ms, {case.rows / binary:6.0f} fits/s",
        *(
            f"  iminuit and Numba   {1e3 * alone:7.0f} ms, {case.rows / alone:6.0f} fits/s, "
            f"from {where}: ratio {alone / batch:.1f}"
            for where, alone in (("the tutorial's start", tutorial_s), ("moments", near_s))
        ),
        f"  valid: {sum(answer['valid'])}, with the others: {answer['path'].count('batch')}",
        f"  of {len(peers)} peers {sum(m.valid for m in peers)} are valid; their values differ by "
        f"{off:.0e} standard deviations at most",
        *(f"    {what:20} {1e3 * seconds:9.1f} ms" for what, seconds in spent.items()),
    ]
    what = f"batch of {case.rows:,} × {case.bins} bins / iminuit and Numba"
    goals = [
        Goal(f"{what}, from {where}", alone / batch, case.goal, at_least=True)
        for where, alone in (("the tutorial's start", tutorial_s), ("moments", near_s))
    ]
    return Found("\n".join(lines), goals)


def write(client: httpx.Client, machine: dict[str, str]) -> Found:
    """Measure all cases and write batch.md."""
    found = [measure(case, client) for case in CASES]
    cases = [f"```\n{one.text}\n```" for one in found]
    text = "\n\n".join(["# Batches", WHAT, *cases, table(["the machine", ""], [*machine.items()])])
    (RESULTS / "batch.md").write_text(text + "\n")
    return Found(text, [goal for one in found for goal in one.goals])
