"""What can be asked besides a fit: stored fits, covariance, models, limits, metrics, schema.

Replies whose numbers have a closed form are compared with it.
"""

import json
import math
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import schemathesis
from prometheus_client.parser import text_string_to_metric_families
from schemathesis.schemas import BaseSchema

from app.schemas.answers import StoredFitAnswer
from tests.conftest import LiveServer
from tests.examples import (
    GAUSSIAN_50,
    HISTOGRAM,
    STRAIGHT_LINE,
    TUTORIAL_POINTS,
    XY_ERRORS,
    Body,
    fitted,
    pointers,
    points,
    refused,
    replaced,
)

JSON = {"Content-Type": "application/json"}
SHAPES = ("gaussian", "exponential", "polynomial")


@pytest.fixture(scope="module")
def peak(client: httpx.Client) -> Body:
    return fitted(client.post(HISTOGRAM, json=GAUSSIAN_50))


def covariance(client: httpx.Client, fit_id: str, **query: str) -> Body:
    return fitted(client.get("/covariance", params={"fit_id": fit_id, **query}))


def test_a_stored_fit_is_the_answer_that_was_sent(client: httpx.Client, peak: Body) -> None:
    stored = fitted(client.get(f"/fits/{peak['fit_id']}"))
    # Only what was measured after the fit had been written down may differ.
    assert stored | {"timing_ms": None} == peak | {"timing_ms": None}


@pytest.mark.parametrize(("path", "body"), [(HISTOGRAM, GAUSSIAN_50), (XY_ERRORS, TUTORIAL_POINTS)])
def test_the_request_can_be_read_and_sent_again(
    client: httpx.Client, path: str, body: Body
) -> None:
    first = fitted(client.post(path, json=body))
    assert "request" not in fitted(client.get(f"/fits/{first['fit_id']}"))
    stored = client.get(f"/fits/{first['fit_id']}", params={"include": "request"})
    StoredFitAnswer.model_validate_json(stored.content)
    again = fitted(client.post(path, json=fitted(stored)["request"]))
    assert again["values"] == pytest.approx(first["values"], rel=1e-12)
    assert again["fit_id"] != first["fit_id"]


def test_the_request_is_told_as_it_was_sent(client: httpx.Client) -> None:
    """Byte for byte, as numbers that are read and written again are not."""
    raw = b' {"histogram":{"edges":[0, 1e0,2.00],"counts":[4,9]},\n"model" : "gauss\\u0069an"} \n'
    sent = client.post(HISTOGRAM, content=b"\xef\xbb\xbf" + raw, headers=JSON)
    fit_id = fitted(sent)["fit_id"]
    stored = client.get(f"/fits/{fit_id}", params={"include": "request"})
    assert stored.content == sent.content[:-1] + b',"request":' + raw + b"}"
    assert fitted(stored)["request"] == json.loads(raw)


def test_a_deleted_fit_is_gone(client: httpx.Client) -> None:
    fit_id = fitted(client.post(HISTOGRAM, json=GAUSSIAN_50))["fit_id"]
    assert client.delete(f"/fits/{fit_id}").status_code in (200, 204)
    refused(client.get(f"/fits/{fit_id}"), 404)
    refused(client.get(f"/fits/{fit_id}", params={"include": "request"}), 404)
    refused(client.get("/covariance", params={"fit_id": fit_id}), 404)
    refused(client.delete(f"/fits/{fit_id}"), 404)


def test_an_id_of_the_right_form_that_was_never_given(client: httpx.Client, peak: Body) -> None:
    swapped = "b" if peak["fit_id"][0] == "a" else "a"
    unknown = swapped + peak["fit_id"][1:]
    refused(client.get(f"/fits/{unknown}"), 404)
    refused(client.get("/covariance", params={"fit_id": unknown}), 404)


