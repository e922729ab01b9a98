"""The tutorial's variants in a process of their own, where JAX is as its defaults make it.

The service sets JAX up for small kernels (one thread, no asynchronous dispatch) when it is
imported, which would speed the tutorial's variants up, too. A turn is asked for through a pipe
and timed inside the other process.
"""

import contextlib
import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

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


@contextlib.contextmanager
def contestants() -> Iterator[list[Contestant]]:
    """The variants in the other process; each tells its own time."""
    context = multiprocessing.get_context("spawn")
    connection, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()

    def elsewhere(name: str) -> Callable[[], Any]:
        def run() -> Any:
            connection.send(name)
            return connection.recv()

        return run

    yield [
        Contestant(name, group, elsewhere(name), as_it_is, every, tells_time=True)
        for name, group, every in connection.recv()
    ]
    connection.close()
    process.join(10)


def as_it_is(outcome: Computed) -> Computed:
    """The other process has read it already."""
    return outcome
