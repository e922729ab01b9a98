"""How rows are written: on the spot where that is quick, else by one thread, in groups.

A commit costs the same for one row as for a hundred: statements that wait for the thread
together share a transaction, and under load this keeps the store out of the way. For a single
row the hand-over to the thread is what costs most, so a database in this machine's files is
first tried from where the caller is (`Spot`). A statement is acknowledged only after its
transaction is durable.

Where the database itself fails, by a lock that is not let go or a full disk, all who wait are told
at once: one after the other each would wait as long for the same.
"""

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, Insert
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError, OperationalError

from app.errors import StoreAway

MOST_AT_ONCE = 200
MOST_WAITING = 4000
MOST_ON_THE_SPOT = 100
RETRY_S = 5.0

Write = Callable[[Connection], Any]
Entry = tuple[Write, asyncio.AbstractEventLoop, "asyncio.Future[Any]"]


class Spot:
    """Inserts from the event loop's own thread; it must never wait, for a lock or a disk.

    It speaks to SQLite itself: what SQLAlchemy does around a statement takes as long again.

    Where another connection is writing, and now and then anyway, it declines: the thread's next
    commit may then move SQLite's log into the file, which waits for the disk. What is written to
    the log meanwhile keeps it from beginning anew; it would grow for as long as many write.
    """

    def __init__(self, engine: Engine, statement: Insert):
        self._sql = str(statement.compile(dialect=sqlite.dialect(paramstyle="named")))
        self._pooled = engine.raw_connection()
        self._connection: Any = self._pooled.driver_connection
        self._in_a_row = 0

    def inserts(self, row: Mapping[str, Any]) -> bool:
        """Whether it was written, and is durable."""
        self._in_a_row += 1
        if self._in_a_row > MOST_ON_THE_SPOT:
            self._in_a_row = 0
            return False
        try:
            self._connection.execute(self._sql, row)
            self._connection.commit()
        except Exception as error:
            self._connection.rollback()
            if isinstance(error, sqlite3.Error):  # the thread's is told in words
                return False
            raise
        return True

    def close(self) -> None:
        self._pooled.close()


class Writer:
    """Runs writes in order; `submit` awaits their commit."""

    def __init__(self, engine: Engine):
        self._engine = engine
        self._entries: queue.SimpleQueue[Entry | None] = queue.SimpleQueue()
        self._unanswered = 0
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether the thread writes, or moves SQLite's log into the file."""
        return self._unanswered > 0

    async def submit(self, write: Write) -> Any:
        """The value of `write`, once it is committed; StoreAway if too many wait."""
        if self._unanswered >= MOST_WAITING:
            detail = f"Writes waiting for it: {self._unanswered}. Try again later."
            raise StoreAway(detail, RETRY_S)
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()
        done.add_done_callback(self._answered)
        self._entries.put((write, loop, done))
        self._unanswered += 1
        return await asyncio.shield(done)  # it is written even if nobody waits any longer

    def _answered(self, done: "asyncio.Future[Any]") -> None:
        self._unanswered -= 1
        if not done.cancelled():
            done.exception()  # asyncio complains of errors that nobody has seen

    def close(self) -> None:
        """Finish what was submitted."""
        self._entries.put(None)
        self._thread.join()

    def _run(self) -> None:
        connection: Connection | None = None
        while (batch := self._next_batch()) is not None:
            try:
                connection = connection or self._engine.connect()
                self._commit(connection, batch)
            except Exception as error:  # of the connection itself: the next batch gets another
                if connection is not None:
                    connection.invalidate(error)
                connection = None
                if is_for_all(error):
                    batch += self._waiting(MOST_WAITING)
                acknowledge(batch, [error] * len(batch), failed=True)
        if connection is not None:
            connection.close()

    def _next_batch(self) -> list[Entry] | None:
        entry = self._entries.get()
        if entry is None:
            return None
        return [entry, *self._waiting(MOST_AT_ONCE - 1)]

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

    def _commit(self, connection: Connection, batch: list[Entry]) -> None:
        try:
            values = [write(connection) for write, _, _ in batch]
            connection.commit()
        except Exception as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise  # it may have been committed: once more would be twice
            if is_for_all(error):
                raise
            connection.rollback()
            if len(batch) > 1:
                # one bad write must not take the others with it
                for entry in batch:
                    self._commit(connection, [entry])
            else:
                acknowledge(batch, [error], failed=True)
            return
        acknowledge(batch, values)


def is_for_all(error: Exception) -> bool:
    """Whether others would fail as well: a lock, a full disk, a database that is away.

    A broken connection is made anew, and a deadlock (of PostgreSQL: 40P01) is over.
    """
    if not isinstance(error, OperationalError) or error.connection_invalidated:
        return False
    return not str(getattr(error.orig, "sqlstate", "")).startswith("40")


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
