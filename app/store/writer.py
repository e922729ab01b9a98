"""How rows are written: on the spot where that is quick, else by one thread, in groups.

A commit costs the same for one row as for a hundred: statements that wait for the thread
together share a transaction, and under load this keeps the store out of the way. For a single
short row the hand-over to the thread is what costs most, so a database in this machine's files is
first tried from where the caller is (`Spot`). A statement is acknowledged only after its
transaction is durable.

Where the database itself fails, by a lock that is not let go or a full disk, all who wait are told
at once: one after the other each would wait as long for the same.
"""

import contextlib
import sqlite3
from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Insert,
    LargeBinary,
    Table,
    delete,
    func,
    select,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError, OperationalError

from app.store.line import MOST_WAITING, Entry, Line, acknowledge

MOST_AT_ONCE = 200
MOST_ON_THE_SPOT = 100
BYTES_ON_THE_SPOT = 2**18  # to write more takes longer than the hand-over
STEP_ROWS, STEP_BYTES = 100, 2**20  # that are deleted before others may write


class Spot:
    """Inserts from the event loop's own thread; it must never wait, for a lock or a disk.

    It speaks to SQLite itself: what SQLAlchemy does around a statement takes as long again.

    Where another connection is writing, and now and then anyway, it declines: the thread's next
    commit may then move SQLite's log into the file, which waits for the disk. What is written to
    the log meanwhile keeps it from beginning anew; it would grow for as long as many write.
    """

    def __init__(self, engine: Engine, statement: Insert):
        self._sql = str(statement.compile(dialect=sqlite.dialect(paramstyle="named")))
        self._engine = engine
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
        """Not only back to its pool: SQLite's last connection moves the log into the file."""
        self._pooled.close()
        self._engine.dispose()


class Writer(Line):
    """Runs writes in order; `submit` awaits their commit."""

    def __init__(self, engine: Engine):
        super().__init__(engine, "store-writer", threads=1)

    async def delete(self, table: Table, which: ColumnElement[bool]) -> int:
        """Delete rows a few at a time, so that others can write meanwhile; how many went.

        Where the disk is full SQLite's log has no room for all of it: what failed is tried again
        once, for the connection is a new one then, and has moved the log into the file.
        """
        blobs = [func.length(c) for c in table.c if isinstance(c.type, LargeBinary)]
        size = sum(blobs[1:], blobs[0]).label("bytes")
        some = select(table.c.id, size).where(which).limit(STEP_ROWS)

        def step(connection: Connection) -> int:
            ids, room = [], STEP_BYTES
            for row in connection.execute(some).all():
                ids.append(row.id)
                room -= row.bytes
                if room <= 0:
                    break
            connection.execute(delete(table).where(table.c.id.in_(ids)))
            return len(ids)

        gone, failed = 0, False
        while True:
            try:
                went = await self.submit(step)
            except OperationalError:
                if failed:
                    raise
                failed = True
            else:
                if not went:
                    return gone
                gone, failed = gone + went, False

    def _run(self) -> None:
        connection: Connection | None = None
        while (batch := self._next(MOST_AT_ONCE)) is not None:
            if not batch:
                continue
            try:
                connection = connection or self._connect()
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

    def _connect(self) -> Connection:
        """Another connection may have failed for want of room: SQLite's log is made free again."""
        connection = self._engine.connect()
        if self._engine.dialect.name == "sqlite":
            with contextlib.suppress(OperationalError):
                connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
            connection.rollback()
        return connection

    def _commit(self, connection: Connection, batch: list[Entry]) -> None:
        try:
            # what was given up while others were written is not begun any more
            values = [None if done.cancelled() else write(connection) for write, _, done in batch]
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
