"""Messages to a process and from it that never keep the event loop waiting.

A process that is stopped, or has no core, reads nothing and stops in the middle of an answer; what
does not fit into the pipe at once follows as it is read. The other end is multiprocessing's
`Connection`, whose messages are a length and as many bytes.
"""

import asyncio
import os
import struct
from collections.abc import Callable
from multiprocessing.connection import Connection

PIECE = 2**16
LENGTH = struct.Struct("!i")
LONG_LENGTH = struct.Struct("!iQ")  # after -1, from 2 GiB
LONGEST = 2**31 - 1


class Wire:
    """`on_message(bytes)` and, perhaps by `send`, `on_end()` are called from the event loop."""

    def __init__(
        self,
        connection: Connection,
        on_message: Callable[[bytearray], None],
        on_end: Callable[[], None],
    ):
        self._connection = connection
        self._on_message = on_message
        self._on_end = on_end
        self._received = bytearray()
        self._unsent = bytearray()
        self._is_writing = False
        self._fd = connection.fileno()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._read)
        os.set_blocking(self._fd, False)

    @property
    def is_sending(self) -> bool:
        """Whether the last message has not gone yet, as a whole."""
        return len(self._unsent) > 0

    def send(self, message: bytes) -> None:
        """Now what the pipe takes, the rest by and by."""
        size = len(message)
        self._unsent += LENGTH.pack(size) if size <= LONGEST else LONG_LENGTH.pack(-1, size)
        self._unsent += message
        self._write()

    def close(self) -> None:
        """Hang up, whatever is on its way."""
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._received.clear()
        self._connection.close()

    def _write(self) -> None:
        try:
            del self._unsent[: os.write(self._fd, self._unsent)]
        except BlockingIOError:
            pass
        except OSError:
            self._on_end()
            return
        if self.is_sending and not self._is_writing:
            self._loop.add_writer(self._fd, self._write)
        elif self._is_writing and not self.is_sending:
            self._loop.remove_writer(self._fd)
        self._is_writing = self.is_sending

    def _read(self) -> None:
        try:
            piece = os.read(self._fd, PIECE)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not piece:
            self._on_end()
            return
        self._received += piece
        while (message := self._next()) is not None:
            self._on_message(message)

    def _next(self) -> bytearray | None:
        """The first message that is here as a whole."""
        received, begin = self._received, LENGTH.size
        if len(received) < begin:
            return None
        (size,) = LENGTH.unpack_from(received)
        if size < 0:
            begin = LONG_LENGTH.size
            if len(received) < begin:
                return None
            _, size = LONG_LENGTH.unpack_from(received)
        end = begin + size
        if len(received) < end:
            return None
        message = received[begin:end]
        del received[:end]
        return message
