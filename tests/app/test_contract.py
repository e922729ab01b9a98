"""The shape of every reply is the one of API.md, and its parts agree with each other."""

import math
from datetime import datetime
from typing import Any

import httpx
import numpy as np
import pytest
from scipy import stats

from app.examples import (
    HISTOGRAM_ANSWER,
    HISTOGRAM_EXAMPLES,
    POINTS_ANSWER,
    POINTS_EXAMPLES,
)
from tests.examples import (
    DECAY,
    GAUSSIAN_50,
    HISTOGRAM,
    PEAK_ON_DECAY,
    STRAIGHT_LINE,
    TUTORIAL_HISTOGRAM,
    TUTORIAL_POINTS,
    XY_ERRORS,
    Body,
    at,
    fitted,
    points,
    refused,
    replaced,
    without,
)

NUMBER = (int, float)
# The answer of API.md, field by field.
ANSWER: dict[str, Any] = {
    "/fit_id": str,
    "/created": str,
    "/kind": str,
    "/model": (str, dict),
    "/valid": bool,
    "/status": str,
    "/message": str,
    "/values": dict,
    "/errors": dict,
    "/covariance/parameters": list,
    "/covariance/matrix": (list, type(None)),
    "/covariance/method": str,
    "/covariance/positive_definite": bool,
    "/minos": (dict, type(None)),
    "/fval": NUMBER,
    "/goodness_of_fit/chi2": NUMBER,
    "/goodness_of_fit/ndof": int,
    "/goodness_of_fit/reduced_chi2": (*NUMBER, type(None)),
    "/goodness_of_fit/p_value": (*NUMBER, type(None)),
    "/parameters": list,
    "/minimizer/algorithm": str,
    "/minimizer/edm": NUMBER,
    "/minimizer/edm_goal": NUMBER,
    "/minimizer/nfcn": int,
    "/minimizer/ngrad": int,
    "/minimizer/nhess": int,
    "/warnings": list,
    **{f"/timing_ms/{part}": NUMBER for part in ("queue", "compile", "minimize", "total")},
    "/timing_ms/covariance": NUMBER,
    "/kernel/cache": str,
}
PARAMETER: dict[str, Any] = {
    "name": str,
    "value": NUMBER,
    "error": (*NUMBER, type(None)),
    "start": NUMBER,
    "limits": list,
    "fixed": bool,
    "at_limit": bool,
    "display": str,
}
FIXED = replaced(GAUSSIAN_50, ("/parameters/mu", {"start": 0.0, "fixed": True}))
AT_LIMIT = replaced(GAUSSIAN_50, ("/parameters/mu", {"start": 0.3, "limits": [0.2, 2]}))
REQUESTS: dict[str, tuple[str, Body]] = {
    "histogram": (HISTOGRAM, GAUSSIAN_50),
    "decay": (HISTOGRAM, DECAY),
    "sum": (HISTOGRAM, PEAK_ON_DECAY),
    "minos": (HISTOGRAM, GAUSSIAN_50 | {"minos": ["mu"]}),
    "fit-range": (HISTOGRAM, GAUSSIAN_50 | {"fit_range": [[-2, 0], [0.5, 2]]}),
    "fixed": (HISTOGRAM, FIXED),
    "at-limit": (HISTOGRAM, AT_LIMIT),
    "points": (XY_ERRORS, TUTORIAL_POINTS),
    "berkson": (XY_ERRORS, STRAIGHT_LINE | {"x_error_model": "berkson"}),
    "equal-weights": (XY_ERRORS, without(points(20, degree=1), "/y_err")),
    "no-freedom-left": (XY_ERRORS, points(2, degree=1)),
    "no-freedom-no-errors": (XY_ERRORS, without(points(2, degree=1), "/y_err")),
}


def nulls(value: Any, path: str = "") -> list[str]:
    """Where a reply has a null."""
    if isinstance(value, dict):
        return [p for key, v in value.items() for p in nulls(v, f"{path}/{key}")]
    if isinstance(value, list):
        return [p for i, v in enumerate(value) for p in nulls(v, f"{path}/{i}")]
    return [path] if value is None else []


