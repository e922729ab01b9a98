"""Side-by-side timing: every contestant has its turn in each round, in an order that changes.

A noisy machine then slows all of them alike, so that ratios of medians hold where the times
themselves wobble. A turn is some runs in a row, as timeit makes them. The first of them finds
caches cold and processes asleep, because the others were just there; its time is kept apart. What
a contestant computed is kept beside how long it took. Slow ones take part in every n-th round.
"""

import gc
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Group = Literal["tutorial", "fresh", "service", "floor"]
WARM_UP_RUNS = 3
RUNS_OF_A_TURN = 15


@dataclass(frozen=True)
class Computed:
    """What a contestant found: values and errors by name, `notes` for the table.

    `parts` are milliseconds that the contestant itself told of this run, by name.
    """

    values: dict[str, float] = field(default_factory=dict)
    errors: dict[str, float | None] = field(default_factory=dict)
    notes: str = ""
    parts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Contestant:
    """`run` is timed; `read` then tells what came out of it, untimed.

    Without `hot` a turn is a single run, the one that finds nothing prepared. One that
    `tells_time` runs elsewhere and returns its milliseconds with its outcome.
    """

    name: str
    group: Group
    run: Callable[[], Any]
    read: Callable[[Any], Computed]
    every: int = 1
    hot: bool = True
    tells_time: bool = False


@dataclass
class Measured:
    """The times of one contestant in milliseconds, and its last result."""

    name: str
    group: Group
    times: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    computed: Computed = field(default_factory=Computed)
    parts: dict[str, list[float]] = field(default_factory=dict)

    @property
    def quartiles(self) -> tuple[float, float, float]:
        """Lower quartile, median, upper quartile, in milliseconds."""
        low, middle, high = np.percentile(self.times, (25, 50, 75))
        return float(low), float(middle), float(high)

    @property
    def median(self) -> float:
        return self.quartiles[1]

    def part(self, name: str) -> float:
        """The median of a part that this contestant told of itself."""
        return float(np.median(self.parts[name]))

    def without(self, *names: str) -> float:
        """The median of each run's time less these parts of it."""
        rest = np.array(self.times) - sum(np.array(self.parts[name]) for name in names)
        return float(np.median(rest))

    def add(self, milliseconds: float, computed: Computed) -> None:
        self.times.append(milliseconds)
        self.computed = computed
        for name, part in computed.parts.items():
            self.parts.setdefault(name, []).append(part)


Results = dict[str, Measured]


def measure(contestants: Iterable[Contestant], rounds: int) -> Results:
    """Time them by turns; the results are in the contestants' order."""
    field_ = list(contestants)
    results = {c.name: Measured(c.name, c.group) for c in field_}
    for contestant in field_:
        for _ in range(WARM_UP_RUNS if contestant.hot else 0):
            contestant.read(turn_of(contestant)[1])
    order = random.Random(1)  # seeded: no contestant always follows the same one
    for number in range(rounds):
        turn = [c for c in field_ if number % c.every == 0]
        order.shuffle(turn)
        for contestant in turn:
            measured = results[contestant.name]
            if contestant.hot:
                milliseconds, outcome = turn_of(contestant)
                contestant.read(outcome)
                measured.first.append(milliseconds)
            for _ in range(RUNS_OF_A_TURN if contestant.hot else 1):
                milliseconds, outcome = turn_of(contestant)
                measured.add(milliseconds, contestant.read(outcome))
    return results


def turn_of(contestant: Contestant) -> tuple[float, Any]:
    """Milliseconds and outcome of one run."""
    if contestant.tells_time:
        milliseconds, outcome = contestant.run()
        return milliseconds, outcome
    return timed(contestant.run)


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Milliseconds and outcome; as with timeit, garbage is collected before and after only."""
    gc.disable()
    try:
        began = time.perf_counter()
        outcome = run()
        return 1e3 * (time.perf_counter() - began), outcome
    finally:
        gc.enable()
