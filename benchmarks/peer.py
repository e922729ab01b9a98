"""The tutorial's variants in a process of their own, where JAX is as its defaults make it.

The service sets JAX up for small kernels (one thread, no asynchronous dispatch) when it is
imported, which would speed the tutorial's variants up, too. A turn is asked for through a pipe
and timed inside the other process.
"""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from benchmarks.measure import Computed, Contestant, timed


def serve(connection: Connection) -> None:
    """Entry point of the process: run what is asked for, until the other end hangs up."""
    import jax

    jax.config.update("jax_enable_x64", True)

    from benchmarks import tutorial

    field = {c.name: c for c in tutorial.variants()}
    connection.send([(c.name, c.group, c.every) for c in field.values()])
    while True:
        try:
            contestant = field[connection.recv()]
        except EOFError:
            return
        milliseconds, outcome = timed(contestant.run)
        connection.send((milliseconds, contestant.read(outcome)))


class Peer:
    """The other process, as contestants of this one."""

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection.close()
        self._process.join(10)

    def contestants(self) -> list[Contestant]:
        """One for each variant; each tells its own time."""
        return [
            Contestant(name, group, self._run(name), _computed, every, tells_time=True)
            for name, group, every in self._connection.recv()
        ]

    def _run(self, name: str) -> Callable[[], Any]:
        def run() -> Any:
            self._connection.send(name)
            return self._connection.recv()

        return run


def _computed(outcome: Computed) -> Computed:
    return outcome
