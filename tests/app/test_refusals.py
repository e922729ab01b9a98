"""Refusals before a body is understood, and what holds for every refusal.

Bytes that are no JSON, too many of them, another media type, a route or a method that does not
exist; and no reply is large, repeats what was sent, or is a 500, whatever was sent.
"""

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import LiveServer, StartServer
from tests.examples import (
    HISTOGRAM,
    SMALL_HISTOGRAM,
    STRAIGHT_LINE,
    XY_ERRORS,
    Body,
    fitted,
    gaussian_bins,
    pointers,
    points,
    polynomial,
    refused,
    replaced,
)

JSON = {"Content-Type": "application/json"}
COUNTS = "/histogram/counts"
EDGES = "/histogram/edges"
GOOD = json.dumps(SMALL_HISTOGRAM).encode()
SMALL_LIMIT = 10_000
PLANE: Body = {
    "x": {"t": [0, 1, 2, 3, 4, 5], "h": [3, 1, 4, 1, 5, 9]},
    "y": [1.2, 2.1, 1.8, 3.3, 2.4, 1.8],
    "y_err": 0.1,
    "model": {"formula": "a + b*t + c*h"},
}


def raw_counts(literal: bytes) -> bytes:
    """The small histogram with a literal that `json.dumps` would not write, as count number 3."""
    return GOOD.replace(b"[4, 21, 68, 70, 20, 5]", b"[4, 21, 68, " + literal + b", 20, 5]")


@pytest.mark.parametrize(
    ("content", "statuses"),
    [
        (b"", (400,)),
        (b"{", (400,)),
        (GOOD[:-1], (400,)),
        (GOOD[:40], (400,)),
        (GOOD + b"}", (400,)),
        (GOOD.replace(b'"', b"'"), (400,)),
        (b"\xff\xfe\x00", (400,)),
        (GOOD.replace(b"gaussian", b"gau\xff\xfe"), (400,)),
        (GOOD.decode().encode("utf-16"), (400,)),
        # Valid escapes of what is no text: half a surrogate pair.
        (GOOD.replace(b"gaussian", b"\\ud800"), (400, 422)),
        (GOOD.replace(b"gaussian", b"\\u0000"), (422,)),
        (b"[" * 100_000, (400, 422)),
        (b"[" * 100_000 + b"]" * 100_000, (400, 422)),
        (b'{"model":' * 100_000 + b"1" + b"}" * 100_000, (400, 422)),
        (b'{"model":{"sum":[' * 5_000 + b'"gaussian"' + b"]}}" * 5_000, (400, 422)),
        (raw_counts(b"[" * 100_000 + b"]" * 100_000), (400, 422)),
        (raw_counts(b"NaN"), (400, 422)),
        (raw_counts(b"Infinity"), (400, 422)),
        (raw_counts(b"-Infinity"), (400, 422)),
        (raw_counts(b"0x10"), (400,)),
    ],
    ids=lambda value: None if isinstance(value, tuple) else f"{value[:24]!r}+{len(value)}",
)
def test_bytes_that_are_no_request(
    client: httpx.Client, content: bytes, statuses: tuple[int, ...]
) -> None:
    refused(client.post(HISTOGRAM, content=content, headers=JSON), *statuses)


@pytest.mark.parametrize("literal", [b"1e999", b"-1e999", b"1" + b"0" * 400])
def test_a_number_beyond_a_double_is_pointed_to(client: httpx.Client, literal: bytes) -> None:
    response = client.post(HISTOGRAM, content=raw_counts(literal), headers=JSON)
    assert pointers(refused(response, 422)) == [f"{COUNTS}/3"]


@pytest.mark.parametrize(
    ("path", "good", "changes"),
    [
        (HISTOGRAM, SMALL_HISTOGRAM, [(COUNTS, [0] * 6)]),
        (HISTOGRAM, SMALL_HISTOGRAM, [("/model", polynomial(5)), (COUNTS, [0, 0, 0, 0, 9, 0])]),
        (HISTOGRAM, {"histogram": {"edges": [0, 1], "counts": [5]}, "model": "gaussian"}, []),
        (XY_ERRORS, points(2, degree=5), []),
        (XY_ERRORS, points(1, degree=2), []),
    ],
    ids=["all-empty", "one-filled-bin", "one-bin", "two-points", "one-point"],
)
def test_data_that_cannot_decide_get_words_that_help(
    client: httpx.Client, path: str, good: Body, changes: list[tuple[str, Any]]
) -> None:
    answer = fitted(client.post(path, json=replaced(good, *changes)))
    assert answer["valid"] is False
    assert answer["status"] != "converged"
    assert len(answer["message"].split()) >= 4


