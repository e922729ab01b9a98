"""A name that stands twice in an object is refused with its place, wherever it stands."""

import json
from typing import Any

import msgpack
import pytest

from app.errors import InvalidRequest
from app.jobs.lines import RowReader
from app.reading.arrays import LARGE
from app.reading.body import parse, parse_binary
from app.reading.names import refuse_twice
from app.schemas.batches import HistogramBatchRequest
from app.schemas.kinds import HISTOGRAM
from app.schemas.requests import HistogramRequest
from tests.examples import GAUSSIAN_50, PEAK_ON_DECAY, SMALL_HISTOGRAM

KNOWN = '{"parameters": {"mu": 1, "mu": 2}, '
LIMITED = '{"parameters": {"mu": {"start": 1, "fixed": true, "start": 2}}, '
SUM = (
    '{"model": {"sum": ["gaussian", {"name": "polynomial", "rename": {"c0": "a", "c0": "b"}}]}, '
    '"histogram": {"edges": [0, 1, 2], "counts": [1, 2]}}'
)
TWICE: list[tuple[str, tuple[str | int, ...]]] = [
    (json.dumps(SMALL_HISTOGRAM).replace("{", KNOWN, 1), ("parameters", "mu")),
    (json.dumps(GAUSSIAN_50).replace("{", KNOWN, 1), ("parameters", "mu")),
    (json.dumps(SMALL_HISTOGRAM).replace("{", LIMITED, 1), ("parameters", "mu", "start")),
    (json.dumps(SMALL_HISTOGRAM).replace("{", '{"model": "moyal", ', 1), ("model",)),
    (json.dumps(SMALL_HISTOGRAM).replace("{", '{"mod\\u0065l": "moyal", ', 1), ("model",)),
    (json.dumps(SMALL_HISTOGRAM).replace("[", '[0, 1], "edges" : [', 1), ("histogram", "edges")),
    (SUM, ("model", "sum", 1, "rename", "c0")),
]


def padded(text: str) -> str:
    """The same, so long that its numbers are read into arrays."""
    return text.replace("[", "[" + " " * LARGE, 1)


@pytest.mark.parametrize(("text", "place"), TWICE)
def test_the_place_is_told_without_reading_the_numbers(
    text: str, place: tuple[str | int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.reading.names.read", None)
    for body in (text, padded(text)):
        with pytest.raises(InvalidRequest) as refused:
            parse(HistogramRequest, body.encode())
        ((found, message),) = refused.value.errors
        assert found == place
        assert "twice" in message


@pytest.mark.parametrize(
    ("parameters", "place"),
    [
        ('"a[1]": 1, "a[2]": 2, "a[1]": 3', ("a[1]",)),
        ('"a[1]": {"start": 1}, "a[2]": {"start": 1, "start": 2}', ("a[2]", "start")),
        ('"a[1]": {"start": 1, "start": 2}', ("a[1]", "start")),
    ],
)
def test_names_with_numbers_in_brackets_are_told_as_they_are(
    parameters: str, place: tuple[str, ...]
) -> None:
    text = json.dumps(SMALL_HISTOGRAM).replace("{", f'{{"parameters": {{{parameters}}}, ', 1)
    with pytest.raises(InvalidRequest) as refused:
        parse(HistogramRequest, text.encode())
    assert [found for found, _ in refused.value.errors] == [("parameters", *place)]


@pytest.mark.parametrize(
    "body",
    [
        PEAK_ON_DECAY | {"parameters": {"sig_mu": {"start": 5.0}, "bkg_tau": {"start": 4.0}}},
        SMALL_HISTOGRAM | {"minos": ["mu", "sigma"], "model": {"formula": "n*gaussian(x, mu, s)"}},
        SMALL_HISTOGRAM | {"parameters": {r'a"b\c': 1, r'a"b\d': 2, "a[1]": 1, "a[2]": 2}},
        SMALL_HISTOGRAM | {"parameters": {"mu": {"start": 10**300}, "sigma": {"start": 1}}},
    ],
)
def test_the_same_name_in_two_objects_or_in_a_text_is_none_of_it(body: Any) -> None:
    text = json.dumps(body)
    for sent in (text, padded(text)):
        read = parse(HistogramRequest, sent.encode())
        assert read.parameters.keys() == body.get("parameters", {}).keys()


def test_in_messagepack_too() -> None:
    body = msgpack.packb({"edges": [0, 1, 2], "counts": [[1, 2]], "model": "gaussian", "modek": 1})
    with pytest.raises(InvalidRequest) as refused:
        parse_binary(HistogramBatchRequest, body.replace(b"modek", b"model"))
    assert refused.value.errors == [(("model",), "stands twice in this object; give it once")]


def test_however_deep_it_stands() -> None:
    """MessagePack may be nested deeper than Python calls itself."""
    twice = b"\x82\xa1a\x01\xa1a\x01"
    for before, place in ((b"\x91", 0), (b"\x92\x90", 1), (b"\x81\xa1b", "b")):
        with pytest.raises(InvalidRequest) as refused:
            parse_binary(HistogramBatchRequest, before * 1000 + twice)
        ((found, _),) = refused.value.errors
        assert found == (*[place] * 1000, "a")


def test_the_first_of_several_is_told() -> None:
    body = {"y": [[], [{"a": 1, "A": 2}], {"b": 1, "B": 2}], "c": {"d": 1, "D": 2}}
    twice = json.dumps(body).lower().encode()
    with pytest.raises(InvalidRequest) as refused:
        refuse_twice(twice)
    assert [found for found, _ in refused.value.errors] == [("y", 1, 0, "a")]


@pytest.mark.parametrize(
    ("line", "place"),
    [
        (b'{"counts": [1, 2], "counts": [2, 1], "starts": {"mu": 1}}', ("counts",)),
        (b'{"counts": [1, 2], "starts": {"mu": 1, "mu": 2}}', ("starts", "mu")),
    ],
)
def test_in_a_line_of_a_job(line: bytes, place: tuple[str, ...]) -> None:
    right = b'{"counts": [1, 2], "starts": {"mu": 1}}'
    reader = RowReader(HISTOGRAM, 10**6)
    reader.read([(2, right), (3, right)])
    with pytest.raises(InvalidRequest) as refused:
        reader.read([(4, right), (5, line)])
    ((found, message),) = refused.value.errors
    assert found == ("rows", 3, *place)
    assert message.startswith("line 5: stands twice")
