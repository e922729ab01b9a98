"""What is said of a mistake: what is wrong, what would be right, and nothing that misleads."""

import json
import re
from typing import Any

import msgpack
import numpy as np
import pytest
from pydantic import BaseModel

from app.errors import InvalidRequest, NotJson
from app.reading.body import parse, parse_binary
from app.reading.wording import NOT_OFFERED
from app.schemas.batches import HistogramBatchRequest, HistogramHead, PointsBatchRequest
from app.schemas.models import SPECS
from app.schemas.requests import HistogramRequest, PointsRequest
from app.settings import Settings
from app.translation.problem import to_problem
from models.registry import ALIASES, POLYNOMIALS
from tests.app.test_batch_http import histograms
from tests.examples import SMALL_HISTOGRAM, replaced

TEMPLATE = {"edges": [0, 1], "counts": [1]}
NOT_HERE = "unknown field here; it belongs to POST /fit/"
MISTAKES: list[tuple[type[Any], str, Any, str, str]] = [
    # what the contract has, but nobody has asked for yet
    (HistogramRequest, "/cost", "pearson", "/cost", f"{NOT_OFFERED}, which has 'poisson'"),
    (HistogramRequest, "/cost", "person", "/cost", "should be 'poisson'"),
    (HistogramRequest, "/bin_content", "center", "/bin_content", NOT_OFFERED),
    (PointsRequest, "/method", "odr", "/method", NOT_OFFERED),
    (PointsRequest, "/loss", "soft_l1", "/loss", NOT_OFFERED),
    (PointsRequest, "/y_err", {"lower": [0.1], "upper": [0.2]}, "/y_err", NOT_OFFERED),
    (PointsRequest, "/y_cov", [[1.0]], "/y_cov", f"{NOT_OFFERED}; leave it out"),
    (PointsBatchRequest, "/x_err", {"lower": 0.1, "upper": 0.2}, "/x_err", NOT_OFFERED),
    (HistogramRequest, "/histogram", {"uhi_schema": 1, "axes": []}, "/histogram", "UHI histograms"),
    (PointsBatchRequest, "/x", {"t": [1, 2, 3]}, "/x", "batches take lists"),
    *((PointsBatchRequest, "/x", {part: [1, 2, 3], "t": [1, 2, 3]}, "/x", "batches take lists")
      for part in ("data", "shape", "dtype")),
    (PointsBatchRequest, "/x_err", {"t": 0.1}, "/x_err", "batches take lists"),
    # what belongs elsewhere, and what nobody knows
    (HistogramRequest, "/starts", {}, "/starts", f"{NOT_HERE}histogram/batch and POST"),
    (HistogramRequest, "/x_err", 0.1, "/x_err", f"{NOT_HERE}xy-errors and POST"),
    (PointsRequest, "/histogram", {}, "/histogram", f"{NOT_HERE}histogram"),
    (HistogramHead, "/minos", True, "/minos", f"{NOT_HERE}histogram"),
    (HistogramRequest, "/modle", "gaussian", "/modle", 'did you mean "model"?'),
    (HistogramRequest, "/histogram/cuonts", [1], "/histogram/cuonts", 'did you mean "counts"?'),
    (HistogramRequest, "/starting", 1, "/starting", "unknown field; there are model, parameters, "),
    (HistogramRequest, "/parameters/mu", {"value": 1}, "/parameters/mu/value",
     "unknown field; there are start, limits, fixed, constraint"),
    (HistogramRequest, "/parameters/mu", {"constraint": {"value": 1, "sigma": 1, "of": 1}},
     "/parameters/mu/constraint/of", "unknown field; there are value, sigma"),
    (HistogramRequest, "/histogram/bins", 7, "/histogram/bins", "there are edges, counts"),
    (HistogramRequest, "/model/weight", 7, "/model/weight", "there are prefix, rename, name, norm"),
    (HistogramRequest, "/model/parameters", {"mu": 1}, "/model/parameters",
     "unknown field here; it stands at the top of the request"),
    (HistogramRequest, "/model", {"template": TEMPLATE | {"bins": 1}}, "/model/template/bins",
     "there are edges, counts"),
    (HistogramRequest, "/model", {"template": TEMPLATE, "bins": 1}, "/model/bins",
     "there are prefix, rename, template"),
    (HistogramRequest, "/model", "a*x + b", "/model", 'is sent as {"formula": "a*x + b"}'),
    (HistogramRequest, "/model", "gaussian + linear", "/model", 'sent as {"formula": "a*x + b"}'),
    (HistogramRequest, "/model", "gaussian+exponential", "/model",
     'added as {"sum": [{"name": "gaussian", "prefix": "sig_"}, {"name": "exponential", "pref'),
    (HistogramRequest, "/model", {"name": "Normal * linear"}, "/model/name",
     'multiplied as {"product": [...]}; a formula is sent as'),
    (HistogramRequest, "/model", "formula", "/model", 'must be an object: {"formula": ...}'),
    (HistogramRequest, "/model", {"sum": ["product"]}, "/model/sum/0", 'object: {"product": ...}'),
    (HistogramRequest, "/model", "normal", "/model", 'did you mean "gaussian"?'),
    (HistogramRequest, "/model/name", "Cauchy", "/model/name", 'did you mean "lorentzian"?'),
    (HistogramRequest, "/model", ["gaussian", "linear"], "/model",
     'a model is a name or an object; shapes are added as {"sum": ['),
    (HistogramRequest, "/model", "quadratic", "/model",
     'did you mean {"name": "polynomial", "degree": 2}?'),
    (HistogramRequest, "/model", {"name": "Constant"}, "/model/name",
     'did you mean {"name": "polynomial", "degree": 0}?'),
    (HistogramRequest, "/model", "line", "/model", 'did you mean "linear"?'),
    # what fields are called elsewhere
    (PointsRequest, "/dy", 0.1, "/dy", 'did you mean "y_err"?'),
    (PointsRequest, "/sigma_x", 0.1, "/sigma_x", 'did you mean "x_err"?'),
    (PointsRequest, "/dz", 0.1, "/dz", "unknown field; there are model"),
    (HistogramRequest, "/histogram/bin_edges", [1], "/histogram/bin_edges", 'mean "edges"?'),
    (HistogramRequest, "/histogram/centers", [1], "/histogram/centers", "bins need edges, one"),
    (HistogramRequest, "/histogram/events", [1], "/histogram/events", "once they are in bins"),
    (HistogramBatchRequest, "/events", [1], "/events", "once they are in bins"),
    # numbers that are none
    (PointsRequest, "/x_err", {"u": 0.1, "v": None}, "/x_err/v", "leave this column out"),
    (HistogramRequest, "/parameters/mu", [0, 6], "/parameters/mu", 'object: {"limits": [lower, u'),
    (HistogramRequest, "/parameters", None, "/parameters", "leave the field out"),
    (HistogramRequest, "/parameters/mu", {"fixed": None}, "/parameters/mu/fixed", "leave the fie"),
    (HistogramRequest, "/cost", None, "/cost", "leave the field out"),
    (HistogramRequest, "/model/prefix", None, "/model/prefix", "leave the field out"),
    (HistogramBatchRequest, "/starts", None, "/starts", "leave the field out"),
    (HistogramRequest, "/histogram", None, "/histogram", "must be an object"),
    (HistogramRequest, "/model/prefix", "a" * 51, "/model/prefix", "must have at most 50 charact"),
    (PointsRequest, "/y/1", "2,1", "/y/1", "without quotes, with a decimal point"),
    (PointsRequest, "/y_err", "5%", "/y_err", "without quotes, with a decimal point"),
    (PointsRequest, "/x/2", None, "/x/2", "leave this point out, in all lists"),
    (PointsRequest, "/y_err", [1, None, 2], "/y_err/1", "leave this point out, in all lists"),
    (PointsRequest, "/y/2", None, "/y/2", "leave this point out, in all lists"),
    (HistogramRequest, "/histogram/counts/2", None, "/histogram/counts/2", "write 0, and leave"),
    (HistogramBatchRequest, "/counts/0/2", None, "/counts/0/2", "write 0, and leave"),
    (HistogramRequest, "/histogram/edges/2", None, "/histogram/edges/2", "should be a valid num"),
    (HistogramRequest, "/fit_range", [None, 4], "/fit_range/0", "for an open end give one beyond"),
    # lists and pairs
    (HistogramRequest, "/histogram/counts", 7, "/histogram/counts", "must be an array"),
    (HistogramRequest, "/fit_range", 7, "/fit_range", "must be an array: [lower, upper]"),
    (HistogramRequest, "/parameters/mu", {"limits": {"lower": 0}}, "/parameters/mu/limits",
     "must be an array: [lower, upper], null where there is no limit"),
    (HistogramRequest, "/parameters/mu", {"limits": [None, "1"]}, "/parameters/mu/limits/1",
     "should be a valid number, null where there is no limit"),
    (HistogramRequest, "/parameters/mu", {"constraint": [1, 2]}, "/parameters/mu/constraint",
     'must be an object: {"value": ..., "sigma": ...}'),
    (HistogramRequest, "/fit_range", [1], "/fit_range", "must be a pair: [lower, upper]"),
    (HistogramRequest, "/fit_range", [], "/fit_range", "must be a pair: [lower, upper]"),
    (HistogramRequest, "/fit_range", [[0, 1], [2]], "/fit_range/1", "must be a pair"),
    (HistogramRequest, "/parameters/mu", {"limits": [5]}, "/parameters/mu/limits", "must be a"),
    (HistogramRequest, "/parameters/mu", {"limits": [1, 2, 3]}, "/parameters/mu/limits", "must be"),
    (HistogramRequest, "/histogram/edges", [], "/histogram/edges", "has 0 entries; at least 2 are"),
    (HistogramRequest, "/histogram/edges", [1], "/histogram/edges", "has 1 entry; at least 2 are"),
    (HistogramRequest, "/model", {"sum": []}, "/model/sum", "has 0 entries; at least 1 is needed"),
    (HistogramRequest, "/minos", "mu", "/minos", "must be true, false, or a list of names"),
    (HistogramRequest, "/histogram", [1, 2], "/histogram",
     'must be an object: {"edges": ..., "counts": ...}'),
    (
        HistogramRequest,
        "/model",
        {"name": "gaussian", "prefix": "<b>"},
        "/model/prefix",
        "must be a name: a letter or _, then",
    ),
]  # fmt: skip