@pytest.mark.parametrize("method", ["autodiff", "hesse", "gauss-newton"])
def test_covariance_fields(client: httpx.Client, peak: Body, method: str) -> None:
    reply = covariance(client, peak["fit_id"], method=method)
    assert reply["fit_id"] == peak["fit_id"]
    assert reply["method"] == method
    assert reply["parameters"] == ["amp", "mu", "sigma"]
    assert reply["positive_definite"] is True
    assert reply["at"] == pytest.approx(peak["values"], rel=1e-15)
    matrix = np.array(reply["matrix"])
    errors = np.array([reply["errors"][name] for name in reply["parameters"]])
    np.testing.assert_allclose(np.sqrt(np.diag(matrix)), errors, rtol=1e-12)
    np.testing.assert_allclose(matrix / np.outer(errors, errors), reply["correlation"], atol=1e-12)
    exact = np.array(peak["covariance"]["matrix"])
    # Finite differences give three digits, and the expected information is a Hessian of its own:
    # with 2000 events it differs by a few per cent.
    tolerance = {"autodiff": 1e-12, "hesse": 1e-2, "gauss-newton": 0.1}[method]
    scale = np.sqrt(np.outer(np.diag(exact), np.diag(exact)))
    np.testing.assert_allclose(matrix / scale, exact / scale, atol=tolerance)


@pytest.mark.parametrize("method", ["autodiff", "hesse", "gauss-newton"])
@pytest.mark.parametrize("where", [None, "c0:7,c1:-3"])
def test_covariance_of_a_linear_model_is_the_closed_form(
    client: httpx.Client, method: str, where: str | None
) -> None:
    body = points(20, degree=2)
    fit_id = fitted(client.post(XY_ERRORS, json=body))["fit_id"]
    reply = covariance(client, fit_id, method=method, **({"at": where} if where else {}))
    design = np.vander(body["x"], 3, increasing=True) / body["y_err"]
    expected = np.linalg.inv(design.T @ design)
    rtol = 1e-4 if method == "hesse" else 1e-9
    np.testing.assert_allclose(reply["matrix"], expected, rtol=rtol, atol=rtol * expected.max())


def test_of_a_fit_with_all_at_limits_there_is_none_whoever_is_asked(client: httpx.Client) -> None:
    limits = {"c0": {"limits": [100, 200]}}
    constant = {"name": "polynomial", "degree": 0}
    data = {"edges": [0, 1, 2, 3], "counts": [2, 11, 33]}
    answer = fitted(
        client.post(HISTOGRAM, json={"histogram": data, "model": constant, "parameters": limits})
    )
    assert answer["status"] == "at-limit-only"
    for method in ("autodiff", "hesse", "gauss-newton"):
        reply = covariance(client, answer["fit_id"], method=method)
        for field in ("parameters", "matrix", "positive_definite"):
            assert reply[field] == answer["covariance"][field]


@pytest.mark.parametrize(
    ("counts", "status"), [([0, 0, 0, 0], "empty-data"), ([5, 9], "under-determined")]
)
def test_of_data_that_tell_nothing_other_data_are_asked_for(
    client: httpx.Client, counts: list[int], status: str
) -> None:
    data = {"edges": [*range(len(counts) + 1)], "counts": counts}
    answer = fitted(client.post(HISTOGRAM, json={"histogram": data, "model": "gaussian"}))
    assert answer["status"] == status
    problem = refused(client.get("/covariance", params={"fit_id": answer["fit_id"]}), 422)
    assert f"({status}): send other data" in problem["errors"][0]["message"]


def test_covariance_at_another_point(client: httpx.Client) -> None:
    held = {"mu": {"start": 0, "fixed": True}, "sigma": {"start": 1, "fixed": True}}
    peak = fitted(client.post(HISTOGRAM, json=GAUSSIAN_50 | {"parameters": held}))
    reply = covariance(client, peak["fit_id"], at="amp:5000")
    assert reply["at"] == {"amp": 5000, "mu": 0, "sigma": 1}
    # Of 2 * sum(mu - n log(mu)) with mu = amp * p only n log(amp) has a second derivative.
    total = sum(GAUSSIAN_50["histogram"]["counts"])
    np.testing.assert_allclose(reply["matrix"], [[5000**2 / total]], rtol=1e-9)


def test_covariance_at_a_point_keeps_the_rest_at_the_minimum(
    client: httpx.Client, peak: Body
) -> None:
    reply = covariance(client, peak["fit_id"], at="mu:0.5,sigma:1.1")
    assert reply["at"] == {"amp": peak["values"]["amp"], "mu": 0.5, "sigma": 1.1}


