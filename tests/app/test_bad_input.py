"""What is wrong with a body is said at its place, in a small problem+json, and never with a 500.

Each row of the tables is one mistake: the place that is changed, what is put there, and the
pointers of which the reply must name at least one. `...*` stands for a place or anything below.
"""

import json
import socket
from fnmatch import fnmatchcase
from typing import Any

import httpx
import pytest

from tests.conftest import LiveServer
from tests.examples import (
    HISTOGRAM,
    SMALL_HISTOGRAM,
    STRAIGHT_LINE,
    XY_ERRORS,
    Body,
    at,
    pointers,
    polynomial,
    refused,
    replaced,
    steps,
    without,
)

JSON = {"Content-Type": "application/json"}
COUNTS = "/histogram/counts"
EDGES = "/histogram/edges"
PEAK = {"name": "gaussian"}


def check_pointers(problem: Body, body: Any, expected: tuple[str, ...]) -> None:
    found = pointers(problem)
    assert any(fnmatchcase(pointer, want) for pointer in found for want in expected), problem
    for pointer in found:
        # The place itself may be missing from the body, the one it belongs to may not: this finds
        # the names of schema variants that a validator puts into its paths.
        try:
            around = at(body, pointer.rpartition("/")[0])
        except (KeyError, IndexError, TypeError, ValueError):
            pytest.fail(f"{pointer!r} leads nowhere in the request")
        assert isinstance(around, dict | list) or not pointer, f"{pointer!r} leads into a value"


