"""Bodies of more names and texts than any model needs are refused before any is looked at."""

import json
import math
from typing import Any

import msgpack
import pytest

from app.errors import InvalidRequest, NotJson
from app.jobs.intake import read_head
from app.jobs.lines import RowReader
from app.reading.body import parse, parse_binary
from app.reading.crowded import most_names
from app.schemas.batches import HistogramBatchRequest
from app.schemas.kinds import HISTOGRAM
from app.schemas.requests import HistogramRequest
from app.settings import Settings
from tests.examples import SMALL_HISTOGRAM

MOST = most_names(Settings())
MANY = range(MOST)
BATCH = {"edges": [0, 1, 2], "counts": [[1, 2]], "model": "gaussian"}


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"parameters": {f"p{i}": 1 for i in MANY}}, ("parameters",)),
        ({"model": {"name": "gaussian", "rename": {f"p{i}": "a" for i in MANY}}}, ("model",)),
        ({"model": {"sum": ["gaussian"] * MOST}}, ("model",)),
        ({"minos": ["mu"] * MOST}, ("minos",)),
        ({"minos": ["mu"] * MOST, "deadline_s": 10**30}, ()),  # simdjson reads no such number
        ({"minos": ["mu"] * MOST, "deadline_s": math.inf}, ()),  # which is sent as 1e999
        ({f"field{i}": 1 for i in MANY}, ()),
    ],
    ids=["parameters", "rename", "sum", "minos", "large number", "larger number", "fields"],
)
def test_the_place_the_count_and_the_limit_are_told(
    changes: dict[str, Any], place: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HistogramRequest, "model_validate_json", None)
    raw = json.dumps(SMALL_HISTOGRAM | changes).replace("Infinity", "1e999").encode()
    names = raw.count(b'"') // 2
    with pytest.raises(InvalidRequest) as refused:
        parse(HistogramRequest, raw, MOST)
    ((found, message),) = refused.value.errors
    assert found == place
    assert message.startswith(f"{names} names and texts; at most {MOST} ")


def test_what_the_limits_allow_is_read() -> None:
    settings = Settings()
    known = {"start": 1, "limits": [0, 2], "fixed": False, "constraint": {"value": 1, "sigma": 1}}
    names = [f"p{i}" for i in range(settings.max_parameters)]
    body = SMALL_HISTOGRAM | {
        "model": {
            "sum": [{"name": "gaussian", "prefix": f"p{i}_"} for i in range(149)]
            + [{"formula": "a", "parameters": names}],
        },
        "parameters": dict.fromkeys(names, known),
        "minos": names,
    }
    body["model"]["sum"][0]["rename"] = dict.fromkeys(names, "a")
    read = parse(HistogramRequest, json.dumps(body).encode(), MOST)
    assert len(read.parameters) == settings.max_parameters
    assert len(read.model.sum) == settings.max_components


CROWDED = json.dumps({"minos": ["mu"] * MOST})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"counts": [1, 2]}\n' * (MOST + 1), "trailing characters at line 2 column 1"),
        (f"{CROWDED[:-1]},\n}}".encode(), "trailing comma at line 2 column 1"),
        (CROWDED.encode("utf-16"), "The body is in UTF-16"),
    ],
    ids=["rows", "comma", "utf-16"],
)
def test_a_body_that_is_no_json_is_told_where_and_not_how_many_names(
    body: bytes, said: str
) -> None:
    with pytest.raises(NotJson, match=said):
        parse(HistogramRequest, body, MOST)


def test_in_messagepack_objects_count_together() -> None:
    few = {f"p{i}": 1 for i in range(MOST // 4)}
    body = BATCH | {"parameters": few, "starts": few}
    with pytest.raises(InvalidRequest, match="must be an array"):
        raise_wrong(body)
    with pytest.raises(InvalidRequest, match="names and texts"):
        raise_wrong(body | {"model": [few, few, few]})


def raise_wrong(body: dict[str, Any]) -> None:
    parse_binary(HistogramBatchRequest, msgpack.packb(body), MOST)


def test_in_the_first_line_of_a_job_and_in_others() -> None:
    many = {f"p{i}": 1 for i in MANY}
    head = json.dumps({"edges": [0, 1, 2], "model": "gaussian", "parameters": many}).encode()
    with pytest.raises(InvalidRequest, match="names and texts"):
        read_head(HISTOGRAM, head, 1, MOST)
    right = b'{"counts": [1, 2]}'
    wrong = json.dumps({"counts": [1, 2], "starts": many}).encode()
    with pytest.raises(InvalidRequest) as refused:
        RowReader(HISTOGRAM, 10**6, MOST).read([(2, right), (3, wrong)])
    ((place, message),) = refused.value.errors
    assert place == ("rows", 1)
    assert message.startswith(f"line 3: {MOST + 2} names and texts; at most {MOST} ")
