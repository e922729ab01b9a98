"""A million histograms through one job: `python -m benchmarks.jobs [rows]`.

Toy histograms of a Gaussian, 50 bins each, are written to a file in slices, sent from there as
NDJSON, and their results read to the end. Meanwhile the memory of all processes of the server is
added up, ten times a second: proportional set size, which counts a page that several share once.
And a visitor sends a single fit ten times a second, to see whether a job keeps others waiting.
"""

import sys
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import httpx
import numpy as np
import psutil
from pydantic_core import to_json

from benchmarks.goals import Found, Goal
from benchmarks.report import RESULTS, surroundings
from benchmarks.service import BODY, Wire, served
from benchmarks.tables import table
from fitting.padding import Floats

WHAT = (
    "Written by `make bench`. Toy histograms of a Gaussian, sent as NDJSON to one "
    "job; the results are followed to the end. The client runs on the same cores. Memory is that "
    "of all processes of the server (proportional set size), its peak. A single fit is one of the "
    "tutorial's 1000 bins over HTTP, sent ten times a second meanwhile."
)
ROWS = 1_000_000
BINS = 50
EVENTS = 1000
SLICE = 10_000
PIECE = 2**18
GOAL_GB = 2.0


def toys(rows: int) -> Iterator[bytes]:
    """The body, some lines at a time."""
    edges = np.linspace(-5, 5, BINS + 1)
    yield to_json({"edges": edges.tolist(), "model": "gaussian"}) + b"\n"
    expected = EVENTS * probabilities(edges)
    rng = np.random.default_rng(1)
    for first in range(0, rows, SLICE):
        counts = rng.poisson(expected, (min(SLICE, rows - first), BINS))
        yield to_json(counts.tolist())[1:-1].replace(b"],[", b"]\n[") + b"\n"


def probabilities(edges: Floats) -> Floats:
    """Of a unit Gaussian, by many midpoints a bin."""
    fine = np.linspace(edges[0], edges[-1], BINS * 100 + 1)
    middle = (fine[1:] + fine[:-1]) / 2
    density = np.exp(-(middle**2) / 2).reshape(BINS, -1).sum(axis=1)
    return np.asarray(density / density.sum())


class Watch(ABC):
    """Looks ten times a second, beside what this thread does."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self.look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            self.look()

    @abstractmethod
    def look(self) -> None:
        """Once."""


class Memory(Watch):
    """The peak of what this process' children have together, and of each of them."""

    def __init__(self) -> None:
        super().__init__()
        self._children = psutil.Process().children(recursive=True)
        self.together = 0
        self.each: dict[int, int] = {}

    def look(self) -> None:
        now = {child.pid: proportional(child) for child in self._children}
        self.together = max(self.together, sum(now.values()))
        for pid, size in now.items():
            self.each[pid] = max(self.each.get(pid, 0), size)


class Visitor(Watch):
    """How long single fits take, in milliseconds."""

    def __init__(self, client: httpx.Client):
        super().__init__()
        self._wire = Wire(client.base_url)
        self._body = to_json(BODY)
        self.times: list[float] = []

    def look(self) -> None:
        began = time.perf_counter()
        reply = self._wire.send("POST", "/fit/histogram", self._body)
        assert reply.status == httpx.codes.OK, reply.answer
        self.times.append(1e3 * (time.perf_counter() - began))

    def __str__(self) -> str:
        most = np.percentile(self.times, [50, 99])
        return f"{most[0]:.0f} ms, {most[1]:.0f} ms, {max(self.times):.0f} ms"


def proportional(process: psutil.Process) -> int:
    """Bytes; 0 for one that has ended."""
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


def pieces(path: Path) -> Iterator[bytes]:
    """A file, bit by bit."""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def read(client: httpx.Client, path: str) -> tuple[int, int, int]:
    """Bytes, lines and valid rows of the results."""
    size = lines = valid = 0
    rest = b""
    with client.stream("GET", path, timeout=None) as response:
        for piece in response.iter_raw():
            size += len(piece)
            whole, newline, rest = (rest + piece).rpartition(b"\n")
            lines += whole.count(b"\n") + len(newline)
            valid += whole.count(b'"valid":true')
    return size, lines, valid


def measure(rows: int) -> Found:
    """What is to be said."""
    with tempfile.TemporaryDirectory() as folder:
        body = Path(folder) / "toys.ndjson"
        with body.open("wb") as file:
            file.writelines(toys(rows))
        sent = body.stat().st_size
        with served() as client, Memory() as memory, Visitor(client) as visitor:
            idle = memory.together
            began = time.perf_counter()
            answer = client.post(
                "/fit/histogram/batch",
                content=pieces(body),
                headers={"Content-Type": "application/x-ndjson", "Prefer": "respond-async"},
                timeout=None,
            )
            assert answer.status_code == httpx.codes.ACCEPTED, answer.text
            taken = time.perf_counter() - began
            received, lines, valid = read(client, answer.json()["links"]["results"])
            total = time.perf_counter() - began
            job = client.get(answer.headers["location"]).json()
    assert job["status"] == "succeeded", job
    pace = sent / taken / 1e6
    assert lines == rows, f"{lines} lines of {rows} rows"
    what = table(
        [f"{rows} histograms of {BINS} bins", ""],
        [
            ["sent", f"{sent / 1e6:.0f} MB"],
            [
                "taken in",
                f"{taken:.1f} s, {rows / taken:.0f} rows/s, {pace:.1f} MB/s",
            ],
            ["fitted and read, after that", f"{total - taken:.1f} s, {received / 1e6:.0f} MB"],
            ["in total", f"{total:.1f} s, {rows / total:.0f} rows/s"],
            ["valid", str(valid)],
            ["a single fit meanwhile: median, 99 %, longest", str(visitor)],
            ["memory before", f"{idle / 1e6:.0f} MB"],
            [
                "memory, at most",
                f"{memory.together / 1e6:.0f} MB",
            ],
            [
                "of each process, at most",
                ", ".join(f"{size / 1e6:.0f}" for size in memory.each.values()) + " MB",
            ],
        ],
    )
    most = Goal(f"memory for {rows:,} histograms in a job", memory.together / 1e9, GOAL_GB, "GB")
    return Found(what, [most])


def write(machine: dict[str, str], rows: int = ROWS) -> Found:
    """Measure and write jobs.md."""
    found = measure(rows)
    parts = ["# Jobs", WHAT, found.text, table(["the machine", ""], [*machine.items()])]
    text = "\n\n".join(parts)
    (RESULTS / "jobs.md").write_text(text + "\n")
    return Found(text, found.goals)


if __name__ == "__main__":
    print(write(surroundings(), *map(int, sys.argv[1:])).text)
