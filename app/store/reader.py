"""How rows are read: by threads of the store's own, a read each."""

from sqlalchemy import Engine

from app.store.line import Line, acknowledge

READERS = 4  # with the writer as many as an engine keeps connections


class Reader(Line):
    """Runs reads beside each other; `submit` awaits what one finds."""

    def __init__(self, engine: Engine):
        super().__init__(engine, "store-reader", READERS)

    def _run(self) -> None:
        while (batch := self._next(1)) is not None:
            for read, *_ in batch:
                try:
                    with self._engine.connect() as connection:
                        value = read(connection)
                except Exception as error:
                    acknowledge(batch, [error], failed=True)
                else:
                    acknowledge(batch, [value])
