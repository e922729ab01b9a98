"""How much is kept of what is over: a number of the newest, of so many bytes, and none too old."""

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, func, literal, or_, select


@dataclass(frozen=True)
class Keep:
    """The newest `most`, together of at most `most_bytes`, none older than `oldest_s` seconds."""

    most: int
    most_bytes: int
    oldest_s: float

    def ends(self, rows: "Select[Any]", connection: Connection) -> float:
        """The newest moment that is not kept, of rows with a `moment` and their number of `bytes`.

        It reads all rows, if not what is in them: no work for the thread that writes.
        """
        row = rows.subquery()
        newest = row.c.moment.desc()
        running = select(
            row.c.moment,
            func.row_number().over(order_by=newest).label("number"),
            func.sum(row.c.bytes).over(order_by=newest).label("bytes"),
        ).subquery()
        most, most_bytes = (literal(n, BigInteger) for n in (self.most, self.most_bytes))
        too_many = or_(running.c.number > most, running.c.bytes > most_bytes)
        last = connection.scalar(select(func.max(running.c.moment)).where(too_many))
        too_old = time.time() - self.oldest_s
        return too_old if last is None else max(too_old, last)
