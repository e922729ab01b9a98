"""Batches as jobs over HTTP: taken in, followed, resumed, cancelled; mistakes have a line."""

from collections.abc import Iterator

import httpx
import msgpack
import numpy as np
import pytest

from tests.app.test_batch_http import HISTOGRAMS, POINTS, flat, histograms, lines
from tests.app.test_lifecycle import eventually
from tests.conftest import LiveServer, StartServer
from tests.examples import (
    PEAK_ON_DECAY,
    Body,
    fitted,
    pointers,
    refused,
    without,
)
from tests.jobs import (
    ASYNC,
    NDJSON,
    accepted,
    followed,
    ndjson,
    post_lines,
    rows_of,
    stored,
    streamed,
)


def assert_same(found: list[Body], batch: Body) -> None:
    """The same numbers as the batch that was answered at once."""
    for line in rows_of(found, batch["rows"]):
        i = line["row"]
        assert line["status"] == batch["status"][i]
        assert line["valid"] == batch["valid"][i]
        assert line["ndof"] == (batch["ndof"] if isinstance(batch["ndof"], int) else None)
        assert line.get("at_limit", []) == [n for n, at in batch["at_limit"].items() if i in at]
        assert line.get("warnings", []) == [c for c, at in batch["warnings"].items() if i in at]
        assert ("message" in line) == (line["status"] != "converged")
        for name in batch["parameters"]:
            value, error = batch["values"][name][i], batch["errors"][name][i]
            near = None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9)
            assert line["values"][name] == near
            assert line["errors"][name] == (
                None if error is None else pytest.approx(error, rel=2e-5)
            )
        if batch["covariance"] is None:
            assert "covariance" not in line
        else:
            assert line["covariance"]["parameters"] == batch["covariance"]["parameters"]
            np.testing.assert_allclose(
                np.array(line["covariance"]["matrix"], float),
                np.array(batch["covariance"]["matrices"][i], float),
                rtol=1e-4,
                atol=1e-12,
            )


def peaks(rows: int) -> Body:
    """A composed model, with settings: what the first line has to carry to the workers."""
    counts = np.array(PEAK_ON_DECAY["histogram"]["counts"])
    return {
        "edges": PEAK_ON_DECAY["histogram"]["edges"],
        "counts": np.random.default_rng(1).poisson(counts, (rows, len(counts))).tolist(),
        "model": PEAK_ON_DECAY["model"],
        "parameters": {"sig_mu": {"limits": [4, 6]}, "sig_sigma": 0.5},
        "fit_range": [0, 9],
        "covariance": True,
    }


@pytest.fixture(scope="module")
def small(start_server: StartServer) -> Iterator[LiveServer]:
    """Chunks of few rows, so that there are many."""
    with start_server(FIT_MAX_BATCH_ROWS=50) as server:
        yield server


@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_lines_have_the_numbers_of_the_batch(client: httpx.Client, prefix: str) -> None:
    body = histograms(60) | {"parameters": {"mu": {"limits": [0.1, 2]}}, "covariance": True}
    batch = fitted(client.post(HISTOGRAMS, json=body))
    assert batch["at_limit"]
    location = accepted(post_lines(client, prefix + HISTOGRAMS, streamed(body)))
    assert location.startswith(f"{prefix}/jobs/")
    assert_same(followed(client, location), batch)
    job = client.get(location).json()
    assert job["status"] == "succeeded"
    assert job["statuses"] == {"converged": 60}
    assert job["rows"] == job["rows_done"] == 60


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (HISTOGRAMS, histograms(120)),
        (HISTOGRAMS, histograms(120) | {"starts": {"mu": [0.1] * 120, "sigma": [0.9, 1.1] * 60}}),
        (POINTS, lines(120)),
        (POINTS, lines(120) | {"x": [lines()["x"]] * 120, "y_err": [[0.2] * 12] * 120}),
    ],
    ids=["histograms", "starts", "points", "points of their own"],
)
def test_a_json_body_becomes_a_job_as_well(small: LiveServer, path: str, body: Body) -> None:
    location = accepted(small.client.post(path, json=body, headers=ASYNC))
    assert small.client.get(location).json()["chunks"] == 3
    found = rows_of(followed(small.client, location), 120)
    for first in (0, 50, 100):  # more rows than this server takes at once
        part = dict(body)
        for name, value in body.items():
            if isinstance(value, list) and len(value) == 120:
                part[name] = value[first : first + 50]
        if "starts" in body:
            part["starts"] = {k: v[first : first + 50] for k, v in body["starts"].items()}
        batch = fitted(small.client.post(path, json=part))
        own = [line | {"row": line["row"] - first} for line in found[first : first + 50]]
        assert_same(own, batch)


