"""MessagePack bodies of batches: the same questions and answers as in JSON, arrays as bytes."""

import json
from typing import Any

import httpx
import msgpack
import numpy as np
import pytest

from app.batch.translate import to_batch
from app.errors import NotMsgpack
from app.examples import HISTOGRAM_BATCH_EXAMPLES, POINTS_BATCH_EXAMPLES
from app.reading.binary import unpack
from app.reading.body import parse, parse_binary
from app.schemas.batches import HistogramBatchRequest, PointsBatchRequest
from app.settings import Settings
from tests.app.test_batch_http import HISTOGRAMS, POINTS, histograms, lines
from tests.examples import Body, pointers, refused

MSGPACK = "application/msgpack"
BOTH = {"Content-Type": MSGPACK, "Accept": MSGPACK}


def written(values: Any, dtype: str = "<f8") -> Body:
    array = np.array(values, dtype=dtype)
    return {"dtype": dtype, "shape": list(array.shape), "data": array.tobytes()}


def read(body: bytes) -> Any:
    def as_array(found: Body) -> Any:
        if found.keys() != {"dtype", "shape", "data"}:
            return found
        return np.frombuffer(found["data"], found["dtype"]).reshape(found["shape"])

    return msgpack.unpackb(body, object_hook=as_array)


def with_arrays(body: Body, *names: str, dtype: str = "<f8") -> Body:
    return body | {name: written(body[name], dtype) for name in names}


def post(client: httpx.Client, url: str, body: Body, **headers: str) -> httpx.Response:
    return client.post(url, content=msgpack.packb(body), headers=BOTH | headers)


@pytest.mark.parametrize(
    ("schema", "examples"),
    [
        (HistogramBatchRequest, HISTOGRAM_BATCH_EXAMPLES),
        (PointsBatchRequest, POINTS_BATCH_EXAMPLES),
    ],
)
def test_the_same_lists_ask_the_same(schema: Any, examples: Body) -> None:
    for body in examples.values():
        raw = httpx.Request("POST", "http://x", json=body).content
        assert parse_binary(schema, msgpack.packb(body)) == parse(schema, raw)


def test_what_is_known_of_parameters_asks_the_same() -> None:
    known = {
        "amp": {"start": 10, "limits": [0.0, None]},
        "mu": {"constraint": {"value": 0.1, "sigma": 1}},
        "sigma": 1.0,
    }
    body = histograms(5) | {"parameters": known, "fit_range": [[-3, 0], [1, 3]]}
    read = parse_binary(HistogramBatchRequest, msgpack.packb(body))
    assert read == parse(HistogramBatchRequest, json.dumps(body).encode())


@pytest.mark.parametrize("dtype", ["<f8", "<i4", "|u1"])
def test_arrays_of_any_type_ask_the_same(dtype: str) -> None:
    body = histograms(5)
    plain = parse_binary(HistogramBatchRequest, msgpack.packb(body))
    sent = with_arrays(with_arrays(body, "counts", dtype=dtype), "edges")
    arrays = parse_binary(HistogramBatchRequest, msgpack.packb(sent))
    one, other = (to_batch(request, Settings()).rows for request in (plain, arrays))
    np.testing.assert_array_equal(one.stack(), other.stack())


def test_an_answer_has_the_numbers_of_json(client: httpx.Client) -> None:
    body = histograms(6) | {"covariance": True, "starts": {"mu": [0.1] * 6}}
    body["counts"][4] = [0] * 32  # cannot be fitted
    expected = client.post(HISTOGRAMS, json=body).json()
    sent = with_arrays(body, "counts", "edges") | {"starts": {"mu": written([0.1] * 6)}}
    response = post(client, HISTOGRAMS, sent)
    assert response.status_code == 200
    assert response.headers["content-type"] == MSGPACK
    answer = read(response.content)
    assert answer.keys() == expected.keys()
    for name in ("values", "errors"):
        for parameter, column in expected[name].items():
            found = answer[name][parameter]
            np.testing.assert_array_equal(found, np.array(column, dtype=float))
    for name in ("fval", "chi2", "edm"):
        np.testing.assert_array_equal(answer[name], np.array(expected[name], dtype=float))
    for name in ("status", "path", "ndof", "messages", "at_limit"):
        assert answer[name] == expected[name]
    assert answer["valid"].tolist() == expected["valid"]
    matrices = [m or np.full((3, 3), np.nan) for m in expected["covariance"]["matrices"]]
    np.testing.assert_array_equal(answer["covariance"]["matrices"], np.array(matrices, dtype=float))
    assert np.isnan(answer["errors"]["mu"][4])
    assert expected["errors"]["mu"][4] is expected["covariance"]["matrices"][4] is None


def test_points_may_have_arrays_wherever_they_have_lists(client: httpx.Client) -> None:
    body = lines(4)
    body |= {"x_err": [0.1] * 12, "y_err": [[0.2] * 12] * 4, "fit_range": [0, 4]}
    expected = client.post(POINTS, json=body).json()
    sent = with_arrays(body, "x", "y", "x_err", "y_err")
    answer = read(post(client, POINTS, sent).content)
    for name, column in expected["values"].items():
        np.testing.assert_array_equal(answer["values"][name], column)


