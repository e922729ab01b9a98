"""The loop inside a worker, in a thread of ours, with tasks that do as they are told."""

import multiprocessing
import pickle
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import pytest

from app.workers.memory import Allowance
from app.workers.process import BREAK, FULL, Serving
from app.workers.signals import NOBODY, Signals
from app.workers.tasks import CANCELLED, DONE, BatchTask
from fitting.batch.question import Batch
from fitting.batch.rows import HistogramRows
from fitting.problem import Knowledge
from models.shapes.gaussian import Gaussian
from tests.fitting.problems import KERNELS

SHORT_S = 0.05


@dataclass(frozen=True)
class Evaluating:
    """Evaluates so many times; `is_shared` as a part of a batch."""

    evaluations: int
    is_shared: bool

    def run(self, _: Any, stop: Callable[[], None]) -> int:
        for _evaluation in range(self.evaluations):
            threading.Event().wait(SHORT_S)
            stop()
        return self.evaluations


FOREVER = 10**9


@pytest.fixture
def process():
    ours, theirs = multiprocessing.Pipe()
    signals = Signals(NOBODY, NOBODY, False)
    serving = Serving(theirs, signals, KERNELS)

    def serve() -> None:
        try:
            while True:
                serving.next()
        except (EOFError, OSError):
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    yield ours, signals
    ours.close()
    thread.join(10)
    assert not thread.is_alive()


def send(connection: Connection, number: int, task: Any) -> None:
    connection.send_bytes(pickle.dumps((number, task)))


def receive(connection: Connection) -> tuple[int, str, Any, float]:
    assert connection.poll(10)
    answer: tuple[int, str, Any, float] = pickle.loads(connection.recv_bytes())
    return answer


def test_a_single_fit_is_done_in_a_break_of_a_part(process: tuple[Connection, Signals]) -> None:
    connection, signals = process
    send(connection, 1, Evaluating(3, is_shared=True))
    signals.asked = True
    assert receive(connection)[:2] == (NOBODY, BREAK)
    signals.asked = False
    send(connection, 2, Evaluating(20, is_shared=False))
    number, how, what, seconds = receive(connection)
    assert (number, how, what) == (2, DONE, 20)
    assert seconds >= 20 * SHORT_S
    number, how, what, own_s = receive(connection)
    assert (number, how, what) == (1, DONE, 3)
    assert 3 * SHORT_S <= own_s < seconds  # without the time of its guest


def test_the_pace_of_a_batch_leaves_its_guests_out(process: tuple[Connection, Signals]) -> None:
    connection, signals = process
    edges = np.linspace(-3, 3, 13)
    counts = np.array([[1, 4, 14, 39, 72, 117, 128, 105, 73, 35, 9, 2]] * 4, float)
    rows, known = HistogramRows(edges, counts), (Knowledge(),) * 3
    batch = Batch(Gaussian(), rows, known, np.full((4, 3), np.nan))
    signals.asked = True
    send(connection, 1, BatchTask(batch, np.zeros(4, dtype=bool), None, False, 1e9, slice_s=60.0))
    assert receive(connection)[:2] == (NOBODY, BREAK)
    signals.asked = False
    send(connection, 2, Evaluating(40, is_shared=False))
    assert receive(connection)[0] == 2
    number, how, what, own_s = receive(connection)
    assert (number, how) == (1, DONE)
    assert what.seconds == pytest.approx(own_s, abs=0.1)


def test_a_break_with_nothing_to_do(process: tuple[Connection, Signals]) -> None:
    connection, signals = process
    send(connection, 1, Evaluating(2, is_shared=True))
    signals.asked = True
    assert receive(connection)[:2] == (NOBODY, BREAK)
    signals.asked = False
    send(connection, NOBODY, None)
    assert receive(connection)[:3] == (1, DONE, 2)


def test_single_fits_take_no_breaks(process: tuple[Connection, Signals]) -> None:
    connection, signals = process
    signals.asked = True
    send(connection, 1, Evaluating(2, is_shared=False))
    assert receive(connection)[:3] == (1, DONE, 2)


def test_either_is_cancelled_by_its_number(process: tuple[Connection, Signals]) -> None:
    connection, signals = process
    send(connection, 1, Evaluating(FOREVER, is_shared=True))
    signals.asked = True
    assert receive(connection)[:2] == (NOBODY, BREAK)
    signals.asked = False
    send(connection, 2, Evaluating(FOREVER, is_shared=False))
    signals.cancelled = 1  # which has to wait for its guest
    signals.cancelled_guest = 2
    assert receive(connection)[:3] == (2, CANCELLED, None)
    assert receive(connection)[:3] == (1, CANCELLED, None)


def test_a_server_that_ends_during_a_break_ends_the_process(
    process: tuple[Connection, Signals],
) -> None:
    connection, signals = process
    send(connection, 1, Evaluating(FOREVER, is_shared=True))
    signals.asked = True
    assert receive(connection)[:2] == (NOBODY, BREAK)
    connection.close()  # the fixture waits for the thread's end


class UsedUp(Allowance):
    """After so many jobs."""

    def __init__(self, jobs: int):
        super().__init__(sys.maxsize)
        self._jobs = jobs

    def begin(self) -> None:
        self._jobs -= 1

    @property
    def is_used_up(self) -> bool:
        return self._jobs <= 0


def test_a_process_says_that_it_is_full_before_the_answer_after_which_it_gets_nothing() -> None:
    ours, theirs = multiprocessing.Pipe()
    serving = Serving(theirs, Signals(NOBODY, NOBODY, False), KERNELS, UsedUp(2))
    for number, expected in ((1, [(1, DONE)]), (2, [(NOBODY, FULL), (2, DONE)])):
        send(ours, number, Evaluating(1, is_shared=False))
        serving.next()
        assert [receive(ours)[:2] for _ in expected] == expected
