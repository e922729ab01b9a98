"""Jobs over HTTP as their clients handle them."""

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import httpx

from app.schemas.jobs import JobAnswer, JobRow
from tests.conftest import LiveServer
from tests.examples import Body, without

ASYNC = {"Prefer": "respond-async"}
NDJSON = ASYNC | {"Content-Type": "application/x-ndjson"}


def ndjson(*rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def streamed(body: Body, data: str = "counts") -> bytes:
    """A batch as lines."""
    return ndjson(without(body, f"/{data}"), *body[data])


def post_lines(client: httpx.Client, path: str, content: bytes) -> httpx.Response:
    return client.post(path, content=content, headers=NDJSON)


def accepted(response: httpx.Response) -> str:
    """The path of a job that was taken."""
    assert response.status_code == 202, response.text
    assert response.headers["preference-applied"] == "respond-async"
    job = JobAnswer.model_validate_json(response.content)
    location: str = response.headers["location"]
    assert location.endswith(f"/jobs/{job.id}")
    assert job.links.results == f"{location}/results"
    return location


def followed(client: httpx.Client, location: str, **query: Any) -> list[Body]:
    """The lines of the results, to the end."""
    with client.stream("GET", f"{location}/results", params=query) as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/x-ndjson"
        return [json.loads(line) for line in response.iter_lines()]


def rows_of(found: list[Body], number: int) -> list[Body]:
    """The lines in the order of the request, each row once."""
    for line in found:
        JobRow.model_validate(line)
    ordered = sorted(found, key=lambda line: line["row"])
    assert [line["row"] for line in ordered] == list(range(number))
    return ordered


def events(client: httpx.Client, location: str) -> Iterator[tuple[str, Body]]:
    with client.stream("GET", f"{location}/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        name = ""
        for line in response.iter_lines():
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                yield name, json.loads(value)


def stored(server: LiveServer) -> set[tuple[str, int | None]]:
    """All jobs, and all chunks by their job and number.

    Nobody waits until what was deleted is gone: what an earlier test left may go at any time, so
    tests ask for what has come, `stored(server) - before`.
    """
    with sqlite3.connect(server.data_dir / "fits.sqlite") as store:
        return set(
            store.execute("select id, null from jobs union all select job, number from job_chunks")
        )