@pytest.mark.parametrize("name", REQUESTS)
def test_the_answer_has_every_field(client: httpx.Client, name: str) -> None:
    path, body = REQUESTS[name]
    answer = fitted(client.post(path, json=body))
    for pointer, kind in ANSWER.items():
        assert isinstance(at(answer, pointer), kind), pointer
    assert len(answer["fit_id"]) >= 22  # 128 random bits in base64
    assert datetime.fromisoformat(answer["created"]).utcoffset() is not None
    assert answer["kernel"]["cache"] in ("memory", "disk", "compiled")
    assert all(ms >= 0 for ms in answer["timing_ms"].values())
    assert all({"code", "message"} <= warning.keys() for warning in answer["warnings"])
    names = list(answer["values"])
    assert [p["name"] for p in answer["parameters"]] == names == list(answer["errors"])
    for parameter in answer["parameters"]:
        for field, kind in PARAMETER.items():
            assert isinstance(parameter[field], kind), field
        assert parameter["value"] == answer["values"][parameter["name"]]
        assert parameter["error"] == answer["errors"][parameter["name"]]


@pytest.mark.parametrize("name", REQUESTS)
def test_the_parts_of_an_answer_agree(client: httpx.Client, name: str) -> None:
    path, body = REQUESTS[name]
    answer = fitted(client.post(path, json=body))
    free = [p["name"] for p in answer["parameters"] if not (p["fixed"] or p["at_limit"])]
    assert answer["covariance"]["parameters"] == free
    assert {key for key, error in answer["errors"].items() if error is not None} <= set(free)
    # Two points, two parameters and no errors: there is nothing to scale a covariance by.
    unscaled = name == "no-freedom-no-errors"
    matrix = np.array(answer["covariance"]["matrix"] or [], dtype=float)
    assert unscaled or matrix.shape == (len(free), len(free))
    np.testing.assert_allclose(matrix, matrix.T, rtol=1e-12)
    for i, free_name in enumerate(free):
        if answer["errors"][free_name] is not None:
            assert math.sqrt(matrix[i, i]) == pytest.approx(answer["errors"][free_name], rel=1e-12)
    goodness = answer["goodness_of_fit"]
    if goodness["ndof"] > 0 and goodness["p_value"] is not None:
        reduced = goodness["chi2"] / goodness["ndof"]
        assert goodness["reduced_chi2"] == pytest.approx(reduced, rel=1e-12)
        expected = stats.chi2.sf(goodness["chi2"], goodness["ndof"])
        assert goodness["p_value"] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", REQUESTS)
def test_a_null_has_its_reason(client: httpx.Client, name: str) -> None:
    path, body = REQUESTS[name]
    answer = fitted(client.post(path, json=body))
    # An error is explained by `fixed` and `at_limit`, a limit by being none, minos by the request.
    explained = [f"/errors/{p['name']}" for p in answer["parameters"] if p["fixed"]]
    explained += [f"/errors/{p['name']}" for p in answer["parameters"] if p["at_limit"]]
    for i, parameter in enumerate(answer["parameters"]):
        explained += [f"/parameters/{i}/limits/{side}" for side in (0, 1)]
        explained += [f"/parameters/{i}/error"] * (parameter["fixed"] or parameter["at_limit"])
    # What became of the covariance is said once, for all the errors that come from it.
    if answer["covariance"].get("reason"):
        explained += [f"/errors/{name}" for name in answer["errors"]]
        explained += [f"/parameters/{i}/error" for i in range(len(answer["parameters"]))]
    open_questions = set(nulls(answer)) - set(explained) - {"/minos"}
    for pointer in open_questions:
        neighbours = at(answer, pointer.rpartition("/")[0])
        reasons = [key for key in neighbours if "reason" in key or "message" in key]
        assert reasons or answer["warnings"], f"{pointer} is null and nothing says why"


def test_fixed_and_at_limit(client: httpx.Client) -> None:
    fixed = fitted(client.post(HISTOGRAM, json=FIXED))
    assert fixed["valid"] is True
    assert fixed["values"]["mu"] == 0.0
    assert fixed["goodness_of_fit"]["ndof"] == 50 - 2
    limited = fitted(client.post(HISTOGRAM, json=AT_LIMIT))
    parameter = {p["name"]: p for p in limited["parameters"]}["mu"]
    assert parameter["limits"] == [0.2, 2]
    assert parameter["at_limit"] is True
    assert parameter["value"] == pytest.approx(0.2, abs=1e-6)
    assert limited["covariance"]["parameters"] == ["amp", "sigma"]


