"""A chunk's rows through the workers: no deadline for all, but each row's own still holds.

What a job has done is seen, and kept, chunk by chunk. So of a chunk of slow rows only the first are
done, as many as take a while, portion by portion; the others are left for another chunk. So are
those of a portion that takes much longer than rows before it did.
"""

import asyncio
import time
from dataclasses import replace

import numpy as np

from app.batch.dealer import MOST_LOST, Dealer
from app.errors import Busy, ClusterAway
from app.service import Service
from app.workers.paces import Paces
from app.workers.tasks import SLICE_S, BatchTask
from fitting.batch.question import Batch
from fitting.batch.result import COLUMNS, DEADLINE, NUMBERS, UNKNOWN, BatchResult
from fitting.padding import Places

PORTION_S = 5.0  # that a portion should take
LONG_S = 10.0  # after which no other portion is begun
WORTH_KEEPING = 0.9  # of what was done
A_HAND = 16  # rows of a worker; fewer in a portion would leave some idle


async def fit_first(
    service: Service, batch: Batch, allowed_s: float, paces: Paces, job: str, *, covariance: bool
) -> tuple[Batch, BatchResult, float]:
    """The first rows, or all unless they are slow; what is known of them; how long they waited.

    All rows of a `job` have one model and one length; `paces` are those of jobs, rows a second.
    """
    until = time.monotonic() + LONG_S
    done: list[tuple[Places, BatchResult]] = []
    stop, waited_s = 0, 0.0
    while stop < len(batch) and (not done or time.monotonic() < until):
        at = time.monotonic()
        rows = max(A_HAND * hands(service, batch), int(PORTION_S * (paces.of(job) or 0.0)))
        places = np.arange(stop, min(len(batch), stop + rows))
        portion = batch if len(places) == len(batch) else batch.some(places)
        result, queue_s = await fit_rows(service, portion, allowed_s, until, covariance=covariance)
        count = leading(result)
        stop += count
        paces.learn(job, count / max(time.monotonic() - at, 1e-3))
        waited_s = waited_s if done else queue_s
        done.append((places, result))
    if len(done) == 1 and stop == len(batch):
        return batch, result, waited_s
    whole = BatchResult.empty(batch, covariance=covariance)
    for places, result in done:
        whole.put(places, result)
    return batch.some(np.arange(stop)), first_of(whole, stop), waited_s


def leading(result: BatchResult) -> int:
    """How many rows there are before the first that is not done."""
    return len(result.done) if result.done.all() else int(result.done.argmin())


def first_of(result: BatchResult, count: int) -> BatchResult:
    """The same of so many rows only."""
    columns = {name: getattr(result, name)[:count] for name in (*COLUMNS, *NUMBERS)}
    covariance = None if result.covariance is None else result.covariance[:count]
    warnings = {i: codes for i, codes in result.warnings.items() if i < count}
    return replace(result, **columns, covariance=covariance, warnings=warnings)


def hands(service: Service, batch: Batch) -> int:
    """How many workers share these rows."""
    task = task_of(batch)
    return service.executor(task).hands(task)


def turn_s(service: Service, batch: Batch) -> float:
    """Seconds of a worker's turn, which on a cluster is longer."""
    return service.executor(task_of(batch)).slice_s


def task_of(batch: Batch) -> BatchTask:
    """All of its rows, to ask who computes them."""
    return BatchTask(batch, np.zeros(len(batch), dtype=bool), None, False, np.inf)


async def fit_rows(
    service: Service,
    batch: Batch,
    allowed_s: float,
    until: float,
    *,
    covariance: bool,
) -> tuple[BatchResult, float]:
    """All rows, and how long the first waited for a worker.

    If it is past `until` after a round, rows without time are left undone, unless too much would
    have to be done again: what comes after the first of them.

    Rows for which there was no time come again, until a round of `allowed_s` gains nothing (or of a
    worker's turn, if that is longer). That may be our own fault: where a worker was lost, or had to
    compile, up to `MOST_LOST` other rounds follow, with fewer rows in a worker's turn if one was
    lost. They get twice the time each, as does a round after one that waited in vain for a worker:
    each begins at the end of the queue. A cluster that is away is waited for.
    """
    whole = BatchResult.empty(batch, covariance=covariance)
    part, left = batch, np.arange(len(batch))
    queue_s: float | None = None
    patience = round_s = max(allowed_s, turn_s(service, batch))
    most_rows, in_vain = len(batch), 0
    while True:
        dealer = Dealer(service, part, time.monotonic() + patience, covariance, most_rows)
        try:
            result = await dealer.run()
        except (Busy, ClusterAway):
            await asyncio.sleep(SLICE_S)
            continue
        if dealer.queue_s is None:  # the round was over before a worker was free
            patience = _longer(patience, service)
            await asyncio.sleep(SLICE_S)
            continue
        queue_s = dealer.queue_s if queue_s is None else queue_s
        whole.put(left, result)
        late = result.status == DEADLINE
        if not late.any():
            return whole, queue_s
        if time.monotonic() > until and kept_of(whole) > WORTH_KEEPING:
            whole.status[whole.status == DEADLINE] = UNKNOWN
            return whole, queue_s
        if not late.all():
            patience, in_vain = round_s, 0
        elif in_vain < MOST_LOST and (dealer.lost.any() or result.usage.compile_s):
            patience, in_vain = _longer(patience, service), in_vain + 1
            if dealer.lost.any():
                most_rows = max(1, min(most_rows, len(left)) // 2)
        else:
            return whole, queue_s
        # last those of which one may kill its worker, lest the others have none
        left = np.concatenate([left[late & ~dealer.lost], left[late & dealer.lost]])
        part = batch.some(left, whole.resume)


def kept_of(result: BatchResult) -> float:
    """The part of what was done that comes before the first row without time.

    Where rows had to be fitted alone, only they count: to do the others again is nothing.
    """
    done = result.status != DEADLINE
    dear = done & result.alone
    dear = dear if dear.any() else done
    return float(dear[: done.argmin()].sum() / max(dear.sum(), 1))


def _longer(patience: float, service: Service) -> float:
    """Twice the time, up to that of a fit."""
    return max(patience, min(2 * patience, service.settings.deadline_s))
