"""A server as a process of its own: started, and waited for."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import httpx

# The developer's own settings must not reach a server under test, nor those for tests.
OWN = ("FIT_", "XLA_FLAGS")


class NotReady(Exception):
    """The server has ended, or takes too long."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def launch(
    command: Sequence[str], folder: Path, settings: Mapping[str, object], log: IO[bytes] | None
) -> subprocess.Popen[bytes]:
    """In a process group of its own, in which its workers are, too.

    It ends when we do, where the system knows how, even if we are killed.
    """
    ends_with_us = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(OWN)}
    return subprocess.Popen(
        [*ends_with_us, *command],
        cwd=folder,
        env=inherited | {key: str(value) for key, value in settings.items()},
        stdout=log,
        stderr=None if log is None else subprocess.STDOUT,
        start_new_session=True,
    )


def wait_ready(
    server: subprocess.Popen[bytes], client: httpx.Client, within_s: float, *, warm: bool
) -> None:
    """Until /readyz says so, or even that the usual kernels are loaded."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if server.poll() is not None:
            raise NotReady(f"the server ended with {server.returncode}")
        with contextlib.suppress(httpx.TransportError):
            response = client.get("/readyz", timeout=5.0)
            if response.status_code == httpx.codes.OK and response.json()["warm"] >= warm:
                return
        time.sleep(0.05)
    raise NotReady(f"the server was not ready after {within_s:.0f} s")