@pytest.mark.parametrize(
    ("query", "statuses"),
    [
        ({"fit_id": None}, (422,)),
        ({"method": "hess"}, (422,)),
        ({"at": "nu:1"}, (422,)),
        ({"at": "mu"}, (422,)),
        ({"at": "mu:"}, (422,)),
        ({"at": "mu:abc"}, (422,)),
        ({"at": "mu:nan"}, (422,)),
        ({"at": "mu:inf"}, (422,)),
        ({"at": "mu:1e999"}, (422,)),
        ({"at": "mu:1,mu:2"}, (422,)),
        ({"at": ":,:"}, (422,)),
        ({"metod": "hesse"}, (422,)),
        ({"at": "sigma:-1"}, (200, 422)),
        ({"at": "sigma:0"}, (200, 422)),
        ({"at": "mu:1e300"}, (200, 422)),
    ],
)
def test_covariance_that_cannot_be(
    client: httpx.Client, peak: Body, query: dict[str, str | None], statuses: tuple[int, ...]
) -> None:
    wanted = {"fit_id": peak["fit_id"]} | query
    response = client.get("/covariance", params={k: v for k, v in wanted.items() if v is not None})
    if response.status_code != 200 or 200 not in statuses:
        refused(response, *statuses)


def test_what_is_wrong_in_a_point_is_told_by_its_names(client: httpx.Client, peak: Body) -> None:
    def told(at: str) -> list[str]:
        query = {"fit_id": peak["fit_id"], "at": at}
        return pointers(refused(client.get("/covariance", params=query), 422))

    assert told("mu:1,sigm:1,foo:2") == ["/at/sigm", "/at/foo"]
    assert told("sigma:-1") == ["/at/sigma"]
    assert told("mu:1,sigma") == ["/at"]


def test_where_the_information_is_singular_that_is_said(client: httpx.Client) -> None:
    body = {"x": [0, 1, 2], "y": [3, 1, 0.4], "y_err": 0.1, "model": {"formula": "a*exp(-b*x)"}}
    fit_id = fitted(client.post(XY_ERRORS, json=body))["fit_id"]
    # with a = 0 nothing depends on b, but the slope in a does: the Hessian is indefinite
    expected = covariance(client, fit_id, method="gauss-newton", at="a:0")
    assert expected["matrix"] is None
    assert "expected information is singular" in expected["reason"]
    assert "second derivatives" not in expected["reason"]
    exact = covariance(client, fit_id, at="a:0")
    assert exact["matrix"] is None
    assert "second derivatives" in exact["reason"]


def test_a_fit_without_values_can_be_asked_where_all_are_named(client: httpx.Client) -> None:
    fit = fitted(client.post(HISTOGRAM, json=GAUSSIAN_50 | {"deadline_s": 1e-9}))
    assert fit["values"] == {"amp": None, "mu": None, "sigma": None}
    query = {"fit_id": fit["fit_id"], "at": "mu:0,sigma:1"}
    (error,) = refused(client.get("/covariance", params=query), 422)["errors"]
    assert error["pointer"] == "/fit_id"
    assert "post it again, or name all parameters in at" in error["message"]
    assert "deadline_s" not in error["message"]
    assert covariance(client, fit["fit_id"], at="amp:1000,mu:0,sigma:1")["positive_definite"]


def test_an_unknown_query_is_refused(client: httpx.Client, peak: Body) -> None:
    refused(client.get(f"/fits/{peak['fit_id']}", params={"include": "reqest"}), 422)
    problem = refused(client.get(f"/fits/{peak['fit_id']}", params={"inclde": "request"}), 422)
    (error,) = problem["errors"]
    assert error["message"] == 'unknown query parameter, did you mean "include"?'
    assert "query parameter is required" in refused(client.get("/covariance"), 422)["detail"]
    told = refused(client.get("/covariance", params={"id": peak["fit_id"]}), 422)["errors"]
    assert [(e["pointer"], e["message"]) for e in told] == [
        ("/id", "unknown query parameter; there are fit_id, method, at"),
        ("/fit_id", "this query parameter is required"),
    ]
    (error,) = refused(client.get("/limits", params={"id": 1}), 422)["errors"]
    assert error["message"] == "unknown query parameter; this path takes none"


def requests_in(value: Any) -> Iterator[tuple[str, Body]]:
    """Every complete request inside a reply, with the endpoint that takes it."""
    if isinstance(value, dict):
        if {"histogram", "model"} <= value.keys():
            yield HISTOGRAM, value
        elif {"edges", "counts", "model"} <= value.keys():
            yield f"{HISTOGRAM}/batch", value
        elif {"x", "y", "model"} <= value.keys():
            yield XY_ERRORS, value
        else:
            for item in value.values():
                yield from requests_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from requests_in(item)


