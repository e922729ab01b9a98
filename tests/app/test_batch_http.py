"""Batches over HTTP: each row's answer is that of its own request, and mistakes have a place."""

import json
import select
import statistics
import time
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import httpx
import numpy as np
import pytest

from app.examples import HISTOGRAM_BATCH_EXAMPLES, POINTS_BATCH_EXAMPLES
from app.schemas.batches import BatchAnswer
from tests.conftest import LiveServer, StartServer
from tests.examples import (
    GAUSSIAN_50,
    HISTOGRAM,
    XY_ERRORS,
    Body,
    at,
    fitted,
    pointers,
    polynomial,
    refused,
    replaced,
    without,
)

HISTOGRAMS = "/fit/histogram/batch"
POINTS = "/fit/xy-errors/batch"
JSON = {"Content-Type": "application/json"}
EDGES = np.linspace(-4, 4, 33)


def histograms(rows: int = 40, seed: int = 1) -> Body:
    rng = np.random.default_rng(seed)
    counts = [np.histogram(rng.normal(0.1, 1, 500), EDGES)[0].tolist() for _ in range(rows)]
    return {"edges": EDGES.tolist(), "counts": counts, "model": "gaussian"}


def lines(rows: int = 20, seed: int = 1) -> Body:
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 5, 12)
    y = 1 + 2 * x + rng.normal(0, 0.2, (rows, 12))
    return {"x": x.tolist(), "y": y.tolist(), "y_err": 0.2, "model": polynomial(1)}


def answered(response: httpx.Response) -> Body:
    answer = fitted(response)
    BatchAnswer.model_validate(answer)
    rows = answer["rows"]
    columns = [*answer["values"].values(), *answer["errors"].values()]
    columns += [answer[name] for name in ("fval", "chi2", "valid", "status", "path", "edm")]
    assert all(len(column) == rows for column in columns)
    assert list(answer["values"]) == list(answer["errors"]) == answer["parameters"]
    assert "fit_id" not in answer
    # what is null has its reason
    assert set(answer["status"]) - {"converged"} == set(answer["messages"])
    assert answer["valid"] == [status == "converged" for status in answer["status"]]
    return answer


def assert_same(answer: Body, i: int, single: Body) -> None:
    """One row of a batch and the answer to the same request alone."""
    assert answer["status"][i] == single["status"]
    assert answer["valid"][i] == single["valid"]
    for name in answer["parameters"]:
        value, error = single["values"][name], single["errors"][name]
        assert answer["values"][name][i] == pytest.approx(value, rel=1e-9, abs=1e-9 * (error or 0))
        assert answer["errors"][name][i] == (
            None if error is None else pytest.approx(error, rel=2e-5)
        )
    assert answer["chi2"][i] == pytest.approx(single["goodness_of_fit"]["chi2"], rel=1e-9)


def test_each_histogram_has_the_answer_of_its_own_request(client: httpx.Client) -> None:
    body = histograms() | {"parameters": {"sigma": {"limits": [0.5, 3]}}, "fit_range": [-3, 3]}
    answer = answered(client.post(HISTOGRAMS, json=body))
    assert answer["kind"] == "histogram"
    assert answer["ndof"] == 24 - 3
    assert answer["path"].count("batch") >= 38
    for i, counts in enumerate(body["counts"]):
        own = without(without(body, "/counts"), "/edges")
        own["histogram"] = {"edges": body["edges"], "counts": counts}
        assert_same(answer, i, fitted(client.post(HISTOGRAM, json=own)))


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"x_err": 0.05},
        {"x_err": 0.05, "x_error_model": "berkson"},
        {"absolute_sigma": False},
        {"y_err": None},
        {"model": {"formula": "a + b*x"}, "fit_range": [1, 4]},
    ],
    ids=str,
)
def test_each_set_of_points_has_the_answer_of_its_own_request(
    client: httpx.Client, more: Body
) -> None:
    body = {k: v for k, v in (lines() | more).items() if v is not None}
    answer = answered(client.post(POINTS, json=body))
    assert answer["kind"] == "xy-errors"
    for i, y in enumerate(body["y"]):
        assert_same(answer, i, fitted(client.post(XY_ERRORS, json=body | {"y": y})))


def test_matrices_say_the_same_as_what_is_common(client: httpx.Client) -> None:
    body = lines() | {"x_err": 0.05}
    spread = body | {
        "x": [body["x"]] * 20,
        "x_err": [[0.05] * 12] * 20,
        "y_err": [0.2] * 12,
    }
    one, other = (answered(client.post(POINTS, json=b)) for b in (body, spread))
    for name in one["parameters"]:
        assert one["values"][name] == pytest.approx(other["values"][name], rel=1e-9)
        assert one["errors"][name] == pytest.approx(other["errors"][name], rel=2e-5)


def test_a_bad_row_spoils_no_other(client: httpx.Client) -> None:
    body = histograms()
    good = answered(client.post(HISTOGRAMS, json=body))
    body["counts"][5] = [0] * 32
    body["counts"][9] = [0] * 16 + [30] + [0] * 15
    answer = answered(client.post(HISTOGRAMS, json=body))
    assert answer["status"][5] == "empty-data"
    assert answer["values"]["mu"][5] is None or answer["errors"]["mu"][5] is None
    for i in set(range(40)) - {5, 9}:
        for name in answer["parameters"]:
            assert answer["values"][name][i] == pytest.approx(good["values"][name][i], rel=1e-9)


