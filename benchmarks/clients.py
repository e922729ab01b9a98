"""Many clients in one thread, each on a connection that is kept alive.

They share the machine with the service, so they must cost little: requests are made once, and of
an answer only the status is read. A thread a client, with the standard library's `http.client`,
took as much time as the service itself.
"""

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import httptools
import httpx
import numpy as np
import uvloop

from fitting.padding import Floats


@dataclass
class Tally:
    """What came back: milliseconds by status, and how many fits within the time."""

    seconds: float
    by_status: dict[int, list[float]] = field(default_factory=dict)
    fitted: int = 0

    def add(self, status: int, seconds: float, *, in_time: bool = True) -> None:
        self.by_status.setdefault(status, []).append(1e3 * seconds)
        self.fitted += in_time and status == httpx.codes.OK

    def __add__(self, other: "Tally") -> "Tally":
        both = Tally(self.seconds + other.seconds, fitted=self.fitted + other.fitted)
        for tally in (self, other):
            for status, times in tally.by_status.items():
                both.by_status.setdefault(status, []).extend(times)
        return both

    def rate(self) -> float:
        """Fits a second."""
        return self.fitted / self.seconds

    def percentiles(self, status: int = httpx.codes.OK) -> Floats:
        """50, 95 and 99 per cent, in milliseconds."""
        times = self.by_status.get(status) or [np.nan]
        return np.asarray(np.percentile(times, [50, 95, 99]))


class Client(asyncio.Protocol):
    """One connection; `answered(client, status, seconds)` after each answer."""

    def __init__(self, request: bytes, answered: Callable[["Client", int, float], None]):
        self._request = request
        self._answered = answered
        self._parser = httptools.HttpResponseParser(self)
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        status = self._parser.get_status_code()
        self._parser = httptools.HttpResponseParser(self)
        self._answered(self, status, time.perf_counter() - self._sent)


def post(url: httpx.URL, path: str, content: bytes) -> bytes:
    """A request as it goes over the wire."""
    head = f"POST {path} HTTP/1.1\r\nHost: {url.host}:{url.port}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


def closed(clients: int, request: bytes, url: httpx.URL, seconds: float) -> Tally:
    """Each of the clients sends its next request when it has the answer to the last."""
    tally = Tally(seconds)

    async def run() -> None:
        end = time.perf_counter() + seconds

        def answered(client: Client, status: int, took: float) -> None:
            if time.perf_counter() < end:
                tally.add(status, took)
                client.send()

        for client in [await connect(request, answered, url) for _ in range(clients)]:
            client.send()
        await asyncio.sleep(end - time.perf_counter())

    uvloop.run(run())
    return tally


def opened(rate: float, request: bytes, url: httpx.URL, seconds: float, most: int) -> Tally:
    """So many requests a second, whatever is answered, over at most so many connections."""
    tally = Tally(seconds)

    async def run() -> None:
        idle: list[Client] = []
        start = float("inf")

        def answered(client: Client, status: int, took: float) -> None:
            # the queue is full at the end, and those who wait in it are still answered
            tally.add(status, took, in_time=time.perf_counter() - start < seconds)
            idle.append(client)

        idle += [await connect(request, answered, url) for _ in range(most)]
        start = time.perf_counter()
        for turn in itertools.count():
            now = time.perf_counter() - start
            if now > seconds:
                break
            if turn / rate > now:
                await asyncio.sleep(turn / rate - now)
            while not idle:
                await asyncio.sleep(0.001)
            idle.pop(0).send()
        while len(idle) < most:  # what was accepted is answered
            await asyncio.sleep(0.01)

    uvloop.run(run())
    return tally


async def connect(
    request: bytes, answered: Callable[[Client, int, float], None], url: httpx.URL
) -> Client:
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(
        lambda: Client(request, answered), url.host, url.port or 80
    )
    return client
