"""The goals of the benchmark, and whether this run met them; noise decides no exit code."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from benchmarks import service, tutorial
from benchmarks.measure import Results
from benchmarks.tables import table

AROUND_MS = 1.5
EVALUATIONS = 2.0


@dataclass(frozen=True)
class Goal:
    """A number that should be at most its limit, or at least."""

    what: str
    found: float
    limit: float
    unit: str = ""
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.found >= self.limit if self.at_least else self.found <= self.limit

    def row(self) -> list[str]:
        """What, found, goal, verdict."""
        unit = f" {self.unit}" if self.unit else ""
        return [
            self.what,
            f"{self.found:.3g}{unit}",
            f"{'≥' if self.at_least else '≤'} {self.limit:g}{unit}",
            "met" if self.met else "not met",
        ]


class Found(NamedTuple):
    """A part of the benchmark: what it has to say, and its goals."""

    text: str
    goals: list[Goal]


def goals_table(goals: Iterable[Goal]) -> str:
    return table(["", "found", "goal", ""], [goal.row() for goal in goals])


def tutorial_goals(fits: Results, evaluations_ms: float) -> list[Goal]:
    """Ratios of medians from one run, and the time around the fit.

    `evaluations_ms` is what the compiled evaluations of the service's fit take by themselves.
    """
    in_process, http = fits[service.IN_PROCESS], fits[service.OVER_HTTP]
    variants = [measured for measured in fits.values() if measured.group == "tutorial"]
    fresh = [measured for measured in fits.values() if measured.group == "fresh"]
    jit = fits[tutorial.JIT_WITH_GRADIENT]
    numba = fits[tutorial.NUMBA]
    fresh_jit = fits[tutorial.JIT_WITH_GRADIENT + tutorial.FRESH]
    return [
        *(Goal(f"in process / {v.name}", in_process.median / v.median, 1.0) for v in variants),
        Goal(f"over HTTP / {jit.name} in process", http.median / jit.median, 1.0),
        Goal(f"over HTTP / {numba.name} in process", http.median / numba.median, 1.0),
        Goal(
            "in process / its compiled evaluations", in_process.median / evaluations_ms, EVALUATIONS
        ),
        Goal("around the fit, over HTTP", service.around(http), AROUND_MS, "ms"),
        *(
            Goal(f"stricter: in process / {v.name}", in_process.median / v.median, 1.0)
            for v in fresh
        ),
        Goal(
            f"stricter: over HTTP / {fresh_jit.name} in process",
            http.median / fresh_jit.median,
            1.0,
        ),
    ]
