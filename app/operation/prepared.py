"""What follows from the code alone and takes seconds to compute: made once, then kept in a file.

It is made by a process of its own. In the service's it would hold Python's lock for most of the
time, and all that clients ask would take longer.
"""

import asyncio
import logging
import multiprocessing
import os
import signal
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json

import app
import fitting
import models
from app.errors import Unavailable
from app.workers.code import digest

PAUSE_S = 0.05
NOT_WRITTEN = os.EX_IOERR  # the process's exit code

logger = logging.getLogger("fit.prepared")

_spawn = multiprocessing.get_context("spawn")  # never fork with JAX

Make = Callable[[], Any]


class NotPrepared(Unavailable):
    kind, title = "not-prepared", "Nothing can be prepared"


class Prepared:
    """Kept in `folder`; a process for each thing that is not there."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._known: dict[str, Any] = {}
        self._locks = defaultdict[str, asyncio.Lock](asyncio.Lock)

    async def get(self, make: Make) -> Any:
        """What `make`, a function of a module, returns, as JSON has it."""
        name = make.__name__
        async with self._locks[name]:
            if name not in self._known:
                self._known[name] = from_json((await self._file(make)).read_bytes())
        return self._known[name]

    async def _file(self, make: Make) -> Path:
        code = await asyncio.to_thread(digest, app, fitting, models)
        path = self._folder / f"{make.__name__}-{code[:16]}.json"
        if not path.exists():
            process = _spawn.Process(target=_write, args=(path, make), daemon=True)
            process.start()
            while process.is_alive():
                await asyncio.sleep(PAUSE_S)
            if not path.exists():
                raise _why_not(make.__name__, process.exitcode)
        return path


def _write(path: Path, make: Make) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the service decides when it ends
    made, whole = to_json(make()), path.with_suffix(f".{os.getpid()}")
    try:
        whole.write_bytes(made)
        whole.replace(path)
    except OSError:
        whole.unlink(missing_ok=True)
        sys.exit(NOT_WRITTEN)
    for old in path.parent.glob(f"{make.__name__}-*.json"):  # of other code
        if old != path:
            old.unlink(missing_ok=True)


def _why_not(name: str, exit_code: int | None) -> NotPrepared:
    if exit_code == NOT_WRITTEN:
        return NotPrepared("The data folder cannot be written: is its disk full?", 60.0)
    # less than 0: that signal; if it has failed, its traceback stands before
    logger.error("what is to be prepared was not", extra={"what": name, "exit_code": exit_code})
    said = f"The process that should do it ended with exit code {exit_code}; the log says why."
    return NotPrepared(said, 60.0)
