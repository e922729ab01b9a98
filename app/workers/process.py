"""The loop inside a worker: one job at a time, until the server hangs up.

The server's end sends `(job number, task)`, pickled, once the process has said that it is up;
back go `(job number, how, what)`. The number of a cancelled job appears in shared memory, where
a running fit looks before each evaluation of its cost.
"""

import gc
import os
import pickle
import resource
import signal
import sys
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Literal

UP = "up"


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker needs of the service's settings."""

    kernels_dir: Path
    kernel_cache_bytes: int
    kernels_in_memory: int
    workshop_bytes: int
    platform: Literal["cpu", "auto"] = "cpu"
    workshop: bool = False


def main(connection: Connection, cancelled: "Synchronized[int]", settings: WorkerSettings) -> None:
    """Entry point of the process."""
    # Ctrl-C reaches the whole process group; the server decides when workers stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if settings.workshop:
        os.nice(10)  # compiling a stranger's formula must not slow the fits of others
    most = settings.workshop_bytes if settings.workshop else sys.maxsize
    threading.Thread(target=_give_up, args=(os.getppid(), most), daemon=True).start()
    if settings.platform == "auto" and not settings.workshop:
        os.environ["JAX_PLATFORMS"] = ""  # whatever JAX finds, read when it is imported
    from app.workers.tasks import attempt
    from fitting.errors import Cancelled
    from fitting.kernels.cache import KernelCache
    from fitting.kernels.devices import accelerator
    from fitting.kernels.folder import KernelFolder

    accelerator()  # before anything is compiled, which would else be for it
    KernelFolder(settings.kernels_dir, settings.kernel_cache_bytes).use()
    kernels = KernelCache(settings.kernels_in_memory)
    gc.freeze()  # what is there now stays: no use in looking through it again and again
    try:
        connection.send_bytes(pickle.dumps((None, UP, None)))
    except OSError:  # the server has ended meanwhile
        return
    while True:
        try:
            number, task = pickle.loads(connection.recv_bytes())
        except (EOFError, OSError):
            return

        def stop(number: int = number) -> None:
            if cancelled.value == number:
                raise Cancelled

        try:
            connection.send_bytes(pickle.dumps((number, *attempt(task, kernels, stop)), protocol=5))
        except OSError:
            return


def _give_up(parent: int, most_bytes: int) -> None:
    """End the process when the server has ended, or a compilation takes too much memory.

    A killed server must not leave workers behind, not even one stuck in a compilation.
    """
    while os.getppid() == parent and peak_bytes() <= most_bytes:
        time.sleep(0.2)
    os._exit(1)


def peak_bytes() -> int:
    """The most memory that this process has had."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