def test_a_composed_model_with_settings(client: httpx.Client) -> None:
    body = peaks(30)
    batch = fitted(client.post(HISTOGRAMS, json=body))
    for job in (
        client.post(HISTOGRAMS, json=body, headers=ASYNC),
        post_lines(client, HISTOGRAMS, streamed(body)),
    ):
        assert_same(followed(client, accepted(job)), batch)


def written(array: np.ndarray) -> Body:
    """An array as MessagePack has it."""
    return {"dtype": array.dtype.str, "shape": list(array.shape), "data": array.tobytes()}


def test_messagepack_becomes_a_job_as_well(client: httpx.Client) -> None:
    body = lines(20) | {"y_err": [[0.2] * 12] * 20, "starts": {"c1": [2.0] * 20}}
    batch = fitted(client.post(POINTS, json=body))
    arrays = {name: written(np.array(body[name])) for name in ("x", "y", "y_err")}
    starts = {"starts": {"c1": written(np.full(20, 2.0))}}
    content = msgpack.packb(body | arrays | starts)
    headers = ASYNC | {"Content-Type": "application/msgpack"}
    location = accepted(client.post(POINTS, content=content, headers=headers))
    assert_same(followed(client, location), batch)


def test_a_template_of_arrays_becomes_a_job_as_well(client: httpx.Client) -> None:
    template = {"edges": [-4.0, -1.0, 0.0, 1.0, 4.0], "counts": [10, 35, 35, 10]}
    body = histograms(3) | {"model": {"template": template}}
    batch = fitted(client.post(HISTOGRAMS, json=body))
    arrays = {name: written(np.array(numbers)) for name, numbers in template.items()}
    content = msgpack.packb(body | {"model": {"template": arrays}})
    headers = ASYNC | {"Content-Type": "application/msgpack"}
    location = accepted(client.post(HISTOGRAMS, content=content, headers=headers))
    assert_same(followed(client, location), batch)
    assert client.get(location).json()["model"] == body["model"]


def test_lines_may_be_objects_with_starts_and_errors_of_their_own(client: httpx.Client) -> None:
    body = lines(20)
    rng = np.random.default_rng(2)
    own = {
        "y_err": rng.uniform(0.1, 0.3, (20, 12)).tolist(),
        "starts": {"c1": rng.uniform(1, 3, 20).tolist()},
    }
    batch = fitted(client.post(POINTS, json=body | own))
    rows = [
        {"y": y, "y_err": own["y_err"][i], "starts": {"c1": own["starts"]["c1"][i]}}
        for i, y in enumerate(body["y"])
    ]
    head = {"x": body["x"], "model": body["model"]}
    location = accepted(post_lines(client, POINTS, ndjson(head, *rows)))
    assert_same(followed(client, location), batch)


def test_bad_rows_have_their_reason_and_spoil_no_other(client: httpx.Client) -> None:
    body = histograms(30)
    body["counts"][5] = [0] * 32
    location = accepted(post_lines(client, HISTOGRAMS, streamed(body)))
    assert_same(followed(client, location), fitted(client.post(HISTOGRAMS, json=body)))
    assert client.get(location).json()["statuses"] == {"converged": 29, "empty-data": 1}


def test_blank_lines_and_a_missing_newline_at_the_end(client: httpx.Client) -> None:
    content = streamed(histograms(10)).replace(b"\n", b"\r\n\n").rstrip()
    location = accepted(post_lines(client, HISTOGRAMS, content))
    rows_of(followed(client, location), 10)


def test_lines_need_the_preference_and_other_preferences_are_ignored(client: httpx.Client) -> None:
    content = streamed(histograms(3))
    plain = {"Content-Type": "application/x-ndjson"}
    problem = refused(client.post(HISTOGRAMS, content=content, headers=plain), 415)
    assert "respond-async" in problem["detail"]
    wait = {"Prefer": "wait=10"}
    assert fitted(client.post(HISTOGRAMS, json=histograms(3), headers=wait))["rows"] == 3
    for prefer in ("respond-async, wait=10", 'x="a,b"; y, Respond-Async ; z=1'):
        headers = {"Prefer": prefer, "Content-Type": "Application/X-NDJSON; charset=utf-8"}
        location = accepted(client.post(HISTOGRAMS, content=content, headers=headers))
        rows_of(followed(client, location), 3)
    other = {"Prefer": 'x="respond-async"'}
    assert fitted(client.post(HISTOGRAMS, json=histograms(3), headers=other))["rows"] == 3
    encoded = NDJSON | {"Content-Encoding": "gzip"}
    refused(client.post(HISTOGRAMS, content=content, headers=encoded), 415)


