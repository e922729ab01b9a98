"""Messages between the server and a process that does not do its part."""

import asyncio
import multiprocessing
import os
from collections.abc import Callable, Coroutine
from multiprocessing.connection import Connection
from typing import Any

import pytest
import uvloop

from app.workers.wire import PIECE, Wire

LARGE = os.urandom(2**22)
LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


class End:
    """The server's end of a pipe and what came out of it."""

    def __init__(self) -> None:
        ours, self.theirs = multiprocessing.Pipe()
        self.messages: list[bytes] = []
        self.ended = False
        self.news = asyncio.Event()
        self.wire = Wire(ours, self._receive, self._end)

    def _receive(self, message: bytearray) -> None:
        self.messages.append(bytes(message))
        self.news.set()

    def _end(self) -> None:
        self.ended = True
        self.wire.close()
        self.news.set()

    async def next(self) -> None:
        await asyncio.wait_for(self.news.wait(), 30)
        self.news.clear()


def run(work: Callable[[End], Coroutine[Any, Any, None]], loop: Callable[[], Any]) -> None:
    async def make() -> None:
        await work(End())

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(asyncio.wait_for(make(), 60))


def raw(message: bytes) -> bytes:
    """As it goes through a pipe."""
    reading, writing = os.pipe()
    Connection(writing).send_bytes(message)
    return os.read(reading, 2**16)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("size", [0, 1, PIECE - 4, PIECE, len(LARGE)])
def test_messages_arrive_as_they_were(size: int, loop: Callable[[], Any]) -> None:
    async def there_and_back(end: End) -> None:
        message = LARGE[:size]
        for _ in range(3):
            end.wire.send(message)
            assert await asyncio.to_thread(end.theirs.recv_bytes) == message
            await asyncio.to_thread(end.theirs.send_bytes, message)
            await end.next()
        assert end.messages == [message] * 3
        end.theirs.close()
        await end.next()
        assert end.ended

    run(there_and_back, loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_who_does_not_read_keeps_nobody_waiting(loop: Callable[[], Any]) -> None:
    async def wait(end: End) -> None:
        end.wire.send(LARGE)
        end.wire.send(b"another")
        assert end.wire.is_sending
        assert await asyncio.to_thread(end.theirs.recv_bytes) == LARGE
        assert await asyncio.to_thread(end.theirs.recv_bytes) == b"another"
        while end.wire.is_sending:
            await asyncio.sleep(0.01)

    run(wait, loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_who_stops_in_the_middle_of_an_answer_keeps_nobody_waiting(loop: Callable[[], Any]) -> None:
    async def stop(end: End) -> None:
        sent = raw(b"first") + raw(b"second")
        for byte in sent[:-1]:
            os.write(end.theirs.fileno(), bytes([byte]))
            await asyncio.sleep(0.001)
        assert end.messages == [b"first"]
        os.write(end.theirs.fileno(), sent[-1:])
        while len(end.messages) < 2:
            await end.next()
        assert end.messages == [b"first", b"second"]

    run(stop, loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_process_that_dies_while_it_is_sent_to_has_not_read_it(loop: Callable[[], Any]) -> None:
    async def die(end: End) -> None:
        end.wire.send(LARGE)
        end.theirs.close()
        await end.next()
        assert end.ended
        assert end.wire.is_sending

    run(die, loop)