@pytest.mark.parametrize(
    ("path", "good", "changes"),
    [
        (HISTOGRAM, SMALL_HISTOGRAM, [(COUNTS, [1e308] * 6)]),
        (HISTOGRAM, SMALL_HISTOGRAM, [(COUNTS, [5e-324] * 6)]),
        (HISTOGRAM, SMALL_HISTOGRAM, [(EDGES, [-1e308, -1, 0, 1, 2, 3, 1e308])]),
        (HISTOGRAM, SMALL_HISTOGRAM, [(EDGES, [0, 5e-324, 1e-323, 1e-322, 1e-321, 1, 2])]),
        (HISTOGRAM, SMALL_HISTOGRAM, [("/fit_range", [100, 200])]),
        (HISTOGRAM, SMALL_HISTOGRAM, [("/parameters/sigma", 1e-300)]),
        (HISTOGRAM, SMALL_HISTOGRAM, [("/parameters/mu", 1e308)]),
        (HISTOGRAM, SMALL_HISTOGRAM, [("/parameters/mu", {"start": 1, "limits": [1, 1]})]),
        (HISTOGRAM, SMALL_HISTOGRAM, [(f"/parameters/{p}/fixed", True) for p in ("amp", "mu")]),
        (HISTOGRAM, SMALL_HISTOGRAM, [("/deadline_s", 1e300)]),
        (HISTOGRAM, SMALL_HISTOGRAM, [("/model", "exponential")]),
        (XY_ERRORS, STRAIGHT_LINE, [("/x", [1] * 8)]),
        (XY_ERRORS, STRAIGHT_LINE, [("/x/0", 1e308)]),
        (XY_ERRORS, STRAIGHT_LINE, [("/y/0", -1e308)]),
        (XY_ERRORS, STRAIGHT_LINE, [("/y_err", 1e-308)]),
        (XY_ERRORS, STRAIGHT_LINE, [("/x_err", 1e308)]),
        (XY_ERRORS, STRAIGHT_LINE, [("/x_err", 0)]),
        (XY_ERRORS, PLANE, [("/x/t", [1] * 6)]),
        (XY_ERRORS, PLANE, [("/x/h/0", 1e308)]),
        (XY_ERRORS, PLANE, [("/x_err/h", 1e308)]),
        (XY_ERRORS, PLANE, [("/fit_range", {"t": [2, 2.5]})]),
    ],
)
def test_extreme_data_give_a_fit_or_a_reason(
    client: httpx.Client, path: str, good: Body, changes: list[tuple[str, Any]]
) -> None:
    response = client.post(path, json=replaced(good, *changes))
    if response.status_code != 200:
        refused(response, 422)
    elif not response.json()["valid"]:
        assert response.json()["status"] != "converged"
        assert response.json()["message"]


@pytest.mark.parametrize("path", [HISTOGRAM, XY_ERRORS])
@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "text/csv", "application/x-www-form-urlencoded", "application/jsonx", "junk"],
)
def test_another_media_type(client: httpx.Client, path: str, media_type: str) -> None:
    headers = {"Content-Type": media_type}
    refused(client.post(path, content=b"x,y\n1,2\n", headers=headers), 415)


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_by_any_spelling(client: httpx.Client, media_type: str) -> None:
    fitted(client.post(HISTOGRAM, content=GOOD, headers={"Content-Type": media_type}))


@pytest.fixture(scope="module")
def small(start_server: StartServer) -> Iterator[LiveServer]:
    with start_server(FIT_MAX_BODY_BYTES=SMALL_LIMIT) as server:
        yield server


def test_a_body_over_the_limit(small: LiveServer) -> None:
    assert small.client.get("/limits").json()["max_body_bytes"] == SMALL_LIMIT
    padding = b" " * (SMALL_LIMIT - len(GOOD))
    fitted(small.client.post(HISTOGRAM, content=GOOD + padding, headers=JSON))
    refused(small.client.post(HISTOGRAM, content=GOOD + padding + b" ", headers=JSON), 413)


def test_a_chunked_body_over_the_limit(small: LiveServer) -> None:
    def chunks(size: int) -> Iterator[bytes]:
        yield GOOD
        for _ in range(0, size, 100):
            yield b" " * 100

    fitted(small.client.post(HISTOGRAM, content=chunks(1_000), headers=JSON))
    refused(small.client.post(HISTOGRAM, content=chunks(20 * SMALL_LIMIT), headers=JSON), 413)


