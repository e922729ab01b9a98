"""What OpenAPI says of requests, to people and to generators of clients: that, and nothing else."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import msgpack
import pytest
from pydantic_core import PydanticUndefined

from app.batch.translate import to_batch
from app.errors import Busy, InvalidRequest
from app.examples import HISTOGRAM_LINES, POINTS_LINES, RESULT_LINES
from app.main import create_app
from app.reading.body import parse, parse_binary
from app.schemas import base
from app.schemas.batches import HistogramBatchRequest, PointsBatchRequest
from app.schemas.requests import HistogramRequest, PointsRequest
from app.settings import Settings
from app.translation.problem import to_problem
from models.formula.functions import FUNCTIONS
from models.formula.parse import parse as parse_formula
from models.registry import SHAPES
from tests.examples import Body, replaced

DOCUMENT = create_app(Settings(warm=False)).openapi()
OPERATIONS = [one for path in DOCUMENT["paths"].values() for one in path.values()]
SCHEMAS = DOCUMENT["components"]["schemas"]
LINES = {"HistogramHead", "HistogramLine", "PointsHead", "PointsLine"}


def is_valid(schema: str, value: Any) -> bool:
    whole = {"$ref": f"#/components/schemas/{schema}", "components": DOCUMENT["components"]}
    return jsonschema_rs.validator_for(whole).is_valid(value)


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """Every object inside."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            yield from walk(inner)


def reached(value: Any, found: set[str]) -> set[str]:
    """The names of the schemas that are referred to, from those, too."""
    names = {one["$ref"].rpartition("/")[2] for one in walk(value) if "$ref" in one} - found
    found |= names
    for name in names:
        reached(SCHEMAS[name], found)
    return found


def requests(kind: type[base.Request] = base.Request) -> Iterator[type[base.Request]]:
    for one in kind.__subclasses__():
        yield one
        yield from requests(one)


def test_no_field_of_a_request_has_to_be_sent_because_of_a_default() -> None:
    contents = [o["requestBody"]["content"] for o in OPERATIONS if "requestBody" in o]
    schemas = [media["schema"] for content in contents for media in content.values()]
    names = reached(schemas, set())
    assert {"HistogramRequest", "GaussianModel", "ParameterSettings", "FormulaModel"} <= names
    for name in names | LINES:
        assert not [one for one in walk(SCHEMAS[name]) if "default" in one], name


def test_a_default_is_told_in_words() -> None:
    defaults = [
        (schema.__name__, name, json.dumps(field.default))
        for schema in requests()
        if schema.__name__ in SCHEMAS
        for name, field in schema.model_fields.items()
        if field.default_factory is None and field.default not in (PydanticUndefined, None, "")
    ]
    assert ("PolynomialModel", "degree", "1") in defaults
    assert ("PointsRequest", "x_error_model", '"classical"') in defaults
    for schema, name, default in defaults:
        description = SCHEMAS[schema]["properties"][name]["description"]
        assert description.endswith(f"Default: {default}"), (schema, name)


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


def test_what_a_formula_may_have_is_told_and_is_taken() -> None:
    told = SCHEMAS["FormulaModel"]["properties"]["formula"]["description"]
    assert {*FUNCTIONS, "where", "pi"} <= {*re.findall(r"\w+", told)}
    for shown in ("-x^2", "-(x^2)", "where(x < a, b, c)"):
        assert shown in told
        parse_formula(f"a + {shown}", SHAPES)
    assert parse_formula("a - x^2", SHAPES).tree == parse_formula("a - (x^2)", SHAPES).tree


def test_a_whole_number_is_an_integer_however_it_is_written() -> None:
    (one, other, binary) = (
        parse(PointsRequest, json.dumps(POINTS | {"model": DEGREE}).encode()),
        parse(PointsRequest, json.dumps(POINTS | {"model": DEGREE | {"degree": 2.0}}).encode()),
        parse_binary(PointsRequest, msgpack.packb(POINTS | {"model": DEGREE | {"degree": 2.0}})),
    )
    assert one.model == other.model == binary.model
    assert type(other.model.degree) is int


def test_the_examples_in_lines_have_the_schemas_that_are_named() -> None:
    for kind, text in (("Histogram", HISTOGRAM_LINES), ("Points", POINTS_LINES)):
        head, *rows = map(json.loads, text.splitlines())
        assert is_valid(f"{kind}Head", head)
        assert rows
        for row in rows:
            assert is_valid(f"{kind}Line", {"counts": row} if isinstance(row, list) else row)
    *rows, end = map(json.loads, RESULT_LINES.splitlines())
    assert rows
    assert all(is_valid("JobRow", row) for row in rows)
    assert end.keys() == {"end", "message"}


def test_whoever_is_to_come_again_is_told_when() -> None:
    answers = [one["responses"]["503"] for one in OPERATIONS if "503" in one["responses"]]
    assert answers
    for told in (answer["headers"]["Retry-After"] for answer in answers):
        assert told["required"]
        assert told["schema"] == {"type": "integer", "minimum": 1}
    for seconds in (0.01, 7.4):
        assert int(Busy("full", seconds).response().headers["retry-after"]) >= 1


def test_a_400_speaks_of_what_a_path_takes() -> None:
    def told(path: str) -> dict[str, str]:
        return {m: o["responses"]["400"]["description"] for m, o in DOCUMENT["paths"][path].items()}

    assert "MessagePack" in told("/fit/histogram/batch")["post"]
    assert "MessagePack" not in told("/fit/histogram")["post"]
    assert "JSON" in told("/fit/histogram")["post"]
    assert "JSON" not in told("/fits/{fit_id}")["get"]


def test_descriptions_name_nothing_that_clients_cannot_see() -> None:
    for name, schema in SCHEMAS.items():
        assert "MESSAGES" not in schema.get("description", ""), name


@pytest.mark.parametrize(
    ("schema", "body"), [(HistogramRequest, HISTOGRAM), (PointsRequest, POINTS)]
)
def test_an_empty_list_is_no_fit_range(schema: type[Any], body: Body) -> None:
    assert is_valid(schema.__name__, body | {"fit_range": [[0, 2]]})
    assert not is_valid(schema.__name__, body | {"fit_range": []})
    with pytest.raises(InvalidRequest):
        ask(schema, body | {"fit_range": []})
