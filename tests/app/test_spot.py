"""What the event loop writes by itself: short fits, and not always."""

import asyncio

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, create_engine, insert

from app.store.store import Store, StoredFit
from app.store.writer import BYTES_ON_THE_SPOT, MOST_ON_THE_SPOT, Spot
from tests.app.test_store import rows


def test_a_spot_declines_now_and_then():
    table = Table("numbers", MetaData(), Column("n", Integer))
    engine = create_engine("sqlite://")
    table.create(engine)
    spot = Spot(engine, insert(table))
    answers = [spot.inserts({"n": n}) for n in range(2 * MOST_ON_THE_SPOT + 2)]
    spot.close()
    assert answers.count(False) == 2


@pytest.mark.parametrize("more", [0, 1])
def test_only_what_is_short_is_written_by_the_loop(tmp_path, monkeypatch, more):
    path = tmp_path / "fits.db"
    store = Store(f"sqlite:///{path}")
    inserts, on_the_spot = store._spot.inserts, []
    monkeypatch.setattr(store._spot, "inserts", lambda row: on_the_spot.append(row) or inserts(row))
    long = bytes(BYTES_ON_THE_SPOT - 2 + more)
    asyncio.run(store.save(StoredFit("long", 1.0, "histogram", long, b"{}")))
    assert len(on_the_spot) == 1 - more
    assert rows(path) == 1
    store.close()