def test_a_length_over_the_limit_is_refused_from_the_header_alone(small: LiveServer) -> None:
    url = httpx.URL(small.url)
    with socket.create_connection((url.host, url.port or 80), timeout=20) as connection:
        connection.sendall(
            f"POST {HISTOGRAM} HTTP/1.1\r\nHost: {url.host}\r\nContent-Type: application/json\r\n"
            "Content-Length: 99999999999\r\n\r\n{".encode()
        )
        assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("prefix", ["", "/v1"])
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing-here", 404),
        ("POST", "/fit/nothing-here", 404),
        ("GET", "/fits/nope", 404),
        ("DELETE", "/fits/nope", 404),
        ("GET", f"/fits/{'a' * 3000}", 404),
        ("GET", "/fits/%00%ff%27%20or%201=1", 404),
        ("GET", "/fits/..%2f..%2fetc%2fpasswd", 404),
        ("GET", "/models/gausian", 404),
        ("GET", "/covariance?fit_id=nope", 404),
        ("GET", "/fit/histogram", 405),
        ("DELETE", "/fit/xy-errors", 405),
        ("POST", "/models", 405),
        ("POST", "/livez", 405),
        ("PUT", "/covariance", 405),
    ],
)
def test_what_does_not_exist(
    client: httpx.Client, prefix: str, method: str, path: str, status: int
) -> None:
    response = client.request(method, prefix + path)
    problem = refused(response, status)
    # RFC 9457: the title belongs to the type.
    assert (problem["type"], problem["title"]) in (
        ("/problems/not-found", "No such thing"),
        ("/problems/method-not-allowed", "Method Not Allowed"),
    )
    # RFC 9110 asks for it: what the client may do instead.
    assert status != 405 or response.headers["allow"]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("/model", "zq-marker"),
        ("/model", {"name": "zq-marker"}),
        ("/model", {"sum": ["gaussian", "zq-marker"]}),
        ("/model", {"formula": "zq-marker $"}),
        ("/histogram", "zq-marker"),
        (COUNTS, "zq-marker"),
        (f"{COUNTS}/3", "zq-marker"),
        ("/cost", "zq-marker"),
        ("/minos", ["zq-marker"]),
        ("/parameters/mu", "zq-marker"),
        ("/model", "<script>zq-marker</script>" * 2000),
    ],
)
def test_no_text_of_the_client_comes_back(client: httpx.Client, place: str, value: Any) -> None:
    response = client.post(HISTOGRAM, json=replaced(SMALL_HISTOGRAM, (place, value)))
    refused(response, 422)
    assert "zq-marker" not in response.text


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("/x/t", "zq-marker"),
        ("/x/t/3", "zq-marker"),
        ("/x_err", {"h": "zq-marker"}),
        ("/fit_range", {"h": ["zq-marker", 1]}),
        ("/model", {"formula": "a*t + b*h + zq-marker $"}),
    ],
)
def test_no_text_of_the_client_comes_back_from_columns(
    client: httpx.Client, place: str, value: Any
) -> None:
    response = client.post(XY_ERRORS, json=replaced(PLANE, (place, value)))
    refused(response, 422)
    assert "zq-marker" not in response.text


@pytest.mark.parametrize(
    "body",
    [
        replaced(PLANE, ("/x", {f"x{i}": [1] for i in range(20_000)})),
        replaced(PLANE, ("/x/t", ["x" * 20] * 20_000)),
        replaced(PLANE, ("/x/" + "k" * 50_000, [1] * 6)),
        replaced(PLANE, ("/x_err", {f"x{i}": 1 for i in range(20_000)})),
    ],
    ids=["columns", "texts", "long-name", "errors"],
)
def test_twenty_thousand_mistakes_in_columns_give_a_small_reply(
    client: httpx.Client, body: Body
) -> None:
    assert refused(client.post(XY_ERRORS, json=body), 422)["errors"]


@pytest.mark.parametrize(
    "body",
    [
        replaced(gaussian_bins(20_000), (COUNTS, [-1] * 20_000)),
        replaced(gaussian_bins(20_000), (COUNTS, ["x" * 20] * 20_000)),
        replaced(gaussian_bins(20_000), (EDGES, list(range(20_001, 0, -1)))),
        replaced(SMALL_HISTOGRAM, ("/parameters", {f"p{i}": 1 for i in range(20_000)})),
        replaced(SMALL_HISTOGRAM, ("/minos", [f"p{i}" for i in range(20_000)])),
        SMALL_HISTOGRAM | {f"field{i}": i for i in range(20_000)},
        replaced(SMALL_HISTOGRAM, ("/" + "k" * 50_000, 1)),
        replaced(SMALL_HISTOGRAM, ("/parameters/" + "k" * 50_000, 1)),
    ],
    ids=["counts", "texts", "edges", "parameters", "minos", "fields", "long-field", "long-name"],
)
def test_twenty_thousand_mistakes_give_a_small_reply(client: httpx.Client, body: Body) -> None:
    assert refused(client.post(HISTOGRAM, json=body), 422)["errors"]


