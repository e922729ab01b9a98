"""Bodies read the short way say the same as those that Pydantic reads, or are left to it."""

import json
from typing import Any

import numpy as np
import pytest

from app.errors import InvalidRequest, Problem
from app.reading.arrays import LARGE, with_arrays
from app.reading.body import parse
from app.schemas.batches import HistogramBatchRequest, PointsBatchRequest
from app.schemas.requests import HistogramRequest, PointsRequest

SIZE = 50
ROWS = 200
COUNTS = np.random.default_rng(1).poisson(3, (ROWS, SIZE)).tolist()
EDGES = np.linspace(-5, 5, SIZE + 1).tolist()
BODY: dict[str, Any] = {"edges": EDGES, "counts": COUNTS, "model": "gaussian"}
NAMES = HistogramBatchRequest.arrays


def encoded(**changes: Any) -> bytes:
    return json.dumps(BODY | changes).encode()


def replaced(row: int, column: int, entry: Any) -> list[list[Any]]:
    return [
        [entry if (i, j) == (row, column) else n for j, n in enumerate(counts)]
        for i, counts in enumerate(COUNTS)
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"fit_range": [[-3.0, 0.0], [1, 4]], "starts": {"mu": [0.1] * ROWS}},
        {"model": {"sum": ["gaussian", {"name": "polynomial", "degree": 1}]}},
        {"model": {"formula": "a * exp(-((x - m) / s)^2)"}, "deadline_s": 5, "covariance": True},
        {"counts": replaced(3, 4, 1e300), "parameters": {"mu": {"limits": [None, 3]}}},
    ],
)
def test_the_same_is_read(changes: dict[str, Any]) -> None:
    raw = encoded(**changes)
    found = parse(HistogramBatchRequest, raw)
    assert isinstance(found.counts, np.ndarray)
    expected = HistogramBatchRequest.model_validate_json(raw)
    assert found.counts.tolist() == expected.counts
    assert isinstance(found.edges, np.ndarray)
    assert found.edges.tolist() == expected.edges
    others = {"counts", "edges"}
    assert found.model_dump(exclude=others) == expected.model_dump(exclude=others)


def test_all_digits_are_read() -> None:
    y = np.random.default_rng(2).normal(size=(ROWS, SIZE)) * 10.0 ** np.arange(-25, 25)
    raw = json.dumps({"x": EDGES[:-1], "y": y.tolist(), "model": "linear"}).encode()
    found = parse(PointsBatchRequest, raw)
    assert isinstance(found.y, np.ndarray)
    assert (found.y == y).all()
    assert isinstance(found.x, np.ndarray)
    assert found.x.tolist() == EDGES[:-1]


LONG = np.random.default_rng(3).normal(size=2000).cumsum().tolist()


def histogram(**changes: Any) -> bytes:
    body: dict[str, Any] = {
        "histogram": {"edges": list(range(2001)), "counts": LONG, **changes.pop("histogram", {})},
        "model": "gaussian",
    }
    return json.dumps(body | changes).encode()


@pytest.mark.parametrize(
    "raw",
    [
        histogram(),
        histogram(fit_range=[[3.0, 30.0], [100, 400]], minos=["mu"], parameters={"mu": 1.5}),
        histogram(model={"template": {"edges": [0, 1, 2], "counts": [1, 2]}, "prefix": "a_"}),
    ],
    ids=range(3),
)
def test_a_histogram_of_its_own_is_read_the_short_way(raw: bytes) -> None:
    found = parse(HistogramRequest, raw)
    expected = HistogramRequest.model_validate_json(raw)
    for name in ("edges", "counts"):
        numbers = getattr(found.histogram, name)
        assert isinstance(numbers, np.ndarray)
        assert numbers.tolist() == getattr(expected.histogram, name)
    assert found.model_dump(exclude={"histogram"}) == expected.model_dump(exclude={"histogram"})


@pytest.mark.parametrize("x_err", [None, 0.5, LONG])
@pytest.mark.parametrize("y_err", [None, 2, LONG])
def test_so_are_points(x_err: Any, y_err: Any) -> None:
    body = {"x": LONG, "y": LONG[::-1], "x_err": x_err, "y_err": y_err, "model": "linear"}
    raw = json.dumps(body).encode()
    found, expected = parse(PointsRequest, raw), PointsRequest.model_validate_json(raw)
    assert isinstance(found.y, np.ndarray)
    for name in ("x", "y", "x_err", "y_err"):
        assert np.all(getattr(found, name) == getattr(expected, name))
        assert np.ndim(getattr(found, name)) == np.ndim(getattr(expected, name))


