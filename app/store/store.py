"""Fits as resources: saved before their id is sent, found again after `kill -9`."""

import asyncio
import os
import secrets
import sqlite3
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    delete,
    event,
    func,
    insert,
    make_url,
    select,
)
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import DBAPIError

from app.errors import StoreAway, in_a_line
from app.store.jobs import JobStore
from app.store.keep import Keep
from app.store.line import RETRY_S
from app.store.reader import Reader
from app.store.tables import fits, metadata, probes
from app.store.writer import BYTES_ON_THE_SPOT, Spot, Writer

LOCKED_S = 10  # that one waits for what another is writing
LOG_BYTES = 64 * 2**20  # that SQLite's log keeps on the disk
PROBE_S = 1.0
USUAL_BYTES = 30_000  # of a fit of some hundred bins: a disk may have room for less
TABLES_LOCK = 1182099782  # any number that other users of a database will not think of


@dataclass(frozen=True)
class StoredFit:
    """A fit as it went over the wire; `created` in seconds since 1970."""

    id: str
    created: float
    kind: str
    request: bytes
    answer: bytes

    @property
    def with_request(self) -> bytes:
        """The answer with one field more; both are objects of JSON, and may be long to read."""
        return b'%b,"request":%b}' % (self.answer[:-1], self.request)


class Store:
    """The fits of one service, and its `jobs`, in the database that `url` names."""

    def __init__(self, url: str):
        self._engine = create_engine(with_timeout(url))
        is_sqlite = self._engine.dialect.name == "sqlite"
        tunes = {"sqlite": _tune_sqlite, "postgresql": tune_postgresql}
        if tune := tunes.get(self._engine.dialect.name):
            event.listen(self._engine, "connect", tune)
        _create_tables(self._engine)
        self._spot: Spot | None = None
        if is_sqlite:
            hasty = create_engine(url)
            event.listen(hasty, "connect", _tune_hasty_sqlite)
            self._spot = Spot(hasty, insert(fits))
        self._file = _File(self._engine) if is_sqlite else None
        self._reader, self._writer = Reader(self._engine), Writer(self._engine)
        self.jobs = JobStore(self._reader, self._writer)
        self._select, self._insert = select(fits), insert(fits)
        self._failing = False  # the last fit could not be written
        self._probing: asyncio.Task[str | None] | None = None

    @property
    def failures(self) -> int:
        """How often it could not be read or written."""
        return self._reader.failures + self._writer.failures

    async def save(self, fit: StoredFit) -> None:
        """Durable when it returns."""
        row = _row(fit)
        is_short = len(fit.request) + len(fit.answer) <= BYTES_ON_THE_SPOT
        spot = self._spot if is_short and not self._writer.busy else None
        if spot is None or not spot.inserts(row):
            try:
                await self._writer.submit(lambda c: c.execute(self._insert, row).rowcount)
            except DBAPIError:
                self._failing = True
                raise
        self._failing = False

    async def find(self, fit_id: str) -> StoredFit | None:
        """The fit, or None."""

        def read(connection: Connection) -> StoredFit | None:
            row = connection.execute(self._select.where(fits.c.id == fit_id)).first()
            return None if row is None else StoredFit(**row._mapping)

        return await self._reader.submit(read)

    async def find_answer(self, fit_id: str) -> bytes | None:
        """The fit's answer alone, or None."""
        query = select(fits.c.answer).where(fits.c.id == fit_id)

        found: bytes | None = await self._reader.submit(lambda c: c.scalar(query))
        return found

    async def latest(self, most: int, longest: int) -> list[StoredFit]:
        """The newest fits whose request has at most `longest` bytes, the newest first."""
        short = self._select.where(func.length(fits.c.request) <= longest)
        query = short.order_by(fits.c.created.desc()).limit(most)

        def read(connection: Connection) -> list[StoredFit]:
            return [StoredFit(**row._mapping) for row in connection.execute(query)]

        return await self._reader.submit(read, patient=True)

    async def forget(self, fit_id: str) -> bool:
        """Whether there was such a fit."""
        gone = await self._writer.submit(
            lambda connection: connection.execute(delete(fits).where(fits.c.id == fit_id)).rowcount
        )
        return gone > 0

    async def forget_old(self, keep: Keep) -> int:
        """How many went."""
        self._check_file()
        size = func.length(fits.c.request) + func.length(fits.c.answer)
        rows = select(fits.c.created.label("moment"), size.label("bytes"))
        end = await self._reader.submit(partial(keep.ends, rows), patient=True)
        return await self._writer.delete(fits, fits.c.created <= end)

    async def failure(self) -> str | None:
        """What keeps it from being written now, in words; known within `PROBE_S`."""
        probing = self._probing
        if probing is None or probing.done():
            probing = self._probing = asyncio.create_task(self._probe())
        await asyncio.wait({probing}, timeout=PROBE_S)
        return probing.result() if probing.done() else "It does not answer, or is locked."

    async def _probe(self) -> str | None:
        """Write as little as can be, or as much as a fit if the last fit could not be written."""
        row = {"data": secrets.token_bytes(USUAL_BYTES if self._failing else 1)}

        def write(connection: Connection) -> None:
            self._check_file()
            connection.execute(insert(probes), row)

        try:
            await self._writer.submit(write)  # SQLite writes nothing of what goes before its commit
            await self._writer.submit(lambda connection: connection.execute(delete(probes)))
        except StoreAway as away:
            return away.detail
        except DBAPIError as error:
            return f"It cannot be written: {in_a_line(error)}."
        self._failing = False
        return None

    def _check_file(self) -> None:
        if self._file is not None and not self._file.is_there():
            detail = "Its file was deleted or replaced. The service has to be started anew."
            raise StoreAway(detail, RETRY_S)

    def close(self) -> None:
        """Write what is waiting, then close."""
        self._writer.close()
        self._reader.close()
        if self._spot is not None:
            self._spot.close()
        self._engine.dispose()