NULLS = [None] * 100_000


@pytest.mark.parametrize(
    ("path", "body", "where"),
    [
        (HISTOGRAM, SMALL_HISTOGRAM, "/histogram/counts"),
        (XY_ERRORS, STRAIGHT_LINE, "/y_err"),
        (XY_ERRORS, STRAIGHT_LINE, "/x"),
    ],
)
def test_of_a_list_that_is_wrong_throughout_the_first_entries_are_told(
    client: httpx.Client, path: str, body: Body, where: str
) -> None:
    problem = refused(client.post(path, json=replaced(body, (where, NULLS))), 422)
    assert pointers(problem) == [f"{where}/{i}" for i in range(20)]


def test_wrong_entries_that_are_far_between(client: httpx.Client) -> None:
    counts: list[Any] = [1] * 5000
    counts[7], counts[900], counts[4000] = "1", None, True
    body = replaced(SMALL_HISTOGRAM, ("/histogram/counts", counts))
    problem = refused(client.post(HISTOGRAM, json=body), 422)
    assert pointers(problem) == ["/histogram/counts/7", "/histogram/counts/900"]


@pytest.mark.parametrize(
    ("where", "many"), [("/parameters", 10_000), ("/model/rename", 5_000), ("/minos", 400)]
)
def test_of_many_unknown_names_the_first_are_told(
    client: httpx.Client, where: str, many: int
) -> None:
    names = [f"{'muu' * 10}{i}" for i in range(many)]  # as many as a body may have
    value: Any = (
        names if where == "/minos" else dict.fromkeys(names, "a" if "rename" in where else 1)
    )
    body = replaced(SMALL_HISTOGRAM, ("/model", {"name": "gaussian"}), (where, value))
    problem = refused(client.post(HISTOGRAM, json=body), 422)
    assert len(pointers(problem)) == 20


@pytest.mark.parametrize("form", ["sum", "product"])
def test_too_many_components_are_refused_before_they_are_built(
    client: httpx.Client, form: str
) -> None:
    shared = {"name": "gaussian", "rename": {"mu": "m", "sigma": "s", "amp": "a"}}
    for model in ({form: [shared] * 151}, {"product": [{"sum": [shared] * 76}] * 2}):
        problem = refused(client.post(HISTOGRAM, json=SMALL_HISTOGRAM | {"model": model}), 422)
        assert pointers(problem) == ["/model"]
        assert "components; at most 150" in problem["detail"]


def test_too_many_ranges(client: httpx.Client) -> None:
    body = SMALL_HISTOGRAM | {"fit_range": [[-3, 3]] * 101}
    assert pointers(refused(client.post(HISTOGRAM, json=body), 422)) == ["/fit_range"]


@pytest.mark.parametrize(
    ("body", "place", "value", "wrong"),
    [
        (SMALL_HISTOGRAM, "/minos", [1, "mu"], ["/minos/0"]),
        (SMALL_HISTOGRAM, "/parameters/mu/limits", ["a", None], ["/parameters/mu/limits/0"]),
        (SMALL_HISTOGRAM, "/fit_range", ["a", "b"], ["/fit_range/0", "/fit_range/1"]),
        (SMALL_HISTOGRAM, "/fit_range", [[0, 1], ["a", 2]], ["/fit_range/1/0"]),
        (SMALL_HISTOGRAM, "/model", {"product": [5, "gaussian"]}, ["/model/product/0"]),
        (SMALL_HISTOGRAM, "/model", {"sum": ["gaussian"], "fractions": "x"}, ["/model/fractions"]),
        (SMALL_HISTOGRAM, "/formula", "a*x", ["/formula"]),
        (
            STRAIGHT_LINE,
            "/model",
            {"formula": "a*x", "parameters": [1, "a"]},
            ["/model/parameters/0"],
        ),
    ],
)
def test_what_stands_beside_a_wrong_entry_is_not_called_wrong(
    client: httpx.Client, body: Body, place: str, value: Any, wrong: list[str]
) -> None:
    path = HISTOGRAM if body is SMALL_HISTOGRAM else XY_ERRORS
    assert pointers(refused(client.post(path, json=replaced(body, (place, value))), 422)) == wrong