@pytest.mark.parametrize("name", SHAPES)
def test_a_model_explains_itself(client: httpx.Client, name: str) -> None:
    assert f'"{name}"' in client.get("/models").text
    model = fitted(client.get(f"/models/{name}"))
    assert model["name"] == name
    assert {"formula", "parameters", "options"} <= model.keys()
    examples = list(requests_in(model))
    assert examples
    for path, body in examples:
        assert fitted(client.post(path, json=body))["valid"] is True


def test_limits_are_numbers(client: httpx.Client) -> None:
    limits = fitted(client.get("/limits"))
    assert limits["max_body_bytes"] > 0
    assert limits["max_names"] == 200 + 20 * (limits["max_parameters"] + limits["max_components"])
    assert limits["max_head_bytes"] == 2**16
    numbers = [v for v in limits.values() if isinstance(v, int | float)]
    assert all(math.isfinite(number) and number >= 0 for number in numbers)
    assert isinstance(limits["max_bins"], int)  # a float in Python would be written 1000000.0


def test_a_browser_is_led_from_the_root_to_the_documentation(client: httpx.Client) -> None:
    by_browser = client.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert by_browser.is_redirect
    assert str(by_browser.url.join(by_browser.headers["location"])) == str(
        client.base_url.join("/docs")
    )
    refused(client.get("/"), 404)
    refused(client.post("/", json={}), 405)


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/docs"])
def test_is_there(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 200


def test_metrics(client: httpx.Client, server: LiveServer) -> None:
    fitted(client.post(HISTOGRAM, json=GAUSSIAN_50))
    fitted(client.post(HISTOGRAM, json=replaced(GAUSSIAN_50, ("/parameters/mu", 0.1))))
    fitted(client.post(XY_ERRORS, json=STRAIGHT_LINE))
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    families = list(text_string_to_metric_families(response.text))
    for subject in ("request", "fit", "cache", "compile", "queue"):
        assert any(subject in family.name for family in families), subject
    labels = {v for f in families for s in f.samples if s.value > 0 for v in s.labels.values()}
    assert {"converged", "memory"} <= labels
    assert server.metric("fit_kernel_compiles_total") >= 0
    assert server.metric("fit_store_failures_total") == 0


def test_openapi_is_valid_and_its_examples_run(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    api = schemathesis.openapi.from_dict(document)
    api.validate()
    bodies = {
        path: operation["requestBody"]["content"]
        for path, operations in document["paths"].items()
        for operation in operations.values()
        if "requestBody" in operation
    }
    assert {HISTOGRAM, XY_ERRORS} <= bodies.keys()
    for path, content in bodies.items():
        examples = list(requests_in(content))
        assert examples, f"{path} has no example"
        for _, body in examples:
            response = client.post(path, json=body)
            valid = fitted(response)["valid"]
            assert valid is True or all(valid)
            conforms(api, path, "POST", response)


def conforms(api: BaseSchema, path: str, method: str, response: httpx.Response) -> None:
    """An answer has the schema that is told, and the headers."""
    operation = api[path][method]
    operation.validate_response(response)
    told = operation.definition.raw["responses"]["200"].get("headers", {})
    assert all(header in response.headers for header in told), told
    assert ("server-timing" in response.headers) == ("Server-Timing" in told)


def test_the_catalogue_has_the_schema_that_is_told(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    api, schemas = schemathesis.openapi.from_dict(document), document["components"]["schemas"]
    whole = client.get("/models")
    conforms(api, "/models", "GET", whole)
    for entry in fitted(whole)["models"]:
        assert entry.keys() == set(schemas["ShapeAnswer"]["required"])
        for parameter in entry["parameters"]:
            assert parameter.keys() == set(schemas["ShapeParameter"]["required"])
        if entry["name"] in SHAPES:
            one = client.get(f"/models/{entry['name']}")
            conforms(api, "/models/{name}", "GET", one)
            assert one.json() == entry
    for entry in fitted(whole)["compositions"].values():
        assert entry.keys() == set(schemas["CompositionAnswer"]["required"])