@pytest.mark.parametrize(
    "raw",
    [
        histogram(histogram={"counts": [*LONG[:-1], "3"]}),
        histogram(histogram={"counts": [*LONG[:-1], [3]]}),
        histogram(histogram={"edges": [LONG, LONG]}),
        histogram(histogram={"counts": []}) + b" " * LARGE,
        histogram(histogram={"edges": [1]}),
        histogram(histogram={"counts": {"dtype": "<f8", "shape": [1], "data": "AAAAAAAA"}})
        + b" " * LARGE,
        histogram(histogram={"unknown": [1]}),
        histogram(histogram={"edges": LONG[::-1]})[:-1] + b', "histogram": []}',
        histogram().replace(b'"counts"', b'"counts": [1], "counts"'),
        histogram(histogram={"metadata": {}, "axes": [{"edges": LONG}]}),
    ],
    ids=range(10),
)
def test_of_a_histogram_what_is_wrong_is_refused_as_ever(
    raw: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def outcome() -> Any:
        try:
            request = parse(HistogramRequest, raw)
        except Problem as problem:
            return type(problem), vars(problem), problem.args
        return [np.asarray(request.histogram.counts).tolist(), len(request.histogram.edges)]

    assert len(raw) >= LARGE
    found = outcome()
    monkeypatch.setattr("app.reading.body.with_arrays", lambda *_: None)
    assert found == outcome()


@pytest.mark.parametrize(
    "raw",
    [
        encoded(counts=[*COUNTS, COUNTS[0][:-1]]),
        encoded(counts=replaced(1, 2, "3")),
        encoded(counts=replaced(1, 2, None)),
        encoded(counts=replaced(1, 2, True)),
        encoded(counts=replaced(1, 2, [3])),
        encoded(counts=replaced(1, 2, {"n": 3})),
        encoded(counts=replaced(1, 2, 10**30)),
        encoded(counts=replaced(1, 2, float("nan"))),
        encoded(counts=replaced(1, 2, 0.5)).replace(b"0.5", b"1e999"),
        encoded(counts=replaced(1, 2, [3]), **{"un\u005b": 1}),
        encoded(counts=[1] * LARGE),
        encoded(counts=[[]] * LARGE),
        encoded(counts=[]) + b" " * LARGE,
        encoded()[:-1] + b', "counts": [[1]]}',
        encoded()[:-1],
        b"\xef\xbb\xbf" + encoded(),
        b"[" * LARGE,
        b'{"counts": ' + b"[" * LARGE + b"]" * LARGE + b"}",
        b"{" + b" " * LARGE,
        encoded(unknown=1),
        encoded(edges=EDGES[::-1]),
        b'"' + b"x" * LARGE + b'"',
    ],
    ids=range(22),
)
def test_what_is_wrong_is_refused_as_ever(raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def outcome() -> Any:
        try:
            request = parse(HistogramBatchRequest, raw)
        except Problem as problem:
            return type(problem), vars(problem), problem.args
        return np.asarray(request.counts, dtype=object).tolist()

    assert len(raw) >= LARGE
    found = outcome()
    monkeypatch.setattr("app.reading.body.with_arrays", lambda *_: None)
    assert found == outcome()


MANY = {f"histogran{i}": 1 for i in range(40)}


@pytest.mark.parametrize("raw", [histogram(**MANY), histogram(histogram=MANY)], ids=range(2))
def test_an_object_of_many_names_is_no_request_and_none_is_looked_for(
    raw: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr("app.reading.arrays._plain", asked.append)
    assert with_arrays(raw, HistogramRequest.arrays) is None
    assert not asked
    with pytest.raises(InvalidRequest, match="unknown field"):
        parse(HistogramRequest, raw)


@pytest.mark.parametrize("raw", [encoded(counts=COUNTS[:2]), encoded(model="caf\u00e9")])
def test_small_bodies_and_escapes_are_left_to_pydantic(raw: bytes) -> None:
    assert with_arrays(raw, NAMES) is None
