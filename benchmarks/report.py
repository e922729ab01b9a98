"""What was measured: Markdown for people, JSON for programs, and the bar chart."""

import importlib.metadata
import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import service
from benchmarks.chart import draw
from benchmarks.goals import Found, Goal
from benchmarks.measure import Measured, Results
from benchmarks.tables import markdown

RESULTS = Path(__file__).parent / "results"
JAX_THREADS = ("PJRT_NPROC", "XLA_FLAGS")
PACKAGES = ("jax", "jaxlib", "iminuit", "numba", "numba-stats", "numpy", "fastapi", "httpx")


def write(
    fits: Results, matrices: Results, goals: Sequence[Goal], machine: dict[str, str]
) -> Found:
    """Write tutorial.md, .json and .png; the Markdown is returned for the terminal."""
    RESULTS.mkdir(exist_ok=True)
    text = markdown(fits, matrices, [goal.row() for goal in goals], machine)
    (RESULTS / "tutorial.md").write_text(text)
    record = {
        "machine": machine,
        "goals": [asdict(goal) | {"met": goal.met} for goal in goals],
        "fits": [as_record(m) for m in fits.values()],
        "covariance": [as_record(m) for m in matrices.values()],
    }
    (RESULTS / "tutorial.json").write_text(json.dumps(record, indent=1) + "\n")
    shown = [m for m in fits.values() if m.group == "tutorial"]
    shown += [fits[service.IN_PROCESS], fits[service.OVER_HTTP]]
    draw(shown, machine, RESULTS / "tutorial.png")
    return Found(text, list(goals))


def surroundings() -> dict[str, str]:
    """The machine, the versions and the date."""
    packages = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {
        "CPU": cpu_model(),
        "cores": str(os.cpu_count()),
        "load before the run": f"{os.getloadavg()[0]:.1f}",
        **{name: os.environ[name] for name in JAX_THREADS if name in os.environ},
        "Python": platform.python_version(),
        **packages,
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def cpu_model() -> str:
    """What the kernel calls it, where it says so."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def as_record(measured: Measured) -> dict[str, Any]:
    """One contestant for programs."""
    low, median, high = measured.quartiles
    return {
        "name": measured.name,
        "group": measured.group,
        "runs": len(measured.times),
        "median_ms": median,
        "first_of_a_turn_ms": statistics.median(measured.first) if measured.first else None,
        "quartiles_ms": [low, high],
        "parts_ms": {name: measured.part(name) for name in measured.parts},
        "values": measured.computed.values,
        "errors": measured.computed.errors,
        "notes": measured.computed.notes,
    }