def test_minos_of_the_parameters_asked_for(client: httpx.Client) -> None:
    some = fitted(client.post(HISTOGRAM, json=GAUSSIAN_50 | {"minos": ["mu"]}))
    assert list(some["minos"]) == ["mu"]
    assert some["minos"]["mu"]["valid"] is True
    # Near the parabola that a histogram of 2000 events is, both ends are one error away.
    error = some["errors"]["mu"]
    assert some["minos"]["mu"]["lower"] == pytest.approx(-error, rel=0.02)
    assert some["minos"]["mu"]["upper"] == pytest.approx(error, rel=0.02)
    every = fitted(client.post(HISTOGRAM, json=GAUSSIAN_50 | {"minos": True}))
    assert list(every["minos"]) == ["amp", "mu", "sigma"]


@pytest.mark.parametrize(
    ("path", "body", "values", "chi2"),
    [
        (
            HISTOGRAM,
            TUTORIAL_HISTOGRAM,
            {"amp": 10001.0400, "mu": -0.0110517179, "sigma": 0.999289345},
            992.426744,
        ),
        (
            XY_ERRORS,
            TUTORIAL_POINTS,
            {"c0": 1.60696857, "c1": 1.50682293, "c2": 1.24894587},
            23.14083066,
        ),
    ],
)
def test_the_tutorial_s_numbers(
    client: httpx.Client, path: str, body: Body, values: dict[str, float], chi2: float
) -> None:
    answer = fitted(client.post(path, json=body))
    assert answer["valid"] is True
    assert answer["status"] == "converged"
    # The reference gives nine digits, so half a unit of the ninth is all that may differ.
    assert answer["values"] == pytest.approx(values, rel=5e-9)
    assert answer["fval"] == pytest.approx(chi2, rel=1e-9)


def test_both_prefixes_serve_the_same(client: httpx.Client) -> None:
    answers = [fitted(client.post(p + HISTOGRAM, json=GAUSSIAN_50)) for p in ("", "/v1")]
    assert answers[0]["values"] == answers[1]["values"]
    fit_id = answers[0]["fit_id"]
    paths = ["/models", "/models/gaussian", "/limits", f"/fits/{fit_id}"]
    for path in [*paths, f"/covariance?fit_id={fit_id}"]:
        first, second = (fitted(client.get(prefix + path)) for prefix in ("", "/v1"))
        assert first | {"timing_ms": None} == second | {"timing_ms": None}
    for path in ("/livez", "/readyz", "/metrics"):
        assert client.get(f"/v1{path}").status_code == 200


def test_headers(client: httpx.Client) -> None:
    replies = [client.post(HISTOGRAM, json=GAUSSIAN_50) for _ in range(2)]
    assert len({reply.headers["x-request-id"] for reply in replies}) == 2
    timing = replies[0].headers["server-timing"]
    for part in fitted(replies[0])["timing_ms"]:
        assert part in timing
    assert fitted(replies[0])["kernel"]["cache"] in timing
    assert refused(client.post(HISTOGRAM, json={}), 422)
    assert client.post(HISTOGRAM, json={}).headers["x-request-id"]


def same(shown: Any, found: Any) -> None:
    """The same in all but the digits that the one is rounded to."""
    if isinstance(shown, dict):
        assert shown.keys() == found.keys()
        for name in shown.keys() - {"fit_id", "created", "timing_ms", "minimizer", "kernel"}:
            same(shown[name], found[name])
    elif isinstance(shown, list):
        assert len(shown) == len(found)
        for one, other in zip(shown, found, strict=True):
            same(one, other)
    else:
        number = isinstance(shown, float)
        assert found == (pytest.approx(shown, rel=1e-5) if number else shown)


@pytest.mark.parametrize(
    ("path", "example", "shown"),
    [
        ("/fit/histogram", HISTOGRAM_EXAMPLES["gaussian"], HISTOGRAM_ANSWER),
        ("/fit/xy-errors", POINTS_EXAMPLES["line with errors in x and y"], POINTS_ANSWER),
    ],
    ids=["histogram", "points"],
)
def test_the_answer_that_openapi_shows_is_what_the_example_gets(
    client: httpx.Client, path: str, example: Body, shown: Body
) -> None:
    found = fitted(client.post(path, json=example))
    same(shown, found)
    for part in ("timing_ms", "minimizer", "kernel"):
        assert shown[part].keys() == found[part].keys()
    response = client.get("/openapi.json").json()["paths"][path]["post"]["responses"]["200"]
    assert response["content"]["application/json"]["example"] == shown
    assert response["content"]["application/json"]["schema"]["$ref"].endswith("/FitAnswer")
    assert "Server-Timing" in response["headers"]
