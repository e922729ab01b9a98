"""The goals of the benchmark, and whether this run met them; noise decides no exit code."""

from dataclasses import dataclass

from benchmarks import service, tutorial
from benchmarks.measure import Results

AROUND_MS = 1.5


@dataclass(frozen=True)
class Goal:
    """A number that should be below its limit; milliseconds may also be at it."""

    what: str
    found: float
    limit: float
    unit: str = ""

    @property
    def met(self) -> bool:
        return self.found < self.limit or (self.unit == "ms" and self.found == self.limit)

    @property
    def verdict(self) -> str:
        return "met" if self.met else "not met"


def goals(fits: Results) -> list[Goal]:
    """Ratios of medians from one run, and the time around the fit."""
    in_process, http = fits[service.IN_PROCESS], fits[service.OVER_HTTP]
    variants = [measured for measured in fits.values() if measured.group == "tutorial"]
    fresh = [measured for measured in fits.values() if measured.group == "fresh"]
    jit = fits[tutorial.JIT_WITH_GRADIENT]
    fresh_jit = fits[tutorial.JIT_WITH_GRADIENT + tutorial.FRESH]
    return [
        *(Goal(f"in process / {v.name}", in_process.median / v.median, 1.0) for v in variants),
        Goal(f"over HTTP / {jit.name} in process", http.median / jit.median, 1.0),
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