HISTOGRAM_MISTAKES: list[tuple[str, Any, tuple[str, ...]]] = [
    (f"{COUNTS}/3", -2, (f"{COUNTS}/3",)),
    (f"{COUNTS}/3", "seven", (f"{COUNTS}/3",)),
    (f"{COUNTS}/3", "7", (f"{COUNTS}/3",)),
    (f"{COUNTS}/3", None, (f"{COUNTS}/3",)),
    (f"{COUNTS}/3", True, (f"{COUNTS}/3",)),
    (f"{COUNTS}/3", [7], (f"{COUNTS}/3",)),
    (COUNTS, [], (COUNTS, "/histogram")),
    (COUNTS, [1, 2], (COUNTS, EDGES, "/histogram")),
    (COUNTS, [1] * 9, (COUNTS, EDGES, "/histogram")),
    (COUNTS, "4,9,2", (COUNTS,)),
    (COUNTS, {"0": 4}, (COUNTS,)),
    (COUNTS, 4, (COUNTS,)),
    (EDGES, [], (EDGES, "/histogram")),
    (EDGES, [0], (EDGES, "/histogram")),
    (EDGES, "AAAA", (EDGES,)),
    (f"{EDGES}/2", -2, (f"{EDGES}/2",)),
    (f"{EDGES}/2", -2.5, (f"{EDGES}/2",)),
    (EDGES, [3, 2, 1, 0, -1, -2, -3], (f"{EDGES}/1",)),
    ("/histogram/variances", [1, 2], ("/histogram", "/histogram/variances")),
    ("/histogram/weights", [1], ("/histogram/weights",)),
    ("/histogram", "abc", ("/histogram",)),
    ("/histogram", [[0, 1], [4]], ("/histogram",)),
    ("/histogram", {"uhi_schema": 1, "axes": [], "storage": {}}, ("/histogram*",)),
    ("/modle", "gaussian", ("/modle",)),
    ("/odd~0name~1part", 1, ("/odd~0name~1part",)),
    ("/cost", "neyman", ("/cost",)),
    ("/cost", "pearson", ("/cost",)),
    ("/cost", "multinomial", ("/cost",)),
    ("/cost", ["poisson"], ("/cost",)),
    ("/bin_content", "left", ("/bin_content",)),
    ("/fit_range", [3, 1], ("/fit_range*",)),
    ("/fit_range", [1], ("/fit_range*",)),
    ("/fit_range", ["a", "b"], ("/fit_range*",)),
    ("/fit_range", [[0, 1], [2]], ("/fit_range*",)),
    ("/minos", "yes", ("/minos",)),
    ("/minos", ["amp", "nu"], ("/minos/1",)),
    ("/deadline_s", 0, ("/deadline_s",)),
    ("/deadline_s", -1, ("/deadline_s",)),
    ("/deadline_s", "fast", ("/deadline_s",)),
]
MODEL_MISTAKES: list[tuple[str, Any, tuple[str, ...]]] = [
    ("/model", "gausian", ("/model",)),
    ("/model", "", ("/model",)),
    ("/model", 7, ("/model",)),
    ("/model", None, ("/model",)),
    ("/model", {}, ("/model", "/model/name")),
    ("/model", {"name": "gausian"}, ("/model/name",)),
    ("/model", {"name": 7}, ("/model/name",)),
    ("/model", {"name": "gaussian", "degree": 2}, ("/model/degree",)),
    ("/model", {"name": "gaussian", "prefix": 5}, ("/model/prefix",)),
    ("/model", polynomial(-1), ("/model/degree",)),
    ("/model", {"name": "polynomial", "degree": 1.5}, ("/model/degree",)),
    ("/model", {"name": "polynomial", "degree": "2"}, ("/model/degree",)),
    ("/model", {"name": "polynomial", "degree": True}, ("/model/degree",)),
    ("/model", polynomial(1000), ("/model/degree",)),
    ("/model", {"sum": []}, ("/model/sum",)),
    ("/model", {"sum": "gaussian"}, ("/model/sum",)),
    ("/model", {"sum": [PEAK, {"name": "exponental"}]}, ("/model/sum/1/name",)),
    ("/model", {"sum": [PEAK, {"name": "exponential", "tau": 2}]}, ("/model/sum/1/tau",)),
    # Both have `amp`: which of the two would a start for it mean?
    ("/model", {"sum": [PEAK, PEAK]}, ("/model", "/model/sum*")),
    ("/model", {"sum": [PEAK], "name": "gaussian"}, ("/model", "/model/name", "/model/sum")),
    (
        "/model",
        {"sum": [{"name": "gaussian", "prefix": f"p{i}_"} for i in range(2000)]},
        ("/model*",),
    ),
    ("/model", {"formula": "a*expp(-x/tau)"}, ("/model/formula",)),
    ("/model", {"formula": "a*x + b", "parameters": ["a", "b", "c"]}, ("/model/parameters/2",)),
    ("/model", {"formula": "a*x", "parameters": ["a", "x"]}, ("/model/parameters/1",)),
    ("/model", {"formula": "a*x", "parameters": ["a", "a"]}, ("/model/parameters/1",)),
    ("/model", {"formula": "a*x", "parameters": ["if", "a"]}, ("/model/parameters/0",)),
    ("/model", {"formula": "a+" * 400 + "a", "parameters": ["a"]}, ("/model/formula",)),
]
PARAMETER_MISTAKES: list[tuple[str, Any, tuple[str, ...]]] = [
    ("/parameters", [1, 2, 3], ("/parameters",)),
    ("/parameters/nu", 1, ("/parameters/nu",)),
    ("/parameters/a~1b~0c", 1, ("/parameters/a~1b~0c",)),
    ("/parameters/mu", "one", ("/parameters/mu",)),
    ("/parameters/mu", {"stat": 1}, ("/parameters/mu/stat",)),
    ("/parameters/mu", {"start": "one"}, ("/parameters/mu/start",)),
    ("/parameters/mu", {"start": 9, "limits": [0, 5]}, ("/parameters/mu", "/parameters/mu/start")),
    ("/parameters/amp", -1, ("/parameters/amp",)),
    ("/parameters/sigma", {"start": -1}, ("/parameters/sigma/start",)),
    ("/parameters/mu", {"limits": [5, 0]}, ("/parameters/mu/limits*",)),
    ("/parameters/mu", {"limits": [0, 1, 2]}, ("/parameters/mu/limits*",)),
    ("/parameters/mu", {"limits": 5}, ("/parameters/mu/limits",)),
    ("/parameters/mu", {"fixed": "yes"}, ("/parameters/mu/fixed",)),
    ("/parameters/mu", {"constraint": {"value": 0}}, ("/parameters/mu/constraint*",)),
    ("/parameters/mu/constraint", {"value": 0, "sigma": 0}, ("/parameters/mu/constraint/sigma",)),
    ("/parameters/mu/constraint", {"value": 0, "sigma": -1}, ("/parameters/mu/constraint/sigma",)),
    (
        "/parameters/mu/constraint",
        {"value": 0, "sigma": 1e-200},
        ("/parameters/mu/constraint/sigma",),
    ),
]
POINT_MISTAKES: list[tuple[str, Any, tuple[str, ...]]] = [
    ("/x", [1, 2], ("", "/x", "/y")),
    ("/x", [], ("", "/x", "/y")),
    ("/x", "abc", ("/x",)),
    ("/x", 1, ("/x",)),
    ("/y/2", "b", ("/y/2",)),
    ("/y/2", None, ("/y/2",)),
    ("/y_err", 0, ("/y_err",)),
    ("/y_err", -0.2, ("/y_err",)),
    ("/y_err", [0.2], ("/y_err",)),
    ("/y_err", [0.2, 0] + [0.2] * 6, ("/y_err/1",)),
    ("/y_err", [0.2, -0.2] + [0.2] * 6, ("/y_err/1",)),
    ("/y_err", {"lower": 0.1, "upper": 0.2}, ("/y_err*",)),
    ("/x_err", -0.1, ("/x_err",)),
    ("/x_err/3", -0.1, ("/x_err/3",)),
    ("/x_err", [0.1, 0.1], ("/x_err",)),
    ("/x_err", "0.1", ("/x_err",)),
    ("/x_err", {"lower": 0.1, "upper": 0.2}, ("/x_err*",)),
    ("/fit_range", {"x": [0, 3]}, ("/fit_range",)),
    ("/x", {"t": [1] * 8}, ("/model",)),
    ("/x_cov", [[1, 0], [0, 1]], ("/x_cov",)),
    ("/y_cov", [[1, 0], [0, 1]], ("/y_cov",)),
    ("/xy_corr", 0.5, ("/xy_corr",)),
    ("/method", "odr", ("/method",)),
    ("/loss", "soft_l1", ("/loss",)),
    ("/x_error_model", "berksen", ("/x_error_model",)),
    ("/absolute_sigma", "maybe", ("/absolute_sigma",)),
    ("/parameters/c9", 1, ("/parameters/c9",)),
    ("/minos", ["c0", "c9"], ("/minos/1",)),
    ("/histogram", {}, ("/histogram",)),
]
COLUMNS: Body = {
    "x": {"t": [0, 1, 2, 3, 4, 5], "h": [3, 1, 4, 1, 5, 9]},
    "y": [1.2, 2.1, 1.8, 3.3, 2.4, 1.8],
    "x_err": {"h": 0.2},
    "y_err": 0.1,
    "model": {"formula": "a + b*t + c*h"},
}
COLUMN_MISTAKES: list[tuple[str, Any, tuple[str, ...]]] = [
    ("/x", {}, ("/x",)),
    ("/x", "abc", ("/x",)),
    ("/x", [0, 1, 2, 3, 4, "5"], ("/x/5",)),
    ("/x", [0, 1, 2, 3, 4, 5], ("/x_err",)),
    ("/x/h", [], ("/x/h",)),
    ("/x/h", 3, ("/x/h",)),
    ("/x/h", {"h": [1]}, ("/x/h",)),
    ("/x/h/3", "1", ("/x/h/3",)),
    ("/x/h/3", None, ("/x/h/3",)),
    ("/x/h/3", [1], ("/x/h/3",)),
    ("/x/h", [3, 1, 4], ("/x/h",)),
    ("/x/h", [3] * 7, ("/x/h",)),
    ("/y", [1, 2], ("/x/t",)),
    ("/y/2", "b", ("/y/2",)),
    ("/x/unused", [1] * 6, ("/x/unused",)),
    ("/x/exp", [1] * 6, ("/x/exp",)),
    ("/x/where", [1] * 6, ("/x/where",)),
    ("/x/pi", [1] * 6, ("/x/pi",)),
    ("/x/if", [1] * 6, ("/x/if",)),
    ("/x/a b", [1] * 6, ("/x/a b",)),
    ("/x/", [1] * 6, ("/x/",)),
    ("/x/\u00e9", [1] * 6, ("/x/\u00e9",)),
    ("/x/by column", [1] * 6, ("/x/by column",)),
    ("/x/by column", ["1"], ("/x/by column/0",)),
    ("/x/" + "k" * 60, [1] * 6, ("/x/" + "k" * 60,)),
    ("/x", {f"x{i}": [1] * 6 for i in range(11)}, ("/x",)),
    ("/x_err", 0.1, ("/x_err",)),
    ("/x_err", [0.1] * 6, ("/x_err",)),
    ("/x_err/u", 0.1, ("/x_err/u",)),
    ("/x_err/h", -0.1, ("/x_err/h",)),
    ("/x_err/h", "0.1", ("/x_err/h",)),
    ("/x_err/h", [0.1], ("/x_err/h",)),
    ("/x_err/h", [0.1, 0, -0.1, 0, 0, 0], ("/x_err/h/2",)),
    ("/x_err/t", [0.1, 0, 0, 0, "b", 0], ("/x_err/t/4",)),
    ("/fit_range", [0, 3], ("/fit_range",)),
    ("/fit_range", {"u": [0, 3]}, ("/fit_range/u",)),
    ("/fit_range", {"t": [3, 0]}, ("/fit_range/t",)),
    ("/fit_range", {"t": [[0, 1], [3, 2]]}, ("/fit_range/t/1",)),
    ("/fit_range", {"t": [1]}, ("/fit_range/t*",)),
    ("/fit_range", {"t": [50, 60]}, ("/fit_range",)),
    ("/model", "gaussian", ("/model",)),
    ("/model", polynomial(1), ("/model",)),
    ("/model", {"sum": ["gaussian", {"formula": "a*t + b*h"}]}, ("/model",)),
    ("/model", {"product": ["gaussian"]}, ("/model",)),
    ("/model", {"convolve": "exponential"}, ("/model",)),
    ("/model", {"template": {"edges": [0, 1], "counts": [1]}}, ("/model",)),
    ("/model", {"formula": "t + h"}, ("/model/formula",)),
    ("/model", {"formula": "a*t(h)"}, ("/model/formula",)),
    ("/model", {"formula": "a*t + h", "parameters": ["a", "t"]}, ("/model/parameters/1",)),
    ("/model", {"formula": "a*t + h*x", "parameters": ["a"]}, ("/model/formula",)),
    ("/parameters/t", 1, ("/parameters/t",)),
    ("/minos", ["h"], ("/minos/0",)),
]
MISTAKES = [
    *[
        (HISTOGRAM, SMALL_HISTOGRAM, *row)
        for row in HISTOGRAM_MISTAKES + MODEL_MISTAKES + PARAMETER_MISTAKES
    ],
    *[(XY_ERRORS, STRAIGHT_LINE, *row) for row in POINT_MISTAKES],
    *[(XY_ERRORS, COLUMNS, *row) for row in COLUMN_MISTAKES],
    *[(XY_ERRORS, STRAIGHT_LINE, *row) for row in MODEL_MISTAKES],
]


