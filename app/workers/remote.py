"""What runs in a worker of a Dask cluster: one part of a batch.

Start workers with `--preload app.workers.remote`, so that the first part finds everything loaded.
Importing this sets JAX up as in our own workers (see `models`); settings come from the same
environment variables.
"""

import ctypes
import os
import pickle
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from typing import Any

from distributed import get_worker

import fitting
import models
from app import workers
from app.settings import Settings
from app.workers.code import digest
from app.workers.tasks import BatchTask, Stop, attempt
from fitting.errors import Cancelled
from fitting.kernels.cache import KernelCache
from fitting.kernels.devices import accelerator
from fitting.kernels.folder import KernelFolder

STRANGER = "stranger"  # how a part of another version of this code ends
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of malloc.h
LAST_S = 1.0  # after the server gave a part up, its worker ends


def dask_setup(_: Any) -> None:
    """Dask calls this in a new worker that preloads the module."""
    _keep_freed_memory()
    _kernels()


def _keep_freed_memory() -> None:
    """Dask has workers return memory at once; to get it back takes half of the time of a batch."""
    with suppress(OSError, AttributeError):  # elsewhere than in glibc
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(TRIM_THRESHOLD, 2**28)
        mallopt(MMAP_THRESHOLD, 2**25)


@cache
def _kernels() -> KernelCache:
    """One a process, for all its threads."""
    settings = Settings()
    accelerator()  # before anything is compiled, which would else be for it
    folder = KernelFolder(settings.kernels_dir.absolute(), settings.kernel_cache_bytes)
    folder.use()
    pause_s = settings.retention_interval_s
    threading.Thread(target=_keep_small, args=(folder, pause_s), daemon=True).start()
    return KernelCache(settings.kernels_in_memory)


def _keep_small(folder: KernelFolder, pause_s: float) -> None:
    """As the service does where it is at home."""
    while True:
        with suppress(OSError):
            folder.trim()
        time.sleep(pause_s)


@cache
def fingerprint() -> str:
    """Of the code that numbers depend on: a part is for workers that have the same."""
    return digest(models, fitting, workers)


def run_part(code: str, part: bytes, left_s: float, grace_s: float) -> bytes:
    """How a part ended and with what, pickled; clocks of two machines agree on seconds only."""
    if code != fingerprint():
        return pickle.dumps((STRANGER, None))
    with _ended_after(left_s + grace_s + LAST_S):
        task: BatchTask = pickle.loads(part)
        task = replace(task, deadline=time.monotonic() + left_s)
        return pickle.dumps(attempt(task, _kernels(), _stop()), protocol=5)


@contextmanager
def _ended_after(seconds: float) -> Iterator[None]:
    """End this process, which its nanny will replace, if the work is stuck in a compilation."""
    timer = threading.Timer(seconds, os._exit, (1,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _stop() -> Stop:
    """Raises Cancelled once nobody wants the task of this thread any more."""
    worker = get_worker()
    key, tasks = worker.get_current_task(), worker.state.tasks

    def stop() -> None:
        task = tasks.get(key)
        if task is None or task.state == "cancelled":
            raise Cancelled

    return stop
