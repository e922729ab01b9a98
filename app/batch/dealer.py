"""Deals the rows of a batch out to the workers, and collects their answers.

Each worker that is free gets the next rows, as many as it can do in a turn by the pace of the
last, if need be that of another batch; rows that a turn did not finish come again. So all workers
share one batch, and another batch waits for one turn at most. How many there are, and how long a
turn is, the executor says: the pool of our own workers, or a cluster, which may grow meanwhile.
"""

import asyncio
import time
from dataclasses import dataclass, replace

import numpy as np

from app.errors import Busy, WorkerLost
from app.service import Served, Service
from app.workers.tasks import SLICE_S, BatchTask
from app.workers.ticket import TimedOut
from fitting.batch.question import Batch
from fitting.batch.result import DEADLINE, BatchResult
from fitting.padding import Floats, Places

FIRST_ENTRIES = 2**17  # rows times length of a first turn, while nothing is known
FEWEST = 64  # rows of a turn; fewer would not fill a call of the kernel
LONELY = 20  # rows of a turn that have to be fitted one by one
MOST_LOST = 3  # workers that a part may cost: it may be the part that kills them
LATE = (
    "The deadline passed before this row was done; if it has values, there may be a better "
    "minimum. Allow more time, or give starting values."
)


@dataclass(eq=False)
class Dealer:
    """One batch on its way through the workers; `queue_s` is how long its first part waited.

    A turn has `most_rows` at most. `lost` are rows whose worker died or had to be killed.
    """

    service: Service
    batch: Batch
    deadline: float
    covariance: bool
    most_rows: int | None = None
    queue_s: float | None = None

    def __post_init__(self) -> None:
        self.lost = np.zeros(len(self.batch), dtype=bool)
        self.result = BatchResult.empty(self.batch, covariance=self.covariance)
        self._first = max(FEWEST, FIRST_ENTRIES // self.batch.rows.length)
        self._origin: Floats | None = None
        self._fresh: Places = np.arange(len(self.batch))
        self._lonely: Places = np.arange(0)
        self._late = False
        self._whole = BatchTask(self.batch, self.result.alone, None, self.covariance, self.deadline)
        pace = self.service.paces.of(self._whole.key)
        self._size = self._first if pace is None else self._rows_at(pace)

    async def run(self) -> BatchResult:
        """All rows; those for which there was no time have the status `deadline`."""
        turns: set[asyncio.Task[None]] = set()
        try:
            while True:
                while len(turns) < self._hands and self._may_deal:
                    turns.add(asyncio.create_task(self._turn(self._deal())))
                if not turns:
                    break
                done, others = await asyncio.wait(turns, return_when=asyncio.FIRST_COMPLETED)
                for turn in done:
                    turn.result()
                turns = others
        finally:
            for turn in turns:
                turn.cancel()
            # of several that fail one is told of
            await asyncio.gather(*turns, return_exceptions=True)
        result = self.result
        left = ~result.done
        if left.any():
            result.status[left] = DEADLINE
            result.message[left] = LATE
        return result

    @property
    def _hands(self) -> int:
        return self.service.executor(self._whole).hands(self._whole)

    @property
    def _may_deal(self) -> bool:
        some = len(self._fresh) or len(self._lonely)
        return bool(some) and not self._late and time.monotonic() < self.deadline

    async def _turn(self, places: Places) -> None:
        """One worker's turn: these rows, or as many of them as it has time for."""
        alone = self.result.alone[places]
        part = self.batch.some(places, self.result.resume)
        try:
            served = await self._ask(
                places, replace(self._whole, batch=part, alone=alone, origin=self._origin)
            )
        except TimedOut as late:
            self._late = True
            self.result.usage.compiled += late.compiling
            if not late.waiting:
                self._lose(places)
            return
        outcome = served.outcome
        assert isinstance(outcome, BatchResult)
        if self.queue_s is None:
            self.queue_s = served.queue_s
        self.result.put(places, outcome)
        self._origin = outcome.origin
        if not alone.any():
            self._learn(outcome)
        left = places[~outcome.done]
        lonely = self.result.alone[left]
        # in order: who is to write down the first need not wait for the last
        self._lonely = np.sort(np.concatenate([self._lonely, left[lonely]]))
        self._fresh = np.concatenate([self._fresh, left[~lonely]])

    async def _ask(self, places: Places, task: BatchTask) -> Served:
        """A worker's answer; what has begun is not given up for a full queue or a lost worker."""
        lost = 0
        while True:
            try:
                return await self.service.outcome(task, self.deadline)
            except Busy:
                if self.queue_s is None:
                    raise
                if time.monotonic() > self.deadline:
                    raise TimedOut(waiting=True) from None
                await asyncio.sleep(SLICE_S)
            except WorkerLost as error:
                self._lose(places)
                lost += error.workers
                if lost >= MOST_LOST:
                    raise

    def _lose(self, places: Places) -> None:
        """A worker had these rows, and did not answer."""
        self.lost[places] = True
        if self.queue_s is None:
            self.queue_s = 0.0

    def _deal(self) -> Places:
        """The rows of the next turn; at the end they are shared by all."""
        workers, most = self._hands, self.most_rows or len(self.batch)
        if len(self._fresh):
            size = min(self._size, max(self._first, -(-len(self._fresh) // workers)), most)
            dealt, self._fresh = self._fresh[:size], self._fresh[size:]
            return dealt
        size = min(LONELY, max(1, -(-len(self._lonely) // workers)), most)
        dealt, self._lonely = self._lonely[:size], self._lonely[size:]
        return dealt

    def _learn(self, outcome: BatchResult) -> None:
        """How many rows a turn can take, from how long the last took."""
        seconds = outcome.seconds - outcome.usage.compile_s
        rows = np.count_nonzero(outcome.done | outcome.alone)
        pace = rows / max(seconds, 1e-4)
        self.service.paces.learn(self._whole.key, pace)
        self._size = min(self._rows_at(pace), 4 * self._size)

    def _rows_at(self, pace: float) -> int:
        """What a turn has time for."""
        return max(FEWEST, int(pace * self.service.executor(self._whole).slice_s))
