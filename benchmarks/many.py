"""Many parameters: sums of peaks by the service and by iminuit with Numba.

`python -m benchmarks.many` takes about a minute, and `make bench` runs it, too.

Gaussians side by side in 1000 bins, 3 to 300 parameters, the same counts and the same starts.
The service fits in process, exact covariance included; Minuit minimises the same cost, compiled
by Numba, with numerical gradients at strategy 0, without a covariance of its own. Everything is
compiled by then. Both take turns in one run; the table has the medians, what was found and how
far apart the two minima are.
"""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np
from iminuit import Minuit
from numba_stats import norm

from benchmarks.goals import Found, Goal
from benchmarks.measure import timed
from benchmarks.report import RESULTS, surroundings
from benchmarks.tables import table
from fitting.data import Histogram
from fitting.fit import fit
from fitting.kernels.cache import KernelCache
from fitting.padding import Floats
from fitting.problem import FitProblem, Knowledge
from models.composition.sum import Sum
from models.model import Model
from models.shapes.gaussian import Gaussian

PEAKS = (1, 3, 10, 20, 50, 100)
EVENTS = 200_000
EDGES = np.linspace(0.0, 100.0, 1001)
SECONDS = 3.0  # of runs of one contestant, after which it has had its turns
MOST_TURNS = 25
GOALS = {60: 10.0, 150: 30.0}  # parameters: times as fast
SAME = 0.01  # difference of two minima that Minuit's tolerance allows


@dataclass(frozen=True)
class Outcome:
    """Median milliseconds, turns, and the minimum that was found."""

    milliseconds: float
    turns: int
    cost: float
    notes: str


@nb.njit
def expected(par: Any) -> Any:
    mu = np.zeros(len(EDGES) - 1)
    for k in range(len(par) // 3):
        mu += par[3 * k] * np.diff(norm.cdf(EDGES, par[3 * k + 1], par[3 * k + 2]))
    return mu


def numba_cost(counts: Floats) -> Callable[[Any], Any]:
    """The Baker-Cousins chi-square."""
    filled = np.where(counts > 0, counts, 1.0)

    @nb.njit
    def cost(par: Any) -> Any:
        mu = expected(par)
        return 2 * np.sum(mu - counts + counts * np.log(filled / (mu + 1e-323)))

    return cost


def question(peaks: int) -> tuple[Floats, Floats]:
    """Counts, and starts about half a width away from the truth."""
    rng = np.random.default_rng(peaks)
    space = 100 / peaks
    truth = np.empty(3 * peaks)
    truth[0::3] = EVENTS / peaks * rng.uniform(0.7, 1.3, peaks)
    truth[1::3] = (np.arange(peaks) + 0.5) * space + rng.normal(0, 0.05 * space, peaks)
    truth[2::3] = 0.25 * space * rng.uniform(0.8, 1.2, peaks)
    starts = truth * (1 + 0.1 * rng.uniform(-1, 1, 3 * peaks))
    starts[1::3] = truth[1::3] + 0.3 * truth[2::3] * rng.uniform(-1, 1, peaks)
    return rng.poisson(expected(truth)).astype(float), starts


def service(counts: Floats, starts: Floats) -> Callable[[], tuple[float, str]]:
    """The fit in process."""
    peaks = len(starts) // 3
    terms = tuple(Gaussian(prefix=f"p{i}_") for i in range(peaks))
    model: Model = terms[0] if peaks == 1 else Sum(terms)
    knowledge = tuple(Knowledge(start=value) for value in starts.tolist())
    kernels = KernelCache()

    def run() -> tuple[float, str]:
        result = fit(FitProblem(model, Histogram(EDGES, counts), knowledge), kernels)
        assert result.cost is not None
        effort = result.effort
        return result.cost, f"{result.status.value}, {effort.nfcn} calls, {effort.nhess} Hessians"

    return run


def peer(counts: Floats, starts: Floats) -> Callable[[], tuple[float, str]]:
    """MIGRAD with numerical gradients on Numba's cost."""
    cost = numba_cost(counts)
    cost(starts)

    def run() -> tuple[float, str]:
        m = Minuit(cost, starts)
        m.errordef = Minuit.LEAST_SQUARES
        m.limits = [(0, None), (None, None), (0, None)] * (len(starts) // 3)
        m.strategy = 0
        m.migrad()
        assert m.fval is not None
        return m.fval, f"{'valid' if m.valid else 'not valid'}, {m.nfcn} calls"

    return run


def compare(peaks: int) -> list[Outcome]:
    """Both by turns; a slow one has fewer."""
    counts, starts = question(peaks)
    runs = [service(counts, starts), peer(counts, starts)]
    runs[0]()  # compiles
    times: list[list[float]] = [[], []]
    found = [(0.0, ""), (0.0, "")]
    for _ in range(MOST_TURNS):
        for i, run in enumerate(runs):
            if sum(times[i]) < 1e3 * SECONDS:
                milliseconds, found[i] = timed(run)
                times[i].append(milliseconds)
    return [
        Outcome(statistics.median(own), len(own), *outcome)
        for own, outcome in zip(times, found, strict=True)
    ]


def markdown(results: dict[int, list[Outcome]], machine: dict[str, str]) -> str:
    """The table and the machine."""
    rows = [
        [
            str(parameters),
            f"{ours.milliseconds:.2f} ({ours.turns})",
            f"{theirs.milliseconds:.1f} ({theirs.turns})",
            f"{theirs.milliseconds / ours.milliseconds:.1f}",
            f"{ours.cost:.6f}",
            f"{theirs.cost - ours.cost:+.1e}",
            ours.notes,
            theirs.notes,
        ]
        for parameters, (ours, theirs) in results.items()
    ]
    head = ["parameters", "service, ms", "Numba, ms", "ratio", "minimum", "Numba's minus ours"]
    sections = [
        "# Many parameters: sums of Gaussians",
        "Written by `make bench`. Medians of runs that took turns, in brackets how many. Ours "
        "includes the exact covariance, theirs none.",
        table([*head, "service", "iminuit and Numba"], rows),
        "## The machine",
        table(["", ""], [[name, value] for name, value in machine.items()]),
    ]
    return "\n\n".join(sections) + "\n"


def goals(results: dict[int, list[Outcome]]) -> list[Goal]:
    """Ratios where the minimum is the same; elsewhere there is nothing to compare."""
    return [
        Goal(
            f"{parameters} parameters, iminuit and Numba / in process",
            theirs.milliseconds / ours.milliseconds if abs(theirs.cost - ours.cost) < SAME else 0.0,
            GOALS[parameters],
            at_least=True,
        )
        for parameters, (ours, theirs) in results.items()
        if parameters in GOALS
    ]


def write(machine: dict[str, str]) -> Found:
    """Measure and write many.md."""
    results = {3 * peaks: compare(peaks) for peaks in PEAKS}
    text = markdown(results, machine)
    (RESULTS / "many.md").write_text(text)
    return Found(text, goals(results))


if __name__ == "__main__":
    print(write(surroundings()).text)
