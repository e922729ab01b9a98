"""The loop inside a worker: one job at a time, until the server hangs up.

The server's end sends `(job number, task)`, pickled; back go `(job number, how, what)`. The
number of a cancelled job appears in shared memory, where a running fit looks before each
evaluation of its cost.
"""

import gc
import os
import pickle
import signal
import threading
import time
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

DONE, CANCELLED, INVALID, FAILED = "done", "cancelled", "invalid", "failed"


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker needs of the service's settings."""

    kernels_dir: Path
    kernel_cache_bytes: int
    kernels_in_memory: int


def main(connection: Connection, cancelled: "Synchronized[int]", settings: WorkerSettings) -> None:
    """Entry point of the process."""
    # Ctrl-C reaches the whole process group; the server decides when workers stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_die_with_parent, args=(os.getppid(),), daemon=True).start()
    from fitting.errors import Cancelled, InvalidProblem
    from fitting.kernels import KernelCache, use_disk_cache

    use_disk_cache(settings.kernels_dir, settings.kernel_cache_bytes)
    kernels = KernelCache(settings.kernels_in_memory)
    gc.freeze()  # what is there now stays: no use in looking through it again and again
    while True:
        try:
            number, task = pickle.loads(connection.recv_bytes())
        except (EOFError, OSError):
            return

        def stop(number: int = number) -> None:
            if cancelled.value == number:
                raise Cancelled

        answer: tuple[int, str, Any]
        try:
            answer = number, DONE, task.run(kernels, stop)
        except Cancelled:
            answer = number, CANCELLED, None
        except InvalidProblem as invalid:
            answer = number, INVALID, (invalid.path, invalid.message)
        except Exception:
            answer = number, FAILED, traceback.format_exc()
        try:
            connection.send_bytes(pickle.dumps(answer, protocol=5))
        except OSError:
            return


def _die_with_parent(parent: int) -> None:
    """A killed server must not leave workers behind, not even one stuck in a compilation."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
