"""The loop inside a worker: one task after the other, until the server hangs up.

The server's end sends `(number, task)`, pickled, once the process has said that it is up;
back go `(number, how, what, seconds)`. A running task looks into shared memory before each
evaluation of its cost: whether it is to stop; and if it is a part of a batch, whether a single fit
waits. Then the process says that it has a `BREAK`, and gets that fit, or nothing. Before an answer
it may say that it is `FULL`: that it should get no other task, for what the last ones have left.
"""

import gc
import os
import pickle
import signal
import threading
import time
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from app.workers.memory import Allowance
from app.workers.signals import NOBODY, Signals

if TYPE_CHECKING:
    from fitting.kernels.cache import KernelCache

UP, BREAK, FULL = "up", "break", "full"
WORKSHOP_KERNELS = 8  # that it keeps: what is compiled the workers take over


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker needs of the service's settings."""

    kernels_dir: Path
    kernel_cache_bytes: int
    kernels_in_memory: int
    workshop_bytes: int
    platform: Literal["cpu", "auto"] = "cpu"
    workshop: bool = False


def main(connection: Connection, signals: Signals, settings: WorkerSettings) -> None:
    """Entry point of the process."""
    # both reach the whole process group (Ctrl-C, systemd, timeout); the server decides when workers
    # stop: it hangs up, and kills those that do not listen
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if settings.workshop:
        os.nice(10)  # compiling a stranger's formula must not slow the fits of others
    allowance = Allowance(settings.workshop_bytes) if settings.workshop else None
    threading.Thread(target=_give_up, args=(os.getppid(), allowance), daemon=True).start()
    if settings.platform == "auto" and not settings.workshop:
        os.environ["JAX_PLATFORMS"] = ""  # whatever JAX finds, read when it is imported
    from fitting.kernels.cache import KernelCache
    from fitting.kernels.devices import accelerator
    from fitting.kernels.folder import KernelFolder

    accelerator()  # before anything is compiled, which would else be for it
    KernelFolder(settings.kernels_dir, settings.kernel_cache_bytes).use()
    most = settings.kernels_in_memory
    kernels = KernelCache(min(most, WORKSHOP_KERNELS) if settings.workshop else most)
    gc.freeze()  # what is there now stays: no use in looking through it again and again
    serving = Serving(connection, signals, kernels, allowance)
    try:
        serving.tell(UP)
        while True:
            serving.next()
    except (EOFError, OSError):  # the server has ended
        return


class Serving:
    """The tasks of this process, as they come."""

    def __init__(
        self,
        connection: Connection,
        signals: Signals,
        kernels: "KernelCache",
        allowance: Allowance | None = None,
    ):
        self._connection = connection
        self._signals = signals
        self._kernels = kernels
        self._allowance = allowance

    def next(self) -> float:
        """The next task, from when it comes to when it is answered; how many seconds it took."""
        from app.workers.tasks import attempt
        from fitting.batch.result import BatchResult
        from fitting.errors import Cancelled

        number, task = pickle.loads(self._connection.recv_bytes())
        if task is None:
            return 0.0
        if self._allowance is not None:
            self._allowance.begin()
        began, away_s, signals = time.monotonic(), 0.0, self._signals

        def stop() -> None:
            nonlocal away_s
            if number in (signals.cancelled, signals.cancelled_guest):
                raise Cancelled
            if task.is_shared and signals.asked:
                self.tell(BREAK)
                away_s += self.next()

        how, what = attempt(task, self._kernels, stop)
        seconds = time.monotonic() - began
        if isinstance(what, BatchResult):
            what = replace(what, seconds=what.seconds - away_s)
        if self._allowance is not None and self._allowance.is_used_up:
            self.tell(FULL)
        self.tell(how, number, what, seconds - away_s)
        return seconds

    def tell(self, how: str, number: int = NOBODY, what: Any = None, seconds: float = 0.0) -> None:
        """To the server's end."""
        self._connection.send_bytes(pickle.dumps((number, how, what, seconds), protocol=5))


def _give_up(parent: int, allowance: Allowance | None) -> None:
    """End the process when the server has ended, or a compilation takes too much memory.

    A killed server must not leave workers behind, not even one stuck in a compilation.
    """
    while os.getppid() == parent and not (allowance and allowance.is_exceeded):
        time.sleep(0.2)
    os._exit(1)
