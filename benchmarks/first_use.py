"""Start and first use: how long a service takes to be there, and a kernel that nobody used yet.

`python -m benchmarks.first_use` takes some minutes, and `make bench` runs it, too; it writes
results/first_use.md. One service starts on an empty folder, fits new formulas and one example of
each shape of the library, and ends; then some start on what it left, one after the other. Each has
one worker, so that a second fit is a warm one. Times are a client's, over HTTP.
"""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import numpy as np

from app.catalogue import example_histogram
from benchmarks import service
from benchmarks.goals import Found, Goal
from benchmarks.report import RESULTS, surroundings
from benchmarks.service import Wire
from benchmarks.tables import table
from models.registry import SHAPES

X = np.linspace(0.5, 10.25, 40)
FORMULAS = {
    "a*exp(-x/tau) + c": 5 * np.exp(-X / 2.5) + 1,
    "a*sin(2*pi*x/T + p)*exp(-x/d)": 3 * np.sin(2 * np.pi * X / 3 + 0.5) * np.exp(-X / 6),
    "n*gaussian(x, m, s) + b0 + b1*x": 4 * np.exp(-((X - 4) ** 2) / 2) + 1 + 0.2 * X,
}
NOISE = 0.1
TIMES = 5  # warm fits, of which the median counts
RESTARTS = 3  # a life has one first fit; of those, too, the median counts

Fits = dict[str, tuple[float, float]]


@dataclass
class Life:
    """One service's: seconds to readiness and warmth, milliseconds of first and warm fits."""

    ready_s: float = 0.0
    warm_s: float = 0.0
    formulas: Fits = field(default_factory=dict)
    shapes: Fits = field(default_factory=dict)


def live(folder: Path) -> Life:
    """A service from its start to its end."""
    life, began = Life(), time.perf_counter()
    with service.served(folder, FIT_WORKERS="1", warm=False) as client:
        life.ready_s = time.perf_counter() - began
        while not client.get("/readyz").json()["warm"]:
            time.sleep(0.05)
        life.warm_s = time.perf_counter() - began
        wire = Wire(client.base_url)
        for text, truth in FORMULAS.items():
            y = truth + np.random.default_rng(1).normal(0, NOISE, len(X))
            body = {"x": X.tolist(), "y": y.tolist(), "y_err": NOISE, "model": {"formula": text}}
            life.formulas[text] = first_and_warm(wire, "/fit/xy-errors", body)
        for name in SHAPES:
            body = example_histogram(name)
            life.shapes[name] = first_and_warm(wire, "/fit/histogram", body)
    return life


def first_and_warm(wire: Wire, url: str, body: dict[str, Any]) -> tuple[float, float]:
    """Milliseconds of the first fit, and of later ones."""
    content, times = json.dumps(body).encode(), []
    for _ in range(1 + TIMES):
        began = time.perf_counter()
        reply = wire.send("POST", url, content)
        times.append(1e3 * (time.perf_counter() - began))
        assert reply.status == httpx.codes.OK, reply.answer
    return times[0], median(times[1:])


def write(machine: dict[str, str]) -> Found:
    """Measure and write first_use.md."""
    with TemporaryDirectory(prefix="fit-bench-") as folder:
        new = live(Path(folder))
        again = typical([live(Path(folder)) for _ in range(RESTARTS)])
    slowest = max(first for first, _ in new.formulas.values())
    reloaded = max(first for first, _ in again.formulas.values())
    ratios = {name: first / warm for name, (first, warm) in again.shapes.items()}
    typical_ratio = median(ratios.values())
    goals = [
        Goal("start with a warm disk cache, until ready", again.ready_s, 5.0, "s"),
        Goal("a new formula, the first time", slowest / 1e3, 1.0, "s"),
        Goal("the same after a restart", reloaded / 1e3, 0.2, "s"),
        Goal("first fit of a shape after a restart / warm, median", typical_ratio, 2.0),
        Goal("first fit of a shape after a restart / warm, worst", max(ratios.values()), 2.0),
    ]
    starts = [
        [f"until {what}", f"{getattr(new, name):.1f} s", f"{getattr(again, name):.1f} s"]
        for what, name in (("ready", "ready_s"), ("usual and used kernels are loaded", "warm_s"))
    ]
    rows = [
        [what, *(f"{ms:.0f}" for ms in (first, after)), f"{warm:.1f}"]
        for lives in ((new.formulas, again.formulas), (new.shapes, again.shapes))
        for what, (first, _) in lives[0].items()
        for after, warm in [lives[1][what]]
    ]
    sections = [
        "# Start and first use",
        "Written by `make bench`. A service on an empty folder, and the medians of "
        f"{RESTARTS} on what it left. These load that before they are asked: the kernels of all "
        "fits below first, with the usual ones, which are all that an empty folder waits for.",
        table(["", "empty folder", "after a restart"], starts),
        table(["one fit, ms", "first ever", "first after a restart", "warm"], rows),
        "## The machine",
        table(["", ""], [[name, value] for name, value in machine.items()]),
    ]
    text = "\n\n".join(sections) + "\n"
    (RESULTS / "first_use.md").write_text(text)
    return Found(text, goals)


def typical(lives: list[Life]) -> Life:
    """Each number's median."""

    def of(fits: list[Fits]) -> Fits:
        return {
            what: (median(each[what][0] for each in fits), median(each[what][1] for each in fits))
            for what in fits[0]
        }

    return Life(
        median(life.ready_s for life in lives),
        median(life.warm_s for life in lives),
        of([life.formulas for life in lives]),
        of([life.shapes for life in lives]),
    )


if __name__ == "__main__":
    print(write(surroundings()).text)
