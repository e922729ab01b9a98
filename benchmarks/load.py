"""How the service bears load, and how its time grows with the size of the data.

`python -m benchmarks.load` takes about two minutes, and `make bench` runs it, too; it writes
results/load.md and load.png. The clients (`clients`) are this process; the service is processes of
its own, on the same machine, so the clients take a part of the cores whose throughput they measure,
a small one.

load      1 to 256 clients, each sends its next fit when it has the answer to the last
overload  fits at five times the throughput found, at fixed times, whatever is answered
size      one client, 10^2 to 10^6 bins or points

Numbers of clients take turns, and so do overload and the number that had the most fits a second:
the machine may be twice as slow a minute later.
"""

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import httpx
import numpy as np
import psutil

from benchmarks import service
from benchmarks.chart import draw_load
from benchmarks.clients import Tally, closed, opened, post
from benchmarks.goals import Found, Goal
from benchmarks.report import RESULTS, surroundings
from benchmarks.service import BODY, Wire
from benchmarks.tables import table

CLIENTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
TURNS = 3
SECONDS = 2.0  # of a turn
OVERLOAD_S = 4.0
OVERLOAD = 5.0
MOST = 800  # connections in an overload: more than are ever in flight
SIZES = (10**2, 10**3, 10**4, 10**5, 10**6)

Name = TypeVar("Name")


def histogram_of(size: int) -> dict[str, Any]:
    edges = np.linspace(-5, 5, size + 1)
    counts = np.random.default_rng(1).poisson(
        1e5 * np.exp(-(((edges[1:] + edges[:-1]) / 2) ** 2) / 2) * np.diff(edges)
    )
    data = {"edges": edges.tolist(), "counts": counts.tolist()}
    return {"histogram": data, "model": "gaussian"}


def points_of(size: int) -> dict[str, Any]:
    x = np.linspace(0, 5, size)
    y = 3 * np.exp(-x / 1.5) + np.random.default_rng(2).normal(0, 0.1, size)
    model = {"formula": "a*exp(-x/tau)"}
    return {"x": x.tolist(), "y": y.tolist(), "x_err": 0.05, "y_err": 0.1, "model": model}


def growth(client: httpx.Client) -> list[list[str]]:
    """Milliseconds of a warm fit, and the memory that it took, by size."""
    rows = []
    wire = Wire(client.base_url)
    for size in SIZES:
        row = [f"{size:,}"]
        for url, make in (("/fit/histogram", histogram_of), ("/fit/xy-errors", points_of)):
            content = json.dumps(make(size)).encode()
            before = resident()
            parts: list[float] = []
            times: list[float] = []
            for number in range(2 if size == SIZES[-1] else 6):
                began = time.perf_counter()
                reply = wire.send("POST", url, content)
                assert reply.answer.get("valid"), reply.answer
                if number:  # the first may compile
                    times.append(1e3 * (time.perf_counter() - began))
                    parts.append(service.server_timing(reply.timing)["minimize"])
            grown = max(0.0, resident() - before)
            row += [f"{np.median(times):.1f}", f"{np.median(parts):.1f}", f"{grown / 2**20:.0f}"]
        rows.append(row)
    return rows


def resident() -> float:
    """Bytes of the server and its workers."""
    servers = [child for child in psutil.Process().children() if "app" in child.cmdline()[-1:]]
    family = [p for server in servers for p in (server, *server.children(recursive=True))]
    return float(sum(p.memory_info().rss for p in family))


def by_turns(contestants: Mapping[Name, Callable[[], Tally]]) -> dict[Name, Tally]:
    """What came back in all turns of each."""
    order, tallies = random.Random(1), dict[Name, Tally]()
    for _ in range(TURNS):
        for name in order.sample(list(contestants), len(contestants)):
            found = contestants[name]()
            tallies[name] = tallies[name] + found if name in tallies else found
    return {name: tallies[name] for name in contestants}


def write(client: httpx.Client, machine: dict[str, str]) -> Found:
    """Measure, and write load.md and load.png."""
    url = client.base_url
    request = post(url, "/fit/histogram", json.dumps(BODY).encode())
    sizes = growth(client)
    closed(2, request, url, SECONDS)
    tallies = by_turns({n: partial(closed, n, request, url, SECONDS) for n in CLIENTS})
    best = max(tallies, key=lambda clients: tallies[clients].rate())
    offered = OVERLOAD * tallies[best].rate()
    loads = by_turns(
        {
            "most": partial(closed, best, request, url, SECONDS),
            "overload": partial(opened, offered, request, url, OVERLOAD_S, MOST),
        }
    )
    alone, most, overload = tallies[1], loads["most"].rate(), loads["overload"]
    statuses = Counter({s: len(times) for s, times in overload.by_status.items()})
    accepted, refused = overload.percentiles(), overload.percentiles(503)
    draw_load(
        {clients: (tally.rate(), *tally.percentiles()) for clients, tally in tallies.items()},
        machine,
        RESULTS / "load.png",
    )
    sections = [
        "# Load and size",
        "Written by `make bench`. The tutorial's fit (1000 bins) over HTTP; clients and service "
        "share the cores. Latencies are seen by the clients.",
        "![throughput and latency against clients](load.png)",
        table(
            ["clients", "fits/s", "of one", "50 %, ms", "95 %, ms", "99 %, ms", "503"],
            [
                [
                    str(clients),
                    f"{tally.rate():.0f}",
                    f"{tally.rate() / alone.rate():.2f}",
                    *(f"{ms:.1f}" for ms in tally.percentiles()),
                    str(len(tally.by_status.get(503, ()))),
                ]
                for clients, tally in tallies.items()
            ],
        ),
        "## Overload",
        f"{offered:.0f} fits/s offered at fixed times, {OVERLOAD:g} times the most found, "
        f"{TURNS} times for {OVERLOAD_S:g} s: {overload.rate():.0f} a second fitted, "
        f"{most:.0f} by {best} clients in turn with it ({overload.rate() / most:.2f}); "
        f"answers by status {dict(sorted(statuses.items()))}. Latency of what was accepted "
        f"{accepted[0]:.0f} ms (50 %), {accepted[1]:.0f} ms (95 %), of the refusals "
        f"{refused[0]:.0f} ms and {refused[1]:.0f} ms.",
        "## Size",
        "Warm fits by one client: a Gaussian in bins, and a formula of two parameters in points "
        "with errors in x and y. *Fit* is the worker's own time, memory what server and workers "
        "had grown by.",
        table(
            [
                "bins or points",
                *("histogram, ms", "fit, ms", "memory, MB"),
                *("points, ms", "fit, ms", "memory, MB"),
            ],
            sizes,
        ),
        "## The machine",
        table(["", ""], [[name, value] for name, value in machine.items()]),
    ]
    text = "\n\n".join(sections) + "\n"
    (RESULTS / "load.md").write_text(text)
    grown, largest = (float(sizes[row][1]) for row in (SIZES.index(10**4), -1))
    goals = [
        Goal(
            f"{CLIENTS[-1]} clients / the best number of clients, fits a second",
            tallies[CLIENTS[-1]].rate() / tallies[best].rate(),
            0.9,
            at_least=True,
        ),
        Goal(
            "five times too much / the most, fits a second",
            overload.rate() / most,
            0.9,
            at_least=True,
        ),
        Goal("time of 10^6 bins / 100 times that of 10^4", largest / (100 * grown), 1.2),
    ]
    return Found(text, goals)


def main() -> None:
    machine = surroundings()
    with service.served() as client:
        print(write(client, machine).text)


if __name__ == "__main__":
    main()
