"""The schema: one row a fit; request and answer are the JSON that went over the wire."""

from sqlalchemy import Column, Float, Index, LargeBinary, MetaData, String, Table

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
