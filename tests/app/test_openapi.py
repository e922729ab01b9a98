"""What OpenAPI says of requests, to people and to generators of clients: that, and nothing else."""

import json
from typing import Any

import jsonschema_rs
import msgpack
import pytest

from app.batch.translate import to_batch
from app.body import parse, parse_binary
from app.errors import InvalidRequest
from app.main import create_app
from app.schemas.batches import HistogramBatchRequest, PointsBatchRequest
from app.schemas.requests import HistogramRequest, PointsRequest
from app.settings import Settings
from app.translate import to_problem
from tests.examples import Body, replaced

DOCUMENT = create_app(Settings(warm=False)).openapi()


def is_valid(schema: str, value: Any) -> bool:
    whole = {"$ref": f"#/components/schemas/{schema}", "components": DOCUMENT["components"]}
    return jsonschema_rs.validator_for(whole).is_valid(value)


HISTOGRAM: Body = {"histogram": {"edges": [0, 1, 2, 3], "counts": [1, 9, 2]}, "model": "gaussian"}
POINTS: Body = {"x": [1, 2, 3], "y": [2, 4, 7], "y_err": [1, 1, 1], "model": "linear"}
COLUMNS: Body = {"x": {"u": [1, 2, 3]}, "y": [2, 4, 7], "model": {"formula": "a*u"}}
HISTOGRAMS: Body = {"edges": [0, 1, 2, 3], "counts": [[1, 9, 2]], "model": "gaussian"}
SETS: Body = {"x": [1, 2, 3], "y": [[2, 4, 7]], "model": "linear"}
TEMPLATE: Body = {"template": {"edges": [0, 1, 3], "counts": [1, 2]}}
KNOWN: Body = {"mu": {"constraint": {"value": 1, "sigma": 1}}}
SIGMA = "/parameters/mu/constraint/sigma"
DEGREE: Body = {"name": "polynomial", "degree": 2}


def ask(schema: type[Any], body: Body) -> None:
    """InvalidRequest for what no fit can be made of."""
    request = parse(schema, json.dumps(body).encode())
    single = issubclass(schema, HistogramRequest | PointsRequest)
    (to_problem if single else to_batch)(request, Settings())


@pytest.mark.parametrize(
    ("schema", "body", "pointer", "right", "wrong"),
    [
        (HistogramRequest, HISTOGRAM, "/histogram/counts/1", 0, -1),
        (HistogramRequest, HISTOGRAM | {"model": TEMPLATE}, "/model/template/counts/1", 0, -1),
        (HistogramRequest, HISTOGRAM | {"parameters": KNOWN}, SIGMA, 1e-9, 0),
        (PointsRequest, POINTS, "/y_err", 1e-9, 0),
        (PointsRequest, POINTS, "/y_err/1", 1e-9, 0),
        (PointsRequest, POINTS, "/x_err", 0, -0.1),
        (PointsRequest, POINTS, "/x_err", [0, 0, 0.1], [0, 0, -0.1]),
        (PointsRequest, COLUMNS, "/x_err", {"u": 0}, {"u": -0.1}),
        (PointsRequest, COLUMNS, "/x_err", {"u": [0, 0, 0]}, {"u": [0, -0.1, 0]}),
        (HistogramBatchRequest, HISTOGRAMS, "/counts/0/1", 0, -1),
        (PointsBatchRequest, SETS, "/y_err", 1e-9, 0),
        (PointsBatchRequest, SETS, "/y_err", [1, 1, 1e-9], [1, 1, 0]),
        (PointsBatchRequest, SETS, "/y_err", [[1, 1, 1e-9]], [[1, 1, 0]]),
        (PointsBatchRequest, SETS, "/x_err", 0, -0.1),
        (PointsBatchRequest, SETS, "/x_err", [0, 0, 0], [0, 0, -0.1]),
        (PointsBatchRequest, SETS, "/x_err", [[0, 0, 0]], [[0, 0, -0.1]]),
        (HistogramRequest, HISTOGRAM | {"model": DEGREE}, "/model/degree", 1.0, 1.5),
        (HistogramRequest, HISTOGRAM | {"model": DEGREE}, "/model/degree", 2, True),
        (PointsRequest, POINTS | {"model": DEGREE}, "/model/degree", 0.0, "1"),
        (PointsBatchRequest, SETS | {"model": DEGREE}, "/model/degree", 1e0, 1e300),
    ],
)  # fmt: skip
def test_a_rule_of_a_number_is_told_and_holds(
    schema: type[Any], body: Body, pointer: str, right: Any, wrong: Any
) -> None:
    for value, allowed in ((right, True), (wrong, False)):
        sent = replaced(body, (pointer, value))
        assert is_valid(schema.__name__, sent) is allowed
        if allowed:
            ask(schema, sent)
        else:
            with pytest.raises(InvalidRequest):
                ask(schema, sent)


def test_a_whole_number_is_an_integer_however_it_is_written() -> None:
    (one, other, binary) = (
        parse(PointsRequest, json.dumps(POINTS | {"model": DEGREE}).encode()),
        parse(PointsRequest, json.dumps(POINTS | {"model": DEGREE | {"degree": 2.0}}).encode()),
        parse_binary(PointsRequest, msgpack.packb(POINTS | {"model": DEGREE | {"degree": 2.0}})),
    )
    assert one.model == other.model == binary.model
    assert type(other.model.degree) is int
