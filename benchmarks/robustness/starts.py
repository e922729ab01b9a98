"""Random problems of each shape without a start, against the fit that is started at the truth."""

import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fitting.fit import fit
from fitting.kernels.cache import KernelCache
from fitting.kernels.folder import KernelFolder
from fitting.result import FitResult
from tests.oracles.random_problems import draw

SAME = 1e-6  # of the cost, and of one
MOST_DRAWN = 4  # times the problems wanted


@dataclass(frozen=True)
class Row:
    """One shape: how many problems were fitted, how many ended higher than from the truth."""

    name: str
    fitted: int
    lost: tuple[int, ...]
    unsure: int
    median_ms: float
    longest_ms: float


def row(name: str, number: int, folder: str, seed: int) -> Row:
    """Until `number` problems are found that the data resolve and determine, if there are any.

    Compiled kernels are kept in `folder`.
    """
    KernelFolder(Path(folder), 2**33).use()
    kernels = KernelCache()
    rng = np.random.default_rng(seed)
    times: list[float] = []
    lost: list[int] = []
    unsure = 0
    for i in range(MOST_DRAWN * number):
        if len(times) == number:
            break
        problem = draw(name, rng)
        if problem is None:
            continue
        truth = fit(problem.from_truth(), kernels)
        if not truth.valid:
            continue
        began = time.perf_counter()
        own = fit(problem.from_nothing(), kernels)
        times.append(1e3 * (time.perf_counter() - began - own.usage.compile_s))
        if is_higher(own, truth):
            lost.append(i)
        elif not own.valid:
            unsure += 1
    middle, longest = (statistics.median(times), max(times)) if times else (0.0, 0.0)
    return Row(name, len(times), tuple(lost), unsure, middle, longest)


def is_higher(own: FitResult, truth: FitResult) -> bool:
    """Whether the fit without a start missed the minimum."""
    assert truth.cost is not None
    return own.cost is None or own.cost > truth.cost + SAME * (1 + abs(truth.cost))