def wrong(schema: type[Any], body: Any, *, binary: bool = False) -> dict[str, str]:
    """What is said, by the pointer that it has."""
    read, raw = (
        (parse_binary, msgpack.packb(body)) if binary else (parse, json.dumps(body).encode())
    )
    with pytest.raises(InvalidRequest) as caught:
        read(schema, raw)
    answer = json.loads(bytes(caught.value.response().body))
    pointers = [error["pointer"] for error in answer["errors"]]
    assert len(pointers) == len(set(pointers)), "each thing is told once"
    return {error["pointer"]: error["message"] for error in answer["errors"]}


def complete(schema: type[BaseModel]) -> dict[str, Any]:
    if schema is HistogramRequest:
        return SMALL_HISTOGRAM | {"model": {"name": "gaussian"}}
    if schema is PointsRequest:
        return {"x": [1, 2, 3], "y": [1, 2, 3], "model": "linear"}
    if schema is PointsBatchRequest:
        return {"x": [1, 2, 3], "y": [[1, 2, 3]] * 2, "model": "linear"}
    whole = histograms(2)
    if schema is HistogramHead:
        del whole["counts"]
    return whole


@pytest.mark.parametrize(
    ("schema", "place", "value", "pointer", "words"),
    MISTAKES,
    ids=[f"{schema.__name__}{place} {pointer}" for schema, place, _, pointer, _ in MISTAKES],
)
def test_a_mistake_is_told_in_words_that_help(
    schema: type[Any], place: str, value: Any, pointer: str, words: str
) -> None:
    said = wrong(schema, replaced(complete(schema), (place, value)))
    assert said.keys() == {pointer}
    assert words in said[pointer]