@pytest.mark.parametrize(
    ("path", "good", "place", "value", "expected"),
    MISTAKES,
    ids=[f"{path[5:]}{place}={json.dumps(value)[:40]}" for path, _, place, value, _ in MISTAKES],
)
def test_a_mistake_is_pointed_to(
    client: httpx.Client, path: str, good: Body, place: str, value: Any, expected: tuple[str, ...]
) -> None:
    body = replaced(good, (place, value))
    check_pointers(refused(client.post(path, json=body), 422), body, expected)


def test_an_interval_of_what_is_fixed_is_pointed_to(client: httpx.Client) -> None:
    changes = ("/parameters/mu", {"start": 0, "fixed": True}), ("/minos", ["amp", "amp", "mu"])
    body = replaced(SMALL_HISTOGRAM, *changes)
    assert pointers(refused(client.post(HISTOGRAM, json=body), 422)) == ["/minos/2"]


@pytest.mark.parametrize(
    ("path", "good", "missing"),
    [
        (HISTOGRAM, SMALL_HISTOGRAM, "/histogram"),
        (HISTOGRAM, SMALL_HISTOGRAM, COUNTS),
        (HISTOGRAM, SMALL_HISTOGRAM, EDGES),
        (HISTOGRAM, SMALL_HISTOGRAM, "/model"),
        (XY_ERRORS, STRAIGHT_LINE, "/x"),
        (XY_ERRORS, STRAIGHT_LINE, "/y"),
        (XY_ERRORS, STRAIGHT_LINE, "/model"),
    ],
)
def test_a_missing_field_is_named(
    client: httpx.Client, path: str, good: Body, missing: str
) -> None:
    body = without(good, missing)
    problem = refused(client.post(path, json=body), 422)
    check_pointers(problem, body, (missing,))


