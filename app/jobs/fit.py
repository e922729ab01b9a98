"""A chunk's rows through the workers: no deadline for all, but each row's own still holds."""

import asyncio
import time

import numpy as np

from app.batch.dealer import DEADLINE, Dealer
from app.errors import Busy, ClusterAway
from app.service import Service
from app.workers.tasks import SLICE_S
from fitting.batch.question import Batch
from fitting.batch.result import BatchResult


async def fit_rows(
    service: Service, batch: Batch, allowed_s: float, *, covariance: bool
) -> tuple[BatchResult, float]:
    """All rows, and how long the first waited for a worker.

    Rows for which there was no time come again, until a round of `allowed_s` gains nothing (or of a
    worker's turn, if that is longer). A round that waited in vain for a worker gets twice the time
    the next time: each begins at the end of the queue. A cluster that is away is waited for.
    """
    whole = BatchResult.empty(batch, covariance=covariance)
    left = np.arange(len(batch))
    queue_s: float | None = None
    patience = round_s = max(allowed_s, SLICE_S)
    while len(left):
        part = batch if len(left) == len(batch) else batch.some(left, whole.resume)
        dealer = Dealer(service, part, time.monotonic() + patience, covariance)
        try:
            result = await dealer.run()
        except (Busy, ClusterAway):
            await asyncio.sleep(SLICE_S)
            continue
        if dealer.queue_s is None:  # the round was over before a worker was free
            patience = max(patience, min(2 * patience, service.settings.deadline_s))
            await asyncio.sleep(SLICE_S)
            continue
        patience = round_s
        queue_s = dealer.queue_s if queue_s is None else queue_s
        whole.put(left, result)
        late = left[result.status == DEADLINE]
        if len(late) == len(left):
            break
        left = late
    return whole, queue_s or 0.0
