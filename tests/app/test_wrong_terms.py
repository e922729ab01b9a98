"""Mistakes in sums and products: all are told, but not all are collected."""

import json
from typing import Any

import msgpack
import pytest
from pydantic import ValidationError

from app.errors import InvalidRequest
from app.reading.body import parse, parse_binary
from app.schemas.batches import HistogramBatchRequest
from app.schemas.models import FormulaModel, SumModel
from app.schemas.requests import HistogramRequest
from tests.examples import SMALL_HISTOGRAM

TERMS = [
    ([{"name": "gausian"}, "gaussian", {"name": "moyal", "width": 1}], [(0, "name"), (2, "width")]),
    (
        [{"sum": ["gaussian", 1, 2]}, {"convolve": {"product": ["argus", "argos"]}}],
        [(0, "sum", 1), (0, "sum", 2), (1, "convolve", "product", 1)],
    ),
    ([{"name": "gaussian", "rename": {"mu": 1}}, 3], [(0, "rename", "mu"), (1,)]),
]


@pytest.mark.parametrize("form", ["sum", "product"])
@pytest.mark.parametrize(("terms", "places"), TERMS, ids=range(len(TERMS)))
def test_mistakes_in_several_terms_are_told(
    form: str, terms: list[Any], places: list[tuple[Any, ...]]
) -> None:
    body = SMALL_HISTOGRAM | {"model": {form: terms}}
    with pytest.raises(InvalidRequest) as refused:
        parse(HistogramRequest, json.dumps(body).encode())
    found = {path for path, _ in refused.value.errors}
    assert found == {("model", form, *place) for place in places}


def test_other_terms_are_looked_at_once_however_wrong_the_first_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_at: list[Any] = []
    monkeypatch.setattr(SumModel, "model_validate", looked_at.append)
    first = {"name": "gaussian"} | {f"field{i}": 1 for i in range(50)}
    body = SMALL_HISTOGRAM | {"model": {"sum": [first, "moyal", "argus"]}}
    with pytest.raises(InvalidRequest) as refused:
        parse(HistogramRequest, json.dumps(body).encode())
    assert len(refused.value.errors) > 1
    assert looked_at == [{"sum": ["moyal"]}, {"sum": ["argus"]}]


@pytest.mark.parametrize("form", ["sum", "product"])
def test_more_terms_than_any_service_takes_are_not_looked_at(form: str) -> None:
    body = {"model": {form: ["gaussian"] * 10_002 + [1]}, "edges": [0, 1], "counts": [[1]]}
    with pytest.raises(InvalidRequest) as refused:
        parse_binary(HistogramBatchRequest, msgpack.packb(body))
    message = "has 10003 entries; at most max_components (GET /limits) are allowed"
    assert refused.value.errors == [(("model", form), message)]


@pytest.mark.parametrize(
    ("schema", "sent"),
    [
        (SumModel, {"sum": [1] * 1000}),
        (SumModel, {"sum": [{"sum": [1] * 1000}] * 1000}),
        (FormulaModel, {"formula": "a*x", "parameters": [1] * 1000}),
    ],
    ids=["sum", "sum of sums", "parameters"],
)
def test_a_list_of_mistakes_is_one_of_pydantic_s_errors(schema: Any, sent: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        schema.model_validate_json(json.dumps(sent))
    assert refused.value.error_count() == 1
