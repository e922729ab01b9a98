"""The schema: fits, one row each; jobs, one row each and one for each of their chunks; probes.

Request and answer of a fit are the JSON that went over the wire. Blobs come last in a row: SQLite
then finds what stands before them without reading them.
"""

from sqlalchemy import (
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

fits = Table(
    "fits",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("created", Float, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Index("fits_by_age", "created"),
)

#: What is written to see whether it can be, and deleted at once.
probes = Table(
    "probes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

#: `owner` receives the job, and is alive until `until` or longer; `turn` is when a chunk of it was
#: last begun; `head` is its request without the rows.
jobs = Table(
    "jobs",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("created", Float, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("status", String(20), nullable=False),
    Column("owner", String(40), nullable=False),
    Column("until", Float, nullable=False),
    Column("turn", Float, nullable=False, default=0.0),
    Column("started", Float),
    Column("finished", Float),
    Column("rows", Integer, nullable=False, default=0),
    Column("rows_done", Integer, nullable=False, default=0),
    Column("chunks", Integer, nullable=False, default=0),
    Column("chunks_done", Integer, nullable=False, default=0),
    Column("statuses", Text, nullable=False, default="{}"),
    Column("message", Text),
    Column("head", LargeBinary, nullable=False),
    Index("jobs_by_status", "status", "turn"),
)

#: `owner` works on it, and is alive until `until` or longer; `place` is its number in the order of
#: finishing, from 1; `data` are its rows, and once it is finished its lines of the answer.
chunks = Table(
    "job_chunks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("job", String(40), nullable=False),
    Column("number", Integer, nullable=False),
    Column("first_row", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("owner", String(40)),
    Column("until", Float),
    Column("place", Integer),
    Column("finished", Float),
    Column("data", LargeBinary, nullable=False),
    Index("chunks_by_place", "job", "place", "number"),
)
