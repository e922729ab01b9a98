"""Kernels that are made ready before clients ask for them, in the background of an open service.

used      what the latest stored fits needed, the most frequent first
usual     a few shapes at usual lengths
library   every shape once

A service is ready before any of this: a kernel that is not there yet is made on demand. What
clients wrote, and the library, is compiled by the workshop first. Large or slow fits are not done
again for their kernels, and those that failed never: what killed a process once would do so again.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic_core import from_json

from app.catalogue import catalogue, example_histogram, example_points
from app.errors import Problem
from app.schemas.requests import REQUESTS, HistogramRequest, PointsRequest
from app.service import Service
from app.settings import Settings
from app.store.store import StoredFit
from app.translation.problem import to_problem
from app.workers.tasks import WarmTask
from fitting.problem import FitProblem

USUAL = ("gaussian", "exponential", "polynomial")
BINS = (20, 50, 100, 1000)
POINTS = (20, 50)
LATEST = 1000  # stored fits that are looked at
LONGEST = 2**17  # bytes of a request: some thousand bins
SLOWEST_MS = 1000.0
MOST_USED = 100  # kernels of these that are made ready

logger = logging.getLogger("fit.warm")


async def warm_up(service: Service) -> None:
    """All of it; where that fails, kernels are made when clients ask for them."""
    try:
        await _warm_up(service)
    except Exception:  # a folder that cannot be written, a store that does not answer
        logger.exception("kernels cannot be made ready ahead of clients")
        service.pool.warm(())


async def _warm_up(service: Service) -> None:
    settings, pool = service.settings, service.pool
    if not settings.warm:
        pool.warm(())
        return
    latest = await service.store.latest(LATEST, LONGEST)
    usual = await service.prepared.get(usual_requests)
    pool.warm(await asyncio.to_thread(first_tasks, latest, usual, settings))
    # a new installation is soon asked for it, after a first fit or two
    library = await service.prepared.get(catalogue) if settings.warm_library else {}
    while not pool.is_warm:
        await asyncio.sleep(1)
    pool.warm_after(await asyncio.to_thread(library_tasks, library.values(), settings))


def first_tasks(
    latest: Iterable[StoredFit], usual: Iterable[Any], settings: Settings
) -> Sequence[WarmTask]:
    """Of what was used and what is usual, each kernel once."""
    problems = [*used(latest, settings), *to_problems(usual, settings)]
    return [WarmTask(p) for p in {p.kernel_key: p for p in reversed(problems)}.values()][::-1]


def used(latest: Iterable[StoredFit], settings: Settings) -> list[FitProblem]:
    """Problems with the most frequent kernels of these fits."""
    found = to_problems(((f.kind, f.request) for f in latest if was_easy(f)), settings)
    often = Counter(problem.kernel_key for problem in found).most_common(MOST_USED)
    by_kernel = {problem.kernel_key: problem for problem in found}
    return [by_kernel[key] for key, _ in often]


def was_easy(fit: StoredFit) -> bool:
    """Whether it converged, and soon."""
    answer = from_json(fit.answer)
    return bool(answer["valid"]) and answer["timing_ms"]["minimize"] < SLOWEST_MS


def usual_requests() -> list[tuple[str, dict[str, Any]]]:
    """Shapes that most clients need, each with its kind."""
    histograms = [example_histogram(name, bins) for name in USUAL for bins in BINS]
    points = [example_points(name, size) for name in USUAL for size in POINTS]
    exact = [{k: v for k, v in request.items() if k != "x_err"} for request in points]
    return [
        *((HistogramRequest.kind, request) for request in histograms),
        *((PointsRequest.kind, request) for request in (*points, *exact)),
    ]


def library_tasks(entries: Iterable[Any], settings: Settings) -> Sequence[WarmTask]:
    """Each shape's example, as a histogram."""
    example = "POST /fit/histogram"
    requests = [(HistogramRequest.kind, entry["examples"][example]) for entry in entries]
    return [WarmTask(problem) for problem in to_problems(requests, settings)]


def to_problems(requests: Iterable[Any], settings: Settings) -> list[FitProblem]:
    """Of kinds and requests, objects or JSON; those beyond today's limits are left out."""
    found = []
    for kind, request in requests:
        schema = REQUESTS[kind]
        try:
            if isinstance(request, bytes):
                asked = schema.model_validate_json(request)
            else:
                asked = schema.model_validate(request, strict=False)
            found.append(to_problem(asked, settings))
        except (Problem, ValueError):
            continue
    return found
