"""Structured logs: one JSON object a line, each with the id of its request."""

import logging
import time
from contextvars import ContextVar
from typing import Any

from pydantic_core import to_json

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

_ORDINARY = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


class JsonFormatter(logging.Formatter):
    """Time, level, logger, message, request id, and whatever `extra` held."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (identity := request_id.get()) is not None:
            line["request_id"] = identity
        line |= {k: v for k, v in vars(record).items() if k not in _ORDINARY}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return to_json(line, fallback=str, inf_nan_mode="strings").decode()


def configure(level: str) -> None:
    """Send every logger's lines to standard error as JSON."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # compilation notes of JAX are not this service's
    for name in ("jax", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
