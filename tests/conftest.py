"""Live servers for the black-box tests.

`client` talks to one server that the whole session shares. A test that needs settings of its own,
or that ends its server, takes `start_server` and uses what it returns as a context manager.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Protocol, Self

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from fitting.kernels import cache
from fitting.kernels.compiling import HASTILY
from fitting.kernels.folder import KernelFolder
from tests.serving import NotReady, free_port, launch, wait_ready

# Most of what tests compile runs once. In servers all is compiled as ever; with TEST_THOROUGHLY,
# in `make test-full`, what tests compile themselves is, too.
if "TEST_THOROUGHLY" not in os.environ:
    flags = (f"--{name}={str(value).lower()}" for name, value in HASTILY.items())
    os.environ["XLA_FLAGS"] = " ".join([os.environ["XLA_FLAGS"], *flags])
    cache.LIGHTLY = cache.THOROUGHLY = HASTILY

ROOT = Path(__file__).resolve().parents[1]
READY_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 60.0
JSON_TYPE = re.compile(r"application/([\w.-]+\+)?json\b")


def _refuse_constant(constant: str) -> NoReturn:
    raise AssertionError(f"a reply contains {constant}, which is not JSON")


def _only_real_json(response: httpx.Response) -> None:
    """Python's own reader takes NaN and Infinity, so every reply is read a second time without."""
    if JSON_TYPE.match(response.headers.get("content-type", "")):
        json.loads(response.read() or b"null", parse_constant=_refuse_constant)


@dataclass
class LiveServer:
    """One `python -m app`, the folder it keeps its data in, and a client on it."""

    process: subprocess.Popen[bytes]
    url: str
    data_dir: Path
    log_path: Path
    client: httpx.Client

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def wait_ready(self, timeout: float = READY_TIMEOUT_S) -> None:
        try:
            wait_ready(self.process, self.client, timeout, warm=True)
        except NotReady as error:
            pytest.fail(f"{error}:\n{self.log()}")

    def metric(self, name: str, **labels: str) -> float:
        """The sum of all samples of that name that carry these labels.

        A name that the server does not declare is an error: a misspelt metric never moves.
        """
        text = self.client.get("/metrics").text
        families = list(text_string_to_metric_families(text))
        stem = name.removesuffix("_total")
        assert any(family.name in (name, stem) for family in families), f"no metric {name}"
        return sum(
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def stop(self, timeout: float = STOP_TIMEOUT_S) -> int:
        """SIGTERM, and the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def kill(self) -> None:
        """SIGKILL for the server alone: its workers have to notice by themselves."""
        self.process.kill()
        self.process.wait(STOP_TIMEOUT_S)

    def close(self) -> None:
        """Whatever the test did, nothing of this server is left running."""
        self.client.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.stop()
        # The server leads a process group of its own, and its workers are in it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(STOP_TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class StartServer(Protocol):
    def __call__(self, data_dir: Path | None = None, **env: object) -> LiveServer: ...


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all processes of a parallel run, or for both parts of `make test`."""
    if "TEST_FOLDER" in os.environ:
        return Path(os.environ["TEST_FOLDER"])
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session", autouse=True)
def compile_once(shared_folder: Path) -> None:
    """What one test has compiled, others find."""
    KernelFolder(shared_folder / "compiled", 2**40).use()


@pytest.fixture(scope="session")
def start_server(
    tmp_path_factory: pytest.TempPathFactory, shared_folder: Path
) -> Iterator[StartServer]:
    """Start a server; settings by keyword, as in `start_server(FIT_WORKERS=1)`."""
    # One compile cache for all: only the first server pays for the usual kernels.
    kernels = shared_folder / "kernels"
    started: list[LiveServer] = []

    def start(data_dir: Path | None = None, **env: object) -> LiveServer:
        port = free_port()
        scratch = tmp_path_factory.mktemp("server")
        settings: dict[str, object] = {
            "FIT_HOST": "127.0.0.1",
            "FIT_PORT": port,
            "FIT_DATA_DIR": data_dir or scratch / "data",
            "FIT_KERNEL_CACHE_DIR": kernels,
            "FIT_WORKERS": 2,
            "FIT_WARM": False,
            **env,
        }
        Path(str(settings["FIT_DATA_DIR"])).mkdir(parents=True, exist_ok=True)
        with (scratch / "server.log").open("wb") as log:
            process = launch([sys.executable, "-m", "app"], ROOT, settings, log)
        url = f"http://127.0.0.1:{port}"
        hooks: dict[str, list[Any]] = {"response": [_only_real_json]}
        server = LiveServer(
            process=process,
            url=url,
            data_dir=Path(str(settings["FIT_DATA_DIR"])),
            log_path=scratch / "server.log",
            # trust_env: a proxy of the surroundings has no business with 127.0.0.1.
            client=httpx.Client(base_url=url, timeout=120.0, trust_env=False, event_hooks=hooks),
        )
        started.append(server)
        server.wait_ready()
        return server

    yield start
    for server in started:
        server.close()


@pytest.fixture(scope="session")
def server(start_server: StartServer) -> LiveServer:
    return start_server(FIT_DEADLINE_S=100)  # on a busy machine compiling takes a while


@pytest.fixture(scope="session")
def client(server: LiveServer) -> httpx.Client:
    return server.client
