"""Formulas that are hard to compile harm nobody: other clients' fits go on at normal speed."""

import statistics
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import LiveServer, StartServer
from tests.examples import GAUSSIAN_50, HISTOGRAM, XY_ERRORS, Body, fitted, pointers, refused

pytestmark = pytest.mark.alone

#: Two cores are shared by the victim, its worker, the bombs and whatever else a machine does.
SLOWER_BY = 8


def bomb(number: int) -> Body:
    """A formula near the limits, another one for each number: seconds of compiling."""
    factors = [f"exp(-sin(x*{i + 1}.1 + b + {number}.5))" for i in range(24)]
    x = [0.5 * i for i in range(20)]
    return {
        "x": x,
        "y": [1 + 0.1 * v for v in x],
        "y_err": 0.1,
        "model": {"formula": "a*" + "*".join(factors)},
    }


@pytest.fixture(scope="module")
def isolated(start_server: StartServer) -> Iterator[LiveServer]:
    with start_server(FIT_WORKERS=1, FIT_DEADLINE_S=2, FIT_KILL_GRACE_S=0.5) as server:
        yield server


def latencies(client: httpx.Client, number: int) -> list[float]:
    found = []
    for _ in range(number):
        began = time.perf_counter()
        assert fitted(client.post(HISTOGRAM, json=GAUSSIAN_50))["valid"] is True
        found.append(time.perf_counter() - began)
    return found


def test_a_victim_is_served_at_normal_speed_while_bombs_compile(
    isolated: LiveServer, capsys: pytest.CaptureFixture[str]
) -> None:
    latencies(isolated.client, 20)
    calm = latencies(isolated.client, 100)
    replies: list[httpx.Response] = []
    stop = threading.Event()

    def keep_bombing(offset: int) -> None:
        with httpx.Client(base_url=isolated.url, timeout=60, trust_env=False) as client:
            number = offset
            while not stop.is_set():
                replies.append(client.post(XY_ERRORS, json=bomb(number)))
                number += 10

    bombers = [threading.Thread(target=keep_bombing, args=(i,)) for i in range(3)]
    for bomber in bombers:
        bomber.start()
    time.sleep(1)
    under_fire = latencies(isolated.client, 300)
    stop.set()
    for bomber in bombers:
        bomber.join()
    before, during = statistics.median(calm), statistics.median(under_fire)
    with capsys.disabled():
        print(
            f"\nvictim's latency: median {1e3 * before:.1f} ms alone, {1e3 * during:.1f} ms "
            f"(worst {1e3 * max(under_fire):.0f} ms) while three clients send bombs"
        )
    assert during < SLOWER_BY * before
    assert max(under_fire) < 3  # never behind a compilation
    assert replies
    for reply in replies:
        if reply.status_code == 200:
            assert reply.json()["status"] in ("deadline", "converged", "not-positive-definite")
        else:
            refused(reply, 503, 422)


def test_a_formula_that_had_to_be_killed_is_refused_for_a_while(isolated: LiveServer) -> None:
    # Some of its functions may be compiled in time, and are kept; then comes one that is not: with
    # errors in x the Hessian takes 11 s to compile on a quiet core, and there are 2.5.
    hopeless = bomb(7) | {"x_err": 0.1}
    for _ in range(8):
        began = time.perf_counter()
        reply = isolated.client.post(XY_ERRORS, json=hopeless)
        if reply.status_code != 200:
            break
        answer = fitted(reply)
        assert answer["status"] == "deadline"
        if "could not be interrupted" in answer["message"]:
            assert answer["kernel"]["cache"] == "compiled"
    problem = refused(reply, 422)
    assert time.perf_counter() - began < 1
    assert pointers(problem) == ["/model"]
    # Another formula is welcome, once the workshop is back.
    easy = bomb(1) | {"model": {"formula": "a*x + b"}, "deadline_s": 2}
    for _ in range(10):
        reply = isolated.client.post(XY_ERRORS, json=easy)
        if reply.status_code == 200 and reply.json()["valid"]:
            return
        time.sleep(1)
    pytest.fail(reply.text)


def test_bombs_for_the_parser_are_refused_at_once(isolated: LiveServer) -> None:
    for formula in (
        "9**9**9",
        "(" * 10_000 + "x" + ")" * 10_000,
        "exp(" * 2_000,
        "-" * 5_000 + "x",
        "x.__class__.__mro__",
        "__import__('os').system('true')",
        "[x for x in x]",
        "a*x" + "+a*x" * 400,
        "1e999*a*x",
        "\N{MATHEMATICAL BOLD SMALL A}*x",
    ):
        body = bomb(0) | {"model": {"formula": formula}}
        began = time.perf_counter()
        problem = refused(isolated.client.post(XY_ERRORS, json=body), 422)
        assert time.perf_counter() - began < 1, formula
        assert pointers(problem) == ["/model/formula"], formula