def test_of_a_row_that_is_fitted_by_itself_is_told_what_a_single_fit_is_warned_of(
    client: httpx.Client,
) -> None:
    body = histograms(6)
    body["counts"][2][28] += 60  # which the model does not have
    body["counts"][4] = [0] * 32
    answer = answered(client.post(HISTOGRAMS, json=body))
    assert (answer["path"][2], answer["path"][3]) == ("single", "batch")
    for i, counts in enumerate(body["counts"]):
        data = {"edges": body["edges"], "counts": counts}
        single = fitted(client.post(HISTOGRAM, json={"histogram": data, "model": body["model"]}))
        codes = {warning["code"] for warning in single["warnings"]}
        assert {code for code, rows in answer["warnings"].items() if i in rows} == codes
    assert answer["warnings"]["poor-fit"] == [2]


def test_starts_and_fixed_values_of_each_row(client: httpx.Client) -> None:
    fixed = np.linspace(-0.2, 0.4, 40).tolist()
    body = histograms() | {
        "parameters": {"mu": {"fixed": True}},
        "starts": {"mu": fixed, "sigma": [0.5, 2.0] * 20},
        "covariance": True,
    }
    answer = answered(client.post(HISTOGRAMS, json=body))
    assert answer["values"]["mu"] == fixed
    assert answer["errors"]["mu"] == [None] * 40
    assert answer["covariance"]["parameters"] == ["amp", "sigma"]
    for i, matrix in enumerate(answer["covariance"]["matrices"]):
        roots = [matrix[k][k] ** 0.5 for k in range(2)]
        own = [answer["errors"][name][i] for name in ("amp", "sigma")]
        assert roots == pytest.approx(own, rel=1e-12)


def test_a_parameter_at_a_limit_is_named(client: httpx.Client) -> None:
    body = histograms() | {"parameters": {"mu": {"limits": [0.1, 2]}}, "covariance": True}
    answer = answered(client.post(HISTOGRAMS, json=body))
    stuck = answer["at_limit"]["mu"]
    assert 0 < len(stuck) < 40
    for i in stuck:
        assert answer["path"][i] == "single"
        assert answer["errors"]["mu"][i] is None
        assert answer["covariance"]["matrices"][i][1] == [None, None, None]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        *((HISTOGRAMS, body) for body in HISTOGRAM_BATCH_EXAMPLES.values()),
        *((POINTS, body) for body in POINTS_BATCH_EXAMPLES.values()),
    ],
)
def test_the_examples_of_the_schema_run(client: httpx.Client, path: str, body: Body) -> None:
    assert all(answered(client.post(path, json=body))["valid"])
    assert all(answered(client.post(f"/v1{path}", json=body))["valid"])


WRONG: list[tuple[str, Body, str, Any, str]] = [
    (HISTOGRAMS, histograms(20), "/counts/17/3", -2, "/counts/17/3"),
    (HISTOGRAMS, histograms(20), "/counts/17/3", "7", "/counts/17/3"),
    (HISTOGRAMS, histograms(20), "/counts/17/3", None, "/counts/17/3"),
    (HISTOGRAMS, histograms(20), "/counts/17/3", True, "/counts/17/3"),
    (HISTOGRAMS, histograms(20), "/counts/17", [1, 2], "/counts/17"),
    (HISTOGRAMS, histograms(20), "/counts/17", 5, "/counts/17"),
    (HISTOGRAMS, histograms(20), "/counts", [], "/counts"),
    (HISTOGRAMS, histograms(20), "/counts", {}, "/counts"),
    (HISTOGRAMS, histograms(20), "/edges/4", -100, "/edges/4"),
    (HISTOGRAMS, histograms(20), "/count", [], "/count"),
    (HISTOGRAMS, histograms(20), "/minos", True, "/minos"),
    (HISTOGRAMS, histograms(20), "/starts", {"mu": [0.0]}, "/starts/mu"),
    (HISTOGRAMS, histograms(20), "/starts", {"m": [0.0] * 20}, "/starts/m"),
    (HISTOGRAMS, histograms(20), "/starts", {"sigma": [1.0] * 19 + [-1.0]}, "/starts/sigma/19"),
    (HISTOGRAMS, histograms(20) | {"parameters": {"mu": 0.0}}, "/starts/mu", [0.0] * 20,
     "/starts/mu"),
    (HISTOGRAMS, histograms(20) | {"parameters": {"mu": {"start": 0.0, "fixed": True}}},
     "/starts/mu", [0.0] * 20, "/starts/mu"),
    (HISTOGRAMS, histograms(20), "/parameters", {"m": 1}, "/parameters/m"),
    (HISTOGRAMS, histograms(20), "/parameters/sigma", -1, "/parameters/sigma"),
    (HISTOGRAMS, histograms(20), "/parameters/sigma", {"start": -1}, "/parameters/sigma/start"),
    (HISTOGRAMS, histograms(20), "/parameters", {"mu": {"fixed": True}}, "/parameters/mu"),
    (HISTOGRAMS, histograms(20), "/fit_range", [9, 10], "/fit_range"),
    (HISTOGRAMS, histograms(20), "/model", "gausian", "/model"),
    (POINTS, lines(), "/y/3/4", "7", "/y/3/4"),
    (POINTS, lines(), "/y/3", [1.0], "/y/3"),
    (POINTS, lines(), "/x", [1.0], "/x"),
    (POINTS, lines(), "/x", {"t": [1.0]}, "/x"),
    (POINTS, lines(), "/x", [[1.0] * 12], "/x"),
    (POINTS, lines(), "/y_err", 0, "/y_err"),
    (POINTS, lines(), "/y_err", [0.1] * 11 + [0], "/y_err/11"),
    (POINTS, lines(), "/y_err", [[0.1] * 12] * 19 + [[0.1] * 11 + [-1]], "/y_err/19/11"),
    (POINTS, lines(1), "/y_err", [[0.1] * 11 + [-1]], "/y_err/0/11"),
    (POINTS, lines(1), "/y_err", [0.1] * 11 + [-1], "/y_err/11"),
    (POINTS, lines(1), "/x_err", [[0.1] * 11 + [-1]], "/x_err/0/11"),
    (POINTS, lines(), "/x_err", [0.1] * 11 + [-1], "/x_err/11"),
    (POINTS, lines(), "/x_err", [[0.1] * 12] * 2, "/x_err"),
    (POINTS, lines(), "/fit_range", [9, 10], "/fit_range"),
    (POINTS, without(lines(), "/y_err"), "/absolute_sigma", True, "/absolute_sigma"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "where", "what", "told"), WRONG)
