"""What is wrong with a job's lines is told with its place, and nothing of the job is kept."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.app.test_batch_http import HISTOGRAMS, POINTS, histograms
from tests.app.test_lifecycle import eventually
from tests.conftest import LiveServer, StartServer
from tests.examples import pointers, polynomial, refused, replaced, without
from tests.jobs import ASYNC, NDJSON, accepted, ndjson, post_lines, stored

HEAD = without(histograms(1), "/counts")
ROWS = histograms(20)["counts"]
LINE_HEAD = {"x": [1, 2, 3], "model": polynomial(1)}
DEEP = b'{"counts": ' + b"[" * 200 + b"]" * 200 + b"}"  # one level more is no JSON here
XY: list[Any] = [{"y": [1, 2, 3], "y_err": [0.1, 0.1, 0.1]}] * 9


def with_line(line: bytes, number: int = 7) -> bytes:
    every = ndjson(HEAD, *ROWS).splitlines()
    every[number - 1] = line
    return b"\n".join(every)


WRONG: list[tuple[str, bytes, int, str, str]] = [
    (HISTOGRAMS, with_line(json.dumps([*ROWS[5][:3], -2, *ROWS[5][4:]]).encode()), 422,
     "/rows/5/3", "line 7"),
    (HISTOGRAMS, with_line(json.dumps([*ROWS[5][:3], "7", *ROWS[5][4:]]).encode()), 422,
     "/rows/5/3", "line 7: must be a number: without quotes"),
    (HISTOGRAMS, with_line(json.dumps([*ROWS[5][:3], None, *ROWS[5][4:]]).encode()), 422,
     "/rows/5/3", "line 7"),
    (HISTOGRAMS, with_line(b"[1, NaN]"), 422, "/rows/5/1", "line 7"),
    (HISTOGRAMS, with_line(b"[1, 2]"), 422, "/rows/5", "line 7"),
    (HISTOGRAMS, with_line(b"[]"), 422, "/rows/5", "line 7"),
    (HISTOGRAMS, with_line(b"5"), 422, "/rows/5", "line 7"),
    (HISTOGRAMS, with_line(b"[[1], [2]]"), 422, "/rows/5", "line 7"),
    (HISTOGRAMS, with_line(b'{"counts": [1]}'), 422, "/rows/5", "line 7"),
    (HISTOGRAMS, ndjson(HEAD) + b'{"counts": [1, 2]}\n' + DEEP, 422, "/rows/1",
     "line 3: is nested too deeply"),
    (HISTOGRAMS, with_line(b"[1, 2], [3, 4]"), 400, "/rows/5", "line 7"),
    (HISTOGRAMS, with_line(b"[1, 2"), 400, "/rows/5", "line 7"),
    (HISTOGRAMS, with_line(b"what?"), 400, "/rows/5", "line 7"),
    (HISTOGRAMS, with_line(b"\xff\xfe"), 400, "/rows/5", "line 7"),
    (HISTOGRAMS, b"\n\n" + with_line(b"[1, 2]"), 422, "/rows/5", "line 9"),
    (HISTOGRAMS, ndjson(HEAD, *(row[1:] for row in ROWS)), 422, "/rows/0", "line 2"),
    (HISTOGRAMS, ndjson(HEAD), 422, "/rows", "none"),
    (HISTOGRAMS, b"", 422, "", "empty"),
    (HISTOGRAMS, ndjson(*ROWS), 422, "", "must be an object: the first line is the request"),
    (HISTOGRAMS, ndjson(histograms(2)), 422, "/counts", "first line"),
    (HISTOGRAMS, ndjson(HEAD | {"starts": {"mu": [1]}}, *ROWS), 422, "/starts", "first line"),
    (HISTOGRAMS, ndjson(HEAD | {"modl": 1}, *ROWS), 422, "/modl", "model"),
    (HISTOGRAMS, ndjson(HEAD | {"parameters": {"m": 1}}, *ROWS), 422, "/parameters/m", "mu"),
    (HISTOGRAMS, ndjson(HEAD | {"fit_range": [9, 10]}, *ROWS), 422, "/fit_range", "bin"),
    (HISTOGRAMS, ndjson(HEAD, *({"counts": row, "starts": {"sigma": s}} for row, s in
                                zip(ROWS, [1.0] * 19 + [-1.0], strict=True))), 422,
     "/rows/19/starts/sigma", "line 21"),
    (HISTOGRAMS, ndjson(HEAD, *({"counts": row, "starts": {"nu": 1.0}} for row in ROWS)), 422,
     "/rows/0/starts/nu", "line 2"),
    (HISTOGRAMS, ndjson(HEAD | {"parameters": {"mu": 0.1}},
                        *({"counts": row, "starts": {"mu": 0.1}} for row in ROWS)), 422,
     "/rows/0/starts/mu", "once"),
    (POINTS, ndjson(LINE_HEAD, [1, 2, 3], [1, None, 3]), 422, "/rows/1/1",
     "line 3: null is no number; leave this point out"),
    (POINTS, ndjson(LINE_HEAD, *XY, XY[0] | {"y": [1, None, 3]}), 422, "/rows/9/y/1",
     "line 11: null is no number; leave this point out"),
    (POINTS, ndjson(LINE_HEAD, *XY, {"y": [1, 2, 3]}), 422, "/rows/9", "line 11"),
    (POINTS, ndjson(LINE_HEAD, *XY, XY[0] | {"y_er": 1}), 422, "/rows/9/y_er", "line 11"),
    (POINTS, ndjson(LINE_HEAD, *XY, XY[0] | {"y_err": [0.1, 0, 0.1]}), 422,
     "/rows/9/y_err/1", "line 11"),
    (POINTS, ndjson(LINE_HEAD, *XY, XY[0] | {"y_err": [0.1]}), 422, "/rows/9/y_err", "line 11"),
    (POINTS, ndjson(LINE_HEAD, XY[0] | {"y_err": [0.1, 0, 0.1]}), 422, "/rows/0/y_err/1", "line 2"),
    (POINTS, ndjson(LINE_HEAD | {"y_err": 0.1}, *XY), 422, "/y_err", "once"),
    (POINTS, ndjson(without(LINE_HEAD, "/x"), *XY), 422, "/x", "required"),
    (POINTS, ndjson(LINE_HEAD | {"x": [1, 2]}, *XY), 422, "/x", "values"),
]  # fmt: skip


@pytest.fixture(scope="module")
def small(start_server: StartServer) -> Iterator[LiveServer]:
    """Chunks of few rows, so that there are many."""
    with start_server(FIT_MAX_BATCH_ROWS=50) as server:
        yield server


@pytest.mark.parametrize(("path", "content", "status", "pointer", "said"), WRONG)
def test_a_mistake_is_told_with_its_place_and_nothing_is_left_of_the_job(
    server: LiveServer, path: str, content: bytes, status: int, pointer: str, said: str
) -> None:
    before = stored(server)
    problem = refused(post_lines(server.client, path, content), status)
    assert pointer in pointers(problem)
    assert any(said in error["message"] for error in problem["errors"])
    assert eventually(lambda: not stored(server) - before, 30)  # nobody waits for it


def test_a_job_in_one_piece_may_not_have_two_starts(client: httpx.Client) -> None:
    body = histograms(2) | {"parameters": {"mu": 0.1}, "starts": {"mu": [0.1, 0.2]}}
    problem = refused(client.post(HISTOGRAMS, json=body, headers=ASYNC), 422)
    assert pointers(problem) == ["/starts/mu"]


INDENTED = json.dumps(histograms(2), indent=2).encode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (INDENTED, "line 1 is not valid JSON: EOF while parsing an object; the first line is"),
        (b"\n \n" + INDENTED, "line 3 is not valid JSON"),
        (b"\xef\xbb\xbf" + INDENTED, "line 1 is not valid JSON"),
        (b"x,y\n1,2\n", "line 1 is not valid JSON: expected value; the first line is"),
        (ndjson(HEAD, *ROWS).replace(b"\n", b""), "with curl send it by --data-binary"),
        (ndjson(HEAD, *ROWS).decode().encode("utf-16"), "in UTF-16, and not in UTF-8"),
    ],
    ids=["indented", "after blank lines", "with a BOM", "csv", "without line ends", "utf-16"],
)
def test_a_first_line_that_is_no_json_is_told_what_it_should_be(
    client: httpx.Client, content: bytes, said: str
) -> None:
    problem = refused(post_lines(client, HISTOGRAMS, content), 400)
    assert said in problem["detail"]
    assert "the request without its rows, all on one line" in problem["detail"]
    assert "one JSON object" not in problem["detail"]


EMPTY = [
    *((HISTOGRAMS, place) for place in ("/edges", "/fit_range", "/parameters", "/model",
      "/parameters/mu", "/parameters/mu/limits", "/parameters/mu/constraint/sigma")),
    *((POINTS, place) for place in ("/x", "/x_err", "/y_err", "/fit_range", "/model/degree")),
]  # fmt: skip


@pytest.mark.parametrize(("path", "place"), EMPTY)
def test_an_empty_list_in_the_first_line_is_refused_as_in_json(
    client: httpx.Client, path: str, place: str
) -> None:
    head, data, row = (
        (HEAD, "counts", ROWS[0]) if path == HISTOGRAMS else (LINE_HEAD, "y", [1, 2, 3])
    )
    head = replaced(head, (place, []))
    in_lines = refused(post_lines(client, path, ndjson(head, row)), 422)["errors"]
    in_json = refused(client.post(path, json=head | {data: [row]}), 422)["errors"]
    assert in_lines == in_json
    assert place in [error["pointer"] for error in in_lines]


@pytest.mark.parametrize(
    ("media_type", "status"),
    [
        ("application/jsonl", 202),
        ("application/ndjson; charset=utf-8", 202),
        ("application/json", 400),
        ("text/plain", 415),
    ],
)
def test_lines_by_their_other_names_are_taken_and_by_wrong_ones_told_the_right(
    server: LiveServer, media_type: str, status: int
) -> None:
    headers = NDJSON | {"Content-Type": media_type}
    content = b"\xef\xbb\xbf" + ndjson(HEAD, *ROWS)
    response = server.client.post(HISTOGRAMS, content=content, headers=headers)
    if status == 202:
        server.client.delete(accepted(response))
    else:
        assert "application/x-ndjson" in refused(response, status)["detail"]


def test_a_mistake_after_many_chunks_takes_them_back(small: LiveServer) -> None:
    before = stored(small)
    content = ndjson(HEAD, *(ROWS * 500), [1])  # many slices of the stream
    problem = refused(post_lines(small.client, HISTOGRAMS, content), 422)
    assert pointers(problem) == ["/rows/10000"]
    assert eventually(lambda: not stored(small) - before, 30)


def test_a_client_that_hangs_up_leaves_nothing(small: LiveServer) -> None:
    before = stored(small)

    def half() -> Iterator[bytes]:
        yield ndjson(HEAD)
        for _ in range(500):  # more than the server reads ahead
            yield ndjson(*ROWS)
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        small.client.post(HISTOGRAMS, content=half(), headers=NDJSON)
    assert eventually(lambda: not stored(small) - before, 30)
