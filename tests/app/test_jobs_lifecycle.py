"""What becomes of a job, and of those who follow it, when it is deleted or its server ends."""

import http.client
import json
import signal
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from app.schemas.jobs import JobAnswer
from tests.app.test_batch_http import HISTOGRAMS, flat, histograms
from tests.app.test_lifecycle import eventually
from tests.conftest import LiveServer, StartServer
from tests.examples import GAUSSIAN_50, HISTOGRAM, fitted, refused
from tests.jobs import accepted, events, followed, post_lines, rows_of, stored, streamed

FEW = {"FIT_MAX_BATCH_ROWS": 2}  # rows that need some tenths of a second make a chunk
FINISHED = "select number, place, finished, attempts from job_chunks where place is not null"


@pytest.fixture(scope="module")
def slow(start_server: StartServer) -> Iterator[LiveServer]:
    """Chunks of so few rows that progress is to be seen where each takes long."""
    with start_server(**FEW) as server:
        yield server


def test_events_end_with_the_job(slow: LiveServer) -> None:
    location = accepted(post_lines(slow.client, HISTOGRAMS, streamed(flat(6))))
    told = list(events(slow.client, location))
    assert [name for name, _ in told] == ["progress"] * (len(told) - 1) + ["end"]
    done = [JobAnswer.model_validate(job).rows_done for _, job in told]
    assert done == sorted(done)
    assert told[-1][1]["status"] == "succeeded"
    assert told[-1][1]["rows_done"] == 6
    for _, job in told:
        assert (job["estimated_end"] is None) == (job["rows_done"] in (0, 6))
    # those who come later get the same end
    assert list(events(slow.client, location))[-1] == told[-1]


def test_who_asks_for_the_head_does_not_wait_for_the_end(slow: LiveServer) -> None:
    location = accepted(post_lines(slow.client, HISTOGRAMS, streamed(flat(200))))
    url = httpx.URL(slow.url)
    connection = http.client.HTTPConnection(url.host, url.port or 80, timeout=30)
    for what, media_type in (("events", "text/event-stream"), ("results", "application/x-ndjson")):
        # the second answer on a connection comes once the first one has ended
        for method, path in (("HEAD", f"{location}/{what}"), ("GET", location)):
            connection.request(method, path)
            response = connection.getresponse()
            assert response.status == 200
            expected = media_type if method == "HEAD" else "application/json"
            assert (response.getheader("content-type") or "").startswith(expected)
            content = response.read()
        assert json.loads(content)["finished"] is None
    connection.close()
    assert slow.client.delete(location).status_code == 204


def test_deleting_a_job_frees_the_workers_and_tells_its_followers(slow: LiveServer) -> None:
    before = stored(slow)
    location = accepted(post_lines(slow.client, HISTOGRAMS, streamed(flat(200))))
    told = events(slow.client, location)
    while next(told)[1]["rows_done"] == 0:
        pass
    assert followed(slow.client, location, follow=False)
    with slow.client.stream("GET", f"{location}/results") as response:
        rest = response.iter_lines()
        assert "row" in json.loads(next(rest))
        assert slow.client.delete(location).status_code == 204
        last = [json.loads(line) for line in rest][-1]
    assert last["end"] == "cancelled"
    name, end = list(told)[-1]
    assert (name, JobAnswer.model_validate(end).status) == ("end", "cancelled")
    assert end["links"]["results"] == f"{location}/results"
    refused(slow.client.get(location), 404)
    idle = ("fit_running", "fit_queue_length")
    assert eventually(lambda: not any(slow.metric(name) for name in idle), 30)
    assert eventually(lambda: not stored(slow) - before, 30)


def chunks(server: LiveServer, query: str = FINISHED) -> dict[int, Any]:
    """What the store says of chunks, by their number."""
    with sqlite3.connect(server.data_dir / "fits.sqlite") as store:
        return {row[0]: row[1:] for row in store.execute(query)}


def until(true: Callable[[], bool]) -> None:
    assert eventually(true, 60)


def slow_then_quick() -> bytes:
    """40 rows, of which the first ten last until the server is ended: the rest only has to be."""
    first, rest = flat(10), histograms(30)
    return streamed(rest | {"counts": first["counts"] + rest["counts"]})


@pytest.mark.alone
def test_a_killed_server_s_job_is_resumed_and_nothing_done_twice(start_server: StartServer) -> None:
    with start_server(**FEW) as first:
        location = accepted(post_lines(first.client, HISTOGRAMS, slow_then_quick()))
        until(lambda: len(chunks(first)) >= 2)
        first.kill()
        done = chunks(first)
        begun = chunks(first, "select number from job_chunks where place is null and attempts")
    assert 2 <= len(done) < 20, "the job was over too soon to tell"
    assert begun
    with start_server(first.data_dir, **FEW) as second:
        found = followed(second.client, location)
        rows_of(found, 40)
        job = second.client.get(location).json()
        after = chunks(second)
    assert job["status"] == "succeeded"
    assert job["rows_done"] == sum(job["statuses"].values()) == 40
    assert {number: after[number] for number in done} == done
    assert {attempts for _, _, attempts in done.values()} == {1}
    assert {number for number, (_, _, attempts) in after.items() if attempts == 2} == set(begun)


@pytest.mark.alone
def test_a_server_that_is_told_to_stop_tells_followers_and_leaves_the_rest(
    start_server: StartServer,
) -> None:
    with start_server(**FEW) as first:
        location = accepted(post_lines(first.client, HISTOGRAMS, slow_then_quick()))
        found = []
        with first.client.stream("GET", f"{location}/results") as response:
            for line in response.iter_lines():
                if not found:
                    first.process.send_signal(signal.SIGTERM)
                found.append(json.loads(line))
        assert found.pop()["end"] == "interrupted"
        assert first.process.wait(60) == 0
        left = chunks(first, "select number, owner, attempts from job_chunks where place is null")
    assert left, "the job was over too soon to tell"
    assert set(left.values()) == {(None, 0)}
    with start_server(first.data_dir, **FEW) as second:
        rest = followed(second.client, location, skip=len(found))
        rows_of(found + rest, 40)


@pytest.mark.alone
def test_a_job_lets_single_fits_and_small_jobs_pass(slow: LiveServer) -> None:
    client = slow.client
    fitted(client.post(HISTOGRAM, json=GAUSSIAN_50))
    giant = accepted(post_lines(client, HISTOGRAMS, streamed(flat(200))))
    until(lambda: client.get(giant).json()["rows_done"] > 0)
    for _ in range(10):
        fitted(client.post(HISTOGRAM, json=GAUSSIAN_50))
    own = accepted(post_lines(client, HISTOGRAMS, streamed(histograms(10))))
    rows_of(followed(client, own), 10)
    # they did not wait for its end
    assert client.get(giant).json()["status"] == "running"
    assert client.delete(giant).status_code == 204
