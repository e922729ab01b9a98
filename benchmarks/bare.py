"""The barest service that fits over HTTP: what of a request no service can do without.

HTTP by hand, one process that fits behind a pipe, one commit before the answer is sent. There is no
framework, nothing is checked or explained, one client is served and nobody else, and a fit is over
when it is over. It takes `service.BODY` and answers what `service.read_reply` looks at.
"""

import contextlib
import multiprocessing
import secrets
import socket
import sqlite3
import tempfile
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
import numpy as np
from pydantic_core import from_json, to_json

from benchmarks.measure import Contestant
from benchmarks.service import BODY, Wire, read_reply
from fitting.data import Histogram
from fitting.fit import fit
from fitting.kernels.cache import KernelCache
from fitting.problem import FitProblem, Knowledge
from models.registry import SHAPES

NAME = "the barest service, over HTTP (floor)"
STOP_TIMEOUT_S = 10.0

SPAWN = multiprocessing.get_context("spawn")


@contextlib.contextmanager
def contestant() -> Iterator[Contestant]:
    """The same fit by such a service, which lives in processes of its own."""
    content = to_json(BODY)
    with tempfile.TemporaryDirectory(prefix="fit-bench-") as folder:
        told, theirs = SPAWN.Pipe()
        server = SPAWN.Process(target=serve, args=(theirs, Path(folder)))
        server.start()
        theirs.close()
        wire = Wire(httpx.URL(f"http://127.0.0.1:{told.recv()}"))
        yield Contestant(
            NAME, "floor", lambda: wire.send("POST", "/fit/histogram", content), read_reply
        )
        wire.close()
        server.join(STOP_TIMEOUT_S)


def serve(starter: Connection, folder: Path) -> None:
    """Entry point of the server: tell the port, and serve the one client until it hangs up."""
    worker, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=work, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    store = sqlite3.connect(folder / "fits.sqlite", isolation_level=None)
    store.execute("PRAGMA journal_mode=WAL")  # as the service's own store
    store.execute("PRAGMA synchronous=NORMAL")
    store.execute("CREATE TABLE fits (id TEXT PRIMARY KEY, request BLOB, answer BLOB)")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        starter.send(listening.getsockname()[1])
        client, _ = listening.accept()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with client:
        while question := received(client):
            worker.send_bytes(question)
            answer = worker.recv_bytes()
            row = secrets.token_urlsafe(18), question, answer
            store.execute("INSERT INTO fits VALUES (?, ?, ?)", row)
            head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer)
            client.sendall(head + answer)
    worker.close()
    process.join()


def received(client: socket.socket) -> bytes:
    """The body of the next request; nothing once the client has hung up."""
    data = b""
    while more := client.recv(2**16):
        data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
        if length and len(body) == int(length):
            return body
    return b""


def work(server: Connection) -> None:
    """Entry point of the process that fits: JSON to JSON, until the server hangs up."""
    kernels = KernelCache()
    with contextlib.suppress(EOFError):
        while True:
            server.send_bytes(answered(server.recv_bytes(), kernels))


def answered(question: bytes, kernels: KernelCache) -> bytes:
    """The answer to `BODY`."""
    asked = from_json(question)
    data = Histogram(
        np.array(asked["histogram"]["edges"]), np.array(asked["histogram"]["counts"], float)
    )
    knowledge = tuple(Knowledge(start=start) for start in asked["parameters"].values())
    result = fit(FitProblem(SHAPES[asked["model"]](), data, knowledge), kernels)
    matrix, effort = result.covariance.matrix, result.effort
    assert matrix is not None
    return to_json(
        {
            "valid": result.valid,
            "values": dict(zip(asked["parameters"], result.values.tolist(), strict=True)),
            "errors": dict(zip(asked["parameters"], result.errors, strict=True)),
            "covariance": matrix.tolist(),
            "minimizer": {"nfcn": effort.nfcn, "nhess": effort.nhess},
        }
    )