def test_an_unknown_job(client: httpx.Client) -> None:
    for path in ("/jobs/none", "/jobs/none/events", "/jobs/none/results"):
        refused(client.get(path), 404)
    refused(client.delete("/jobs/none"), 404)


def test_results_can_be_taken_up_where_they_broke_off(small: LiveServer) -> None:
    location = accepted(post_lines(small.client, HISTOGRAMS, streamed(histograms(130))))
    every = followed(small.client, location)
    rows_of(every, 130)
    assert followed(small.client, location, follow=False) == every
    for skip in (1, 50, 77, 130, 1000):
        assert followed(small.client, location, skip=skip) == every[skip:]
    refused(small.client.get(f"{location}/results", params={"skip": -1}), 422)
    refused(small.client.get(f"{location}/results", params={"skp": 1}), 422)


HEAD = without(histograms(1), "/counts")


def test_limits_of_jobs(start_server: StartServer) -> None:
    limits = {
        "FIT_MAX_JOB_ROWS": 100,
        "FIT_MAX_JOB_ENTRIES": 2000,
        "FIT_MAX_LINE_BYTES": 2048,
        "FIT_MAX_JOBS": 1,
        "FIT_WORKERS": 1,
    }
    with start_server(**limits) as server:
        client = server.client
        told = client.get("/limits").json()
        for name, most in limits.items():
            if name != "FIT_WORKERS":
                assert told[name.removeprefix("FIT_").lower()] == most
        for rows, many in ((101, 4), (63, 32)):
            edges = np.linspace(0, 1, many + 1).tolist()
            body = {"edges": edges, "counts": [[3] * many] * rows, "model": "gaussian"}
            problem = refused(post_lines(client, HISTOGRAMS, streamed(body)), 422)
            assert pointers(problem) == [f"/rows/{rows - 1}"]
            problem = refused(client.post(HISTOGRAMS, json=body, headers=ASYNC), 422)
            assert pointers(problem) == ["/counts"]
        refused(post_lines(client, HISTOGRAMS, ndjson(HEAD, [1.0] * 3000)), 413)
        refused(post_lines(client, HISTOGRAMS, ndjson(HEAD) + b"[" + b" " * 3000), 413)
        refused(post_lines(client, HISTOGRAMS, ndjson(HEAD)[:-1] + b" " * 3000 + b"\n[1]\n"), 413)
        location = accepted(post_lines(client, HISTOGRAMS, streamed(flat(20))))
        second = post_lines(client, HISTOGRAMS, streamed(histograms(3)))
        if client.get(location).json()["finished"] is None:
            assert "No more jobs may be unfinished (max_jobs 1," in refused(second, 503)["detail"]
            assert int(second.headers["retry-after"]) >= 1
        assert client.delete(location).status_code == 204
        accepted(post_lines(client, HISTOGRAMS, streamed(histograms(3))))


def test_old_jobs_are_forgotten_as_fits_are(start_server: StartServer) -> None:
    with start_server(
        FIT_RETENTION_MAX_FITS=2, FIT_RETENTION_INTERVAL_S=0.5, FIT_WORKERS=1
    ) as server:
        client, body = server.client, streamed(histograms(3))
        jobs = []
        for _ in range(4):
            jobs.append(accepted(post_lines(client, HISTOGRAMS, body)))
            followed(client, jobs[-1])

        def statuses() -> list[int]:
            return [client.get(job).status_code for job in jobs]

        assert eventually(lambda: statuses() == [404, 404, 200, 200], 30), statuses()
        assert eventually(lambda: len(stored(server)) == 4, 30)


def test_a_job_whose_rows_have_hardly_any_time_ends(client: httpx.Client) -> None:
    """It is over before anything is dealt out; the service answers others meanwhile."""
    body = histograms(10) | {"deadline_s": 1e-6}
    location = accepted(client.post(HISTOGRAMS, json=body, headers=ASYNC))
    assert client.get("/livez").status_code == 200
    found = rows_of(followed(client, location), 10)
    assert {line["status"] for line in found} <= {"converged", "deadline"}