def test_all_other_names_lead_to_shapes() -> None:
    assert set(ALIASES.values()) <= set(SPECS)
    assert not {*ALIASES, *POLYNOMIALS} & set(SPECS)
    assert not ALIASES.keys() & POLYNOMIALS.keys()


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_the_polynomial_that_is_meant_is_a_model(name: str) -> None:
    (said,) = wrong(HistogramRequest, SMALL_HISTOGRAM | {"model": name}).values()
    shown = re.search("{.*}", said)
    assert shown is not None
    body = SMALL_HISTOGRAM | {"model": json.loads(shown[0])}
    problem = to_problem(parse(HistogramRequest, json.dumps(body).encode()), Settings())
    assert problem.names[-1] == f"c{POLYNOMIALS[name]}"


def test_columns_are_told_of_in_the_same_words_in_every_format() -> None:
    body = complete(PointsBatchRequest) | {"x": {"t": [1, 2, 3]}}
    assert wrong(PointsBatchRequest, body, binary=True) == wrong(PointsBatchRequest, body)
    no_array = wrong(PointsBatchRequest, body | {"x": {"dtype": "<f8"}}, binary=True)
    assert no_array["/x"].startswith("an array is")


def test_of_errors_that_are_zero_is_said_who_takes_counts() -> None:
    for y_err, told in ((0.0, True), (-0.1, False)):
        body = complete(PointsRequest) | {"y_err": [0.1, y_err, 0.1]}
        with pytest.raises(InvalidRequest) as caught:
            to_problem(parse(PointsRequest, json.dumps(body).encode()), Settings())
        ((place, message),) = caught.value.errors
        assert place == ("y_err", 1)
        assert ("counts are fitted as a histogram" in message) is told