class _File:
    """SQLite's file, which it goes on writing to when that has been deleted."""

    def __init__(self, engine: Engine):
        with engine.connect() as connection:
            asked = "SELECT file FROM pragma_database_list WHERE name = 'main'"
            self._path: str = connection.exec_driver_sql(asked).scalar_one()
        self._stat = os.stat(self._path)

    def is_there(self) -> bool:
        """Whether it is still the one that was opened."""
        try:
            return os.path.samestat(os.stat(self._path), self._stat)
        except OSError:
            return False


def _row(fit: StoredFit) -> dict[str, Any]:
    return {
        "id": fit.id,
        "created": fit.created,
        "kind": fit.kind,
        "request": fit.request,
        "answer": fit.answer,
    }


def with_timeout(url: str) -> URL:
    """The URL, by which PostgreSQL's machine is not waited for for ever if it goes without a word.

    How long a statement may take is not said: to look for what is old may take as long as it needs.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "postgresql":
        return parsed
    patience = {
        "connect_timeout": str(LOCKED_S),
        "tcp_user_timeout": str(1000 * LOCKED_S),
        "keepalives_idle": str(LOCKED_S // 2),
        "keepalives_interval": "1",
        "keepalives_count": str(LOCKED_S // 2),
    }
    return parsed.update_query_dict({**patience, **parsed.query})


def _create_tables(engine: Engine) -> None:
    """Of services that start together on a new store one does it, and the others wait for it."""
    locks = {
        "sqlite": "BEGIN IMMEDIATE",
        "postgresql": f"SELECT pg_advisory_xact_lock({TABLES_LOCK})",
    }
    with engine.begin() as connection:
        if lock := locks.get(engine.dialect.name):
            connection.exec_driver_sql(lock)
        metadata.create_all(connection)


def _tune_sqlite(connection: DBAPIConnection, _: object) -> None:
    """Readers do not block the writer; a killed process loses nothing that was committed."""
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={1000 * LOCKED_S}")
    _keep_log(cursor)
    cursor.execute("PRAGMA synchronous=NORMAL")
    # else the log stays as long as it ever was, and some builds write all that they delete into it
    cursor.execute(f"PRAGMA journal_size_limit={LOG_BYTES}")
    cursor.execute("PRAGMA secure_delete=OFF")
    cursor.close()


def tune_postgresql(connection: DBAPIConnection, _: object) -> None:
    """A lock is waited for as long as SQLite's; said here, for poolers refuse options of a URL."""
    cursor = connection.cursor()
    cursor.execute(f"SET lock_timeout = {1000 * LOCKED_S}")
    cursor.close()
    connection.commit()  # else the first rollback takes it back


def _keep_log(cursor: DBAPICursor) -> None:
    """For this SQLite does not wait by itself while others on a new file do the same."""
    end = time.monotonic() + LOCKED_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def _tune_hasty_sqlite(connection: DBAPIConnection, record: object) -> None:
    """Waits for nothing: neither for another's lock nor, by a checkpoint, for the disk."""
    _tune_sqlite(connection, record)
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=0")
    cursor.execute("PRAGMA wal_autocheckpoint=0")
    cursor.close()
