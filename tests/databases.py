"""Where the tests' stores are: SQLite, or PostgreSQL where there is one to try.

`TEST_POSTGRESQL=postgresql+psycopg://postgres@127.0.0.1/postgres`, a server for nothing else, in
which each store is a database that stays.
"""

import hashlib
import os
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url

POSTGRESQL = os.environ.get("TEST_POSTGRESQL")


def store_url(path: Path) -> str:
    """That of the store which would be this file."""
    if POSTGRESQL is None:
        return f"sqlite:///{path}"
    name = f"test_{hashlib.md5(str(path).encode()).hexdigest()}"
    server = create_engine(POSTGRESQL, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        found = "SELECT 1 FROM pg_database WHERE datname = %s"
        if connection.exec_driver_sql(found, (name,)).first() is None:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    server.dispose()
    return make_url(POSTGRESQL).set(database=name).render_as_string(hide_password=False)


def ask(path: Path, query: str) -> list[Any]:
    """What is in it, by a connection of its own: only what is committed counts."""
    engine = create_engine(store_url(path))
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.exec_driver_sql(query)]
    engine.dispose()
    return found