TEMPLATE = {"edges": [-4.0, -1.0, 0.0, 1.0, 4.0], "counts": [10.0, 35.0, 35.0, 10.0]}


@pytest.mark.parametrize("accept", [MSGPACK, "application/json"])
def test_templates_may_have_arrays_and_come_back_as_lists(
    client: httpx.Client, accept: str
) -> None:
    def model(template: Body) -> Any:
        return {"sum": ["gaussian", {"template": template, "prefix": "t_"}]}

    body = histograms(3) | {"model": model(TEMPLATE), "parameters": {"t_amp": {"limits": [0, 99]}}}
    expected = client.post(HISTOGRAMS, json=body).json()
    sent = body | {"model": model(with_arrays(TEMPLATE, "edges", "counts"))}
    content = post(client, HISTOGRAMS, sent, Accept=accept).content
    answer = read(content) if accept == MSGPACK else json.loads(content)
    assert answer["model"] == expected["model"] == body["model"]
    for name, column in expected["values"].items():
        np.testing.assert_array_equal(answer["values"][name], column)


def test_a_mistake_in_the_array_of_a_template_is_pointed_to(client: httpx.Client) -> None:
    template = {"edges": written([0, np.nan, 2]), "counts": written([1, 1], "|u1")}
    body = histograms(2) | {"model": {"template": template}}
    problem = refused(post(client, HISTOGRAMS, body), 422)
    assert pointers(problem) == ["/model/template/edges/1"]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/json, application/msgpack;q=0", "application/json"),
        ("application/json, application/msgpack;q=0.5", "application/json"),
        ("application/json;q=0.5, application/msgpack", MSGPACK),
    ],
)
def test_the_answer_is_in_the_form_that_the_client_accepts(
    client: httpx.Client, accept: str | None, media_type: str
) -> None:
    headers = {} if accept is None else {"Accept": accept}
    response = client.post(HISTOGRAMS, json=histograms(2), headers=headers)
    assert response.headers["content-type"] == media_type


GOOD = written([[1, 2, 3], [4, 5, 6]])
MISTAKES: dict[str, tuple[Any, str]] = {
    "no shape": ({"dtype": "<f8", "data": b""}, "an array is"),
    "another type": (GOOD | {"dtype": ">f8"}, "dtype must be one of"),
    "a type that is none": (GOOD | {"dtype": [1]}, "dtype must be one of"),
    "one dimension": (written([1.0, 2.0, 3.0]), "shape must be a list of 2"),
    "a shape that is none": (GOOD | {"shape": 6}, "shape must be a list of 2"),
    "nothing": (GOOD | {"shape": [0, 3], "data": b""}, "positive"),
    "less": (GOOD | {"shape": [-2, -3]}, "positive"),
    "true": (GOOD | {"shape": [True, 6]}, "positive"),
    "too few bytes": (GOOD | {"data": GOOD["data"][:-1]}, "48 bytes"),
    "text": (GOOD | {"data": "text"}, "48 bytes"),
    "enormous": (GOOD | {"shape": [2**40, 2**40]}, "bytes"),
    "nan": (written([[1, np.nan, 3]]), "finite"),
    "four columns": (written([[1.0, 2, 3, 4]]), "edges"),
    "bytes": (b"bytes", "array"),
    "nan in a list": ([[1.0, float("nan"), 2.0]], "finite"),
    "true in a list": ([[1.0, True, 2.0]], "number"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_pointed_to(client: httpx.Client, mistake: str) -> None:
    counts, words = MISTAKES[mistake]
    body = {"edges": [0, 1, 2, 3], "counts": counts, "model": "gaussian"}
    problem = refused(post(client, HISTOGRAMS, body), 422)
    (pointer,) = pointers(problem)
    assert pointer.startswith("/counts")
    assert words in problem["errors"][0]["message"]


@pytest.mark.parametrize("raw", [b"", b"\xc1", b"\x81", b"\x91" * 5000, b"\x80\x80", b"{}"])
def test_what_is_no_messagepack_is_refused(client: httpx.Client, raw: bytes) -> None:
    problem = refused(client.post(HISTOGRAMS, content=raw, headers=BOTH), 400)
    assert problem["type"] == "/problems/not-msgpack"


@pytest.mark.parametrize(
    ("raw", "json_is_meant"), [(b' \n{"edges": [0]}', True), (b"[1]", True), (b"\x80\x80", False)]
)
def test_json_sent_as_messagepack_is_told_its_media_type(raw: bytes, json_is_meant: bool) -> None:
    with pytest.raises(NotMsgpack) as refusal:
        unpack(raw)
    assert ("send Content-Type: application/json" in refusal.value.detail) is json_is_meant


@pytest.mark.parametrize("sent", [None, [], 3, "text", {1: 2}])
def test_what_is_no_request_is_refused(client: httpx.Client, sent: Any) -> None:
    refused(post(client, HISTOGRAMS, sent), 400, 422)


def test_single_fits_are_json(client: httpx.Client) -> None:
    refused(post(client, "/fit/histogram", {}), 415)