def test_what_is_no_number_in_an_array_is_told_with_its_place() -> None:
    counts = np.ones((50, 6))
    counts[37, 2] = np.nan
    counts[41, 0] = np.inf
    array = {"dtype": "<f8", "shape": [50, 6], "data": counts.tobytes()}
    said = wrong(HistogramBatchRequest, histograms(2) | {"counts": array}, binary=True)
    assert said.keys() == {"/counts/37/2", "/counts/41/0"}
    assert "finite" in said["/counts/37/2"]


def test_an_integer_of_thousands_of_digits_is_json_all_the_same() -> None:
    body = json.dumps(SMALL_HISTOGRAM | {"deadline_s": 7}).replace("7}", "7" * 5000 + "}")
    with pytest.raises(NotJson, match="has too many digits; no double"):
        parse(HistogramRequest, body.encode())


def test_of_many_mistakes_is_not_said_that_they_are_all() -> None:
    counts: list[Any] = ["one"] * 30
    with pytest.raises(InvalidRequest, match="20 things or more are wrong"):
        parse(
            HistogramRequest,
            json.dumps(replaced(SMALL_HISTOGRAM, ("/histogram/counts", counts))).encode(),
        )


def test_the_sum_and_the_formula_that_are_shown_are_models() -> None:
    (said,) = wrong(HistogramRequest, SMALL_HISTOGRAM | {"model": "gaussian+linear"}).values()
    for shown in (re.search(r'{"sum".*?]}', said), re.search(r'{"formula".*?}', said)):
        assert shown is not None
        body = SMALL_HISTOGRAM | {"model": json.loads(shown[0])}
        to_problem(parse(HistogramRequest, json.dumps(body).encode()), Settings())
    (alone,) = wrong(HistogramRequest, SMALL_HISTOGRAM | {"model": "a*x + b"}).values()
    assert "sum" not in alone