@pytest.mark.parametrize("path", [HISTOGRAM, XY_ERRORS])
@pytest.mark.parametrize("body", [None, True, 7, "gaussian", [], [SMALL_HISTOGRAM], {}])
def test_another_type_of_body(client: httpx.Client, path: str, body: Any) -> None:
    problem = refused(client.post(path, content=json.dumps(body), headers=JSON), 422)
    assert all(len(steps(pointer)) <= 1 for pointer in pointers(problem))


@pytest.mark.parametrize(
    ("place", "value", "known"),
    [
        ("/model", "gausian", "gaussian"),
        ("/model", "Gaussian", "gaussian"),
        ("/model", {"name": "polinomial", "degree": 2}, "polynomial"),
        ("/model", {"sum": [PEAK, {"name": "exponental"}]}, "exponential"),
        ("/parameters/sgima", 1, "sigma"),
        ("/minos", ["sigm"], "sigma"),
        ("/cost", "poison", "poisson"),
        ("/fit_rnage", [0, 1], "fit_range"),
        ("/parameters/mu", {"stat": 1}, "start"),
    ],
)
def test_the_nearest_known_name_is_suggested(
    client: httpx.Client, place: str, value: Any, known: str
) -> None:
    response = client.post(HISTOGRAM, json=replaced(SMALL_HISTOGRAM, (place, value)))
    problem = refused(response, 422)
    assert any(known in error["message"] for error in problem["errors"]), problem


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /covariance?at=" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\na header without a colon\r\n\r\n", 400),
        (b"\x16\x03\x01 this is TLS\r\n\r\n", 400),
        (b"POST /fit/histogram HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400),
    ],
)
def test_what_is_no_http_gets_problem_json_too(
    server: LiveServer, request_bytes: bytes, status: int
) -> None:
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port or 80), timeout=10) as connection:
        connection.sendall(request_bytes)
        reply = connection.makefile("rb").read()
    head, _, body = reply.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"application/problem+json" in head.lower()
    assert json.loads(body)["status"] == status
