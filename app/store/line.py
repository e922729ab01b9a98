"""Work that waits in line for the store's threads, and callers that wait for what becomes of it.

No database is waited for without end: one that is frozen, or cut off without a word, keeps its
thread, but not who asked. The threads are daemons, so that it keeps no process from ending either.
"""

import asyncio
import contextlib
import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from app.errors import StoreAway

MOST_WAITING = 4000
PATIENCE_S = 12.0  # longer than a lock is waited for: who has one says what is wrong
RETRY_S = 5.0

Entry = tuple[Callable[[Connection], Any], asyncio.AbstractEventLoop, "asyncio.Future[Any]"]
T = TypeVar("T")


class Line(ABC):
    """`submit` awaits what one of the threads makes of the work."""

    def __init__(self, engine: Engine, name: str, threads: int):
        self._engine = engine
        self._entries: queue.SimpleQueue[Entry | None] = queue.SimpleQueue()
        self._unanswered = 0
        self.failures = 0
        self._answers = True
        self._threads = [
            threading.Thread(target=self._run, name=name, daemon=True) for _ in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    @abstractmethod
    def _run(self) -> None:
        """What a thread does, until `_next` is None."""

    @property
    def busy(self) -> bool:
        """Whether somebody waits for a thread, which for SQLite may be moving its log."""
        return self._unanswered > 0

    async def submit(self, work: Callable[[Connection], T], *, patient: bool = False) -> T:
        """The value of `work`; StoreAway if too many wait, or if it takes too long."""
        waiting = max(self._unanswered, self._entries.qsize())
        if waiting >= MOST_WAITING:
            detail = f"Others waiting for it: {waiting}. Try again later."
            raise StoreAway(detail, RETRY_S)
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()
        done.add_done_callback(self._answered)
        self._entries.put((work, loop, done))
        self._unanswered += 1
        try:
            async with asyncio.timeout(None if patient else PATIENCE_S):
                return await asyncio.shield(done)  # it is done even if nobody waits any longer
        except TimeoutError:
            if done.done():
                return done.result()
            done.cancel()  # if it was not begun, it is not any more
            said = f"There was no answer within {PATIENCE_S:g} s; it may be done all the same."
            raise StoreAway(f"{said} Try again later.", RETRY_S) from None

    def _answered(self, done: "asyncio.Future[Any]") -> None:
        self._unanswered -= 1
        self._answers = not done.cancelled()
        # asyncio complains of errors that nobody has seen
        if done.cancelled() or isinstance(done.exception(), DBAPIError):
            self.failures += 1

    def _next(self, most: int) -> list[Entry] | None:
        """The next entries, `most` at a time, once there are any; None at the end."""
        entry = self._entries.get()
        if entry is None:
            self._entries.put(None)  # for the other threads
            return None
        return wanted([entry, *self._waiting(most - 1)])

    def _waiting(self, most: int) -> list[Entry]:
        """Up to `most` of those who wait."""
        found: list[Entry] = []
        with contextlib.suppress(queue.Empty):
            while len(found) < most:
                if (entry := self._entries.get_nowait()) is None:
                    self._entries.put(None)
                    break
                found.append(entry)
        return found

    def close(self) -> None:
        """Finish what was submitted, if the database answers."""
        self._entries.put(None)
        end = time.monotonic() + (PATIENCE_S if self._answers else 0.0)
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))


def wanted(batch: list[Entry]) -> list[Entry]:
    """Without what was given up before it was begun."""
    return [entry for entry in batch if not entry[2].cancelled()]


def acknowledge(batch: list[Entry], values: list[Any], *, failed: bool = False) -> None:
    """Hand the values back, with one call into each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for (_, loop, done), value in zip(batch, values, strict=True):
        by_loop.setdefault(loop, []).append((done, value))

    def settle(pairs: list[tuple[asyncio.Future[Any], Any]]) -> None:
        for done, value in pairs:
            if done.done():
                continue
            if failed:
                done.set_exception(value)
            else:
                done.set_result(value)

    for loop, pairs in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
            loop.call_soon_threadsafe(settle, pairs)
