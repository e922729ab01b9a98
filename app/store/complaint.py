"""What goes wrong with the store for as long as its disk is full, without filling the log, too."""

import logging
import time

from sqlalchemy.exc import SQLAlchemyError

from app.errors import StoreAway, in_a_line

EVERY_S = 60.0


class Complaint:
    """A line when the reason is a new one, and once a minute while it stays.

    What is no failure of the store is told with its traceback, each time.
    """

    def __init__(self, logger: logging.Logger, what: str):
        self._logger, self._what = logger, what
        self._told: dict[str, float] = {}

    def of(self, error: BaseException) -> None:
        """This is why, now."""
        if not isinstance(error, SQLAlchemyError | StoreAway):
            self._logger.error(self._what, exc_info=error)
            return
        reason, now = in_a_line(error), time.monotonic()
        self._told = {old: at for old, at in self._told.items() if now - at < EVERY_S}
        if reason not in self._told:
            self._told[reason] = now
            self._logger.error("%s: %s", self._what, reason)
