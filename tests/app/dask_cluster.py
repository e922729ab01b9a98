"""A Dask cluster of real processes on loopback, for the tests of the service in front of it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from distributed import Client

from tests.conftest import ROOT

WAIT_S = 120.0


def wait_until(true: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < end, f"not after {WAIT_S:.0f} s: {what}"
        time.sleep(0.02)


class DaskCluster:
    """One scheduler, and workers of one thread each; `names` are their addresses."""

    def __init__(self, folder: Path, kernels: Path, port: int = 0):
        self.folder = folder
        self._env = os.environ | {"FIT_KERNEL_CACHE_DIR": str(kernels)}
        self._file = folder / "scheduler.json"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        listen = ["--host", "127.0.0.1", "--port", str(port), "--scheduler-file", str(self._file)]
        self._start("scheduler", "scheduler", *listen)
        wait_until(self._file.exists, "a scheduler")
        self.client = Client(scheduler_file=str(self._file), set_as_default=False)
        self.address: str = self.client.scheduler.address

    def _start(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", "dask", *command, "--no-dashboard"],
                cwd=ROOT,
                env=self._env,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def add_worker(self, name: str) -> None:
        """A worker that nothing replaces when it dies."""
        preload = ["--preload", "app.workers.remote"]
        once = ["--no-nanny", "--nthreads", "1", "--name", name, "--local-directory"]
        self._start(name, "worker", self.address, *once, str(self.folder), *preload)

    def workers(self) -> dict[str, str]:
        """Address of each worker, by name."""
        info = self.client.scheduler_info(n_workers=-1)["workers"]
        return {worker["name"]: address for address, worker in info.items()}

    def wait_for_workers(self, number: int) -> None:
        self.client.wait_for_workers(number, timeout=WAIT_S)

    def working(self, name: str) -> bool:
        """Whether the worker has something to do."""
        return bool(self.client.processing().get(self.workers()[name]))

    def signal(self, name: str, number: signal.Signals) -> None:
        self._processes[name].send_signal(number)

    def kill(self, name: str) -> None:
        """SIGKILL."""
        self._processes[name].kill()
        self._processes[name].wait(WAIT_S)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.client.close(timeout=5)
        for process in self._processes.values():
            process.kill()
            process.wait(WAIT_S)