def test_a_mistake_is_told_at_its_place(
    client: httpx.Client, path: str, body: Body, where: str, what: Any, told: str
) -> None:
    sent = replaced(body, (where, what))
    found = pointers(refused(client.post(path, json=sent), 422))
    assert told in found
    for pointer in found:
        at(sent, pointer.rpartition("/")[0])  # is there


def test_limits_of_a_batch(start_server: StartServer) -> None:
    with start_server(FIT_MAX_BATCH_ROWS=10, FIT_MAX_BATCH_ENTRIES=200, FIT_WORKERS=1) as small:
        for rows in (7, 11):
            problem = refused(small.client.post(HISTOGRAMS, json=histograms(rows)), 422)
            assert pointers(problem) == ["/counts"]
        assert small.client.get("/limits").json()["max_batch_rows"] == 10
        answered(small.client.post(HISTOGRAMS, json=histograms(5)))
        peaks = [{"name": "gaussian", "prefix": p} for p in ("a_", "b_", "c_")]
        body = histograms(5) | {"model": {"sum": peaks}, "covariance": True}
        problem = refused(small.client.post(HISTOGRAMS, json=body), 422)  # 81 numbers a row
        assert pointers(problem) == ["/covariance"]


def test_rows_without_time_have_the_status_deadline(client: httpx.Client) -> None:
    answer = answered(client.post(HISTOGRAMS, json=histograms(2000) | {"deadline_s": 1e-6}))
    assert set(answer["status"]) == {"deadline"}
    assert "As a job (Prefer: respond-async) each row has a" in answer["messages"]["deadline"]
    assert "deadline_s may be up to 100 seconds here" in answer["messages"]["deadline"]
    assert answer["values"]["mu"] == [None] * 2000
    assert answer["path"] == [None] * 2000


def flat(rows: int) -> Body:
    """Rows that no peak describes: each has to be fitted alone, with all means."""
    counts = np.random.default_rng(1).poisson(300, (rows, 32)) + 400 * (np.arange(32) % 2)
    return histograms(1) | {"counts": counts.tolist()}


@pytest.mark.alone
def test_a_batch_lets_single_fits_pass_and_stops_when_its_client_hangs_up(
    server: LiveServer,
) -> None:
    client = server.client
    fitted(client.post(HISTOGRAM, json=GAUSSIAN_50))
    answered(client.post(HISTOGRAMS, json=flat(5)))
    with closing(HTTPConnection(server.url.removeprefix("http://"))) as other:
        other.request("POST", HISTOGRAMS, json.dumps(flat(3000)), JSON)
        time.sleep(0.5)
        waits = []
        for _ in range(5):
            began = time.perf_counter()
            fitted(client.post(HISTOGRAM, json=GAUSSIAN_50))
            waits.append(time.perf_counter() - began)
        # in a break of a row, each of which takes a second; the batch lasts longer than such waits
        assert max(waits) < 2
        assert statistics.median(waits) < 0.3
        is_answered = bool(select.select([other.sock], [], [], 0)[0])
        assert not is_answered, f"the batch was over too soon to tell; {waits}"
        assert server.metric("fit_running") > 0
    for _ in range(100):
        if server.metric("fit_running") == server.metric("fit_queue_length") == 0:
            return
        time.sleep(0.05)
    pytest.fail("the batch goes on")
