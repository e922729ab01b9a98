"""What browsers, monitors and generated clients expect of an HTTP service, fits aside."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from fitting.status import Status
from tests.conftest import ROOT, LiveServer, StartServer
from tests.examples import HISTOGRAM, SMALL_HISTOGRAM, XY_ERRORS, fitted, refused

PAGE = "https://dashboard.example"
POINTS = {"x": [1, 2, 3, 4], "y": [2.1, 3.9, 6.2, 7.8], "y_err": 0.2, "model": "linear"}


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/docs", "/models", "/v1/openapi.json"])
def test_head_is_get_without_a_body(client: httpx.Client, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert head.status_code == get.status_code == 200
    assert head.headers["content-type"] == get.headers["content-type"]
    assert head.headers["content-length"] == get.headers["content-length"]
    assert not head.content


def test_head_of_what_is_not_there_or_takes_no_get(client: httpx.Client) -> None:
    assert client.head("/fits/nope").status_code == 404
    assert client.head(HISTOGRAM).status_code == 405


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/fits/x", {"GET", "HEAD", "DELETE"}),
        ("PUT", "/v1/jobs/x", {"GET", "HEAD", "DELETE"}),
        ("GET", HISTOGRAM, {"POST"}),
        ("POST", "/models/gaussian", {"GET", "HEAD"}),
    ],
)
def test_a_wrong_method_is_told_all_that_are_right(
    client: httpx.Client, method: str, path: str, allowed: set[str]
) -> None:
    response = client.request(method, path)
    refused(response, 405)
    assert set(response.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize("path", [f"{HISTOGRAM}/", "/models/", "/v1/fits/x/"])
def test_a_slash_too_much_is_no_redirect(client: httpx.Client, path: str) -> None:
    refused(client.post(path, json=SMALL_HISTOGRAM), 404)


def test_the_documentation_tells_of_both_prefixes_and_of_no_foreign_errors(
    client: httpx.Client,
) -> None:
    described = client.get("/openapi.json").json()
    assert [server["url"] for server in described["servers"]] == ["/", "/v1"]
    assert client.get("/v1/openapi.json").json() == described
    assert "swagger" in client.get("/v1/docs").text
    for path, routes in described["paths"].items():
        for one in routes.values():
            assert "422" in one["responses"], f"{path} refuses queries that it does not know"
        if path.startswith(("/fits", "/jobs", "/models")) and path != "/models/{name}":
            assert all("503" in one["responses"] for one in routes.values()), path
    assert "text/plain" in described["paths"]["/metrics"]["get"]["responses"]["200"]["content"]
    assert not {"HTTPValidationError", "ValidationError"} & set(described["components"]["schemas"])
    ids = [one["operationId"] for path in described["paths"].values() for one in path.values()]
    assert "fit_histogram" in ids
    assert len(set(ids)) == len(ids)


def test_csv_is_refused_by_name_with_or_without_queries(client: httpx.Client) -> None:
    for query in ("", "?model=linear"):
        headers = {"Content-Type": "text/csv"}
        response = client.post(XY_ERRORS + query, content=b"x,y\n1,2\n", headers=headers)
        assert "text/csv is not offered yet" in refused(response, 415)["detail"]


@pytest.fixture(scope="module")
def with_pages(start_server: StartServer) -> Iterator[LiveServer]:
    with start_server(FIT_CORS_ORIGINS=f"{PAGE}, https://b.example", FIT_WORKERS=1) as server:
        yield server


def test_pages_of_the_named_origins_may_ask(with_pages: LiveServer) -> None:
    client = with_pages.client
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "prefer"}
    preflight = client.options(HISTOGRAM, headers=asked | {"Origin": PAGE})
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == PAGE
    assert "POST" in preflight.headers["access-control-allow-methods"]
    answer = client.post(HISTOGRAM, json=SMALL_HISTOGRAM, headers={"Origin": "https://b.example"})
    fitted(answer)
    assert answer.headers["access-control-allow-origin"] == "https://b.example"
    assert "Server-Timing" in answer.headers["access-control-expose-headers"]
    problem = client.get("/fits/nope", headers={"Origin": PAGE})
    assert problem.headers["access-control-allow-origin"] == PAGE


def test_pages_of_other_origins_may_not(with_pages: LiveServer, client: httpx.Client) -> None:
    for asked, origin in ((with_pages.client, "https://evil.example"), (client, PAGE)):
        answer = asked.get("/livez", headers={"Origin": origin})
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "model",
    [
        "linear",
        {"name": "polynomial", "degree": 1},
        {"formula": "a + b*x"},
        {"sum": ["linear", {"name": "gaussian", "prefix": "g_"}]},
    ],
    ids=str,
)
def test_the_model_comes_back_as_it_was_sent(client: httpx.Client, model: Any) -> None:
    assert fitted(client.post(XY_ERRORS, json=POINTS | {"model": model}))["model"] == model
    batch = {"x": POINTS["x"], "y": [POINTS["y"]], "y_err": 0.2, "model": model}
    assert fitted(client.post(f"{XY_ERRORS}/batch", json=batch))["model"] == model


@pytest.mark.parametrize(
    ("formula", "warned"), [("a*exp(-X/T)", True), ("a*x1", True), ("b", False), ("a*x", False)]
)
def test_a_formula_without_x_is_warned_of(
    client: httpx.Client, formula: str, *, warned: bool
) -> None:
    answer = fitted(client.post(XY_ERRORS, json=POINTS | {"model": {"formula": formula}}))
    assert ("no-predictor" in [w["code"] for w in answer["warnings"]]) is warned


def test_what_is_said_of_a_formula_without_x_helps(client: httpx.Client) -> None:
    formula = {"model": {"formula": "a*exp(-t/tau)"}}
    answer = fitted(client.post(XY_ERRORS, json=POINTS | formula))
    (warning,) = (w["message"] for w in answer["warnings"] if w["code"] == "no-predictor")
    for told in (answer["message"], warning):
        assert told.endswith('Write x for the horizontal axis, or name it: "x": {"t": [...]}.')
    named = POINTS | formula | {"x": {"t": POINTS["x"]}}
    assert fitted(client.post(XY_ERRORS, json=named))["status"] == "converged"
    answer = fitted(client.post(HISTOGRAM, json=SMALL_HISTOGRAM | formula))
    assert answer["message"].endswith("Write x for the horizontal axis.")  # it has one alone


@pytest.mark.parametrize(
    ("x", "formula", "place"),
    [
        ([1, 0, 2, 3], "a*log(x) + b", "x = 0 "),
        ({"t": [1, 2, 3, 4], "h": [5, 6, -7, -8]}, "a*t + b*sqrt(h)", "t = 3 and h = -7 is"),
        ([1, 2, 3, 4], "a*log(-x) + b", ""),  # nowhere: no point is to blame
    ],
    ids=["one column", "two columns", "everywhere"],
)
def test_where_the_model_has_no_value_is_told(
    client: httpx.Client, x: Any, formula: str, place: str
) -> None:
    body = POINTS | {"x": x, "x_err": None, "model": {"formula": formula}}
    answer = fitted(client.post(XY_ERRORS, json=body))
    assert answer["status"] == "undefined-cost"
    assert ("such place" in answer["message"]) is bool(place)
    assert place in answer["message"]


def test_the_bin_in_which_the_model_expects_nothing_is_told(client: httpx.Client) -> None:
    body = SMALL_HISTOGRAM | {"model": {"formula": "a*sqrt(x - 2)"}}
    answer = fitted(client.post(HISTOGRAM, json=body))
    assert answer["status"] == "undefined-cost"
    assert "the bin from -3 to -2 is" in answer["message"]


def test_no_error_in_x_is_told_by_a_zero_too(client: httpx.Client) -> None:
    exact, zero, zeros = (
        fitted(client.post(XY_ERRORS, json=POINTS | more))
        for more in ({}, {"x_err": 0}, {"x_err": [0, 0, 0, 0]})
    )
    assert exact["values"] == zero["values"] == zeros["values"]
    refused(client.post(XY_ERRORS, json=POINTS | {"x_err": -0.1}), 422)


def test_a_deadline_before_the_first_evaluation_promises_no_values(client: httpx.Client) -> None:
    answer = fitted(client.post(HISTOGRAM, json=SMALL_HISTOGRAM | {"deadline_s": 1e-6}))
    assert answer["status"] == "deadline"
    assert "best so far" not in answer["message"]
    assert answer["message"].endswith("deadline_s may be up to 100 seconds here.")
    assert set(answer["values"].values()) == {None}


def test_a_fit_of_nothing_says_so(client: httpx.Client) -> None:
    fixed = {name: {"start": 1.0, "fixed": True} for name in ("amp", "mu", "sigma")}
    answer = fitted(client.post(HISTOGRAM, json=SMALL_HISTOGRAM | {"parameters": fixed}))
    assert answer["message"].startswith("All parameters are fixed")
    held = {"mu": {"limits": [1, 3]}}
    answer = fitted(client.post(HISTOGRAM, json=SMALL_HISTOGRAM | {"parameters": held}))
    assert answer["status"] == "converged"
    assert answer["message"].endswith("At a limit, and without an error: mu.")


def test_words_that_clients_compare_are_listed(client: httpx.Client) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert set(schemas["Status"]["enum"]) == {status.value for status in Status}
    assert "poor-fit" in schemas["WarningAnswer"]["properties"]["code"]["enum"]
    readme = (ROOT / "README.md").read_text()
    for word in (
        *schemas["Status"]["enum"],
        *schemas["WarningAnswer"]["properties"]["code"]["enum"],
    ):
        assert f"`{word}`" in readme
