"""What is around each request, when that goes wrong."""

import asyncio
import logging
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from app.errors import install
from app.http.cors import Cors
from app.http.middleware import RequestContext
from app.logs import request_id
from app.operation.metrics import Metrics
from tests.examples import refused

IDENTITY = {"X-Request-ID": "mine"}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def app(metrics: Metrics) -> FastAPI:
    """A service with two defects."""
    made = FastAPI()
    install(made)
    made.add_middleware(RequestContext, metrics=metrics)

    @made.get("/defect")
    async def fail() -> None:
        raise RuntimeError("of which nobody has thought")

    async def half() -> AsyncIterator[bytes]:
        yield b"half of an "
        raise RuntimeError("of which nobody has thought")

    @made.get("/late")
    async def fail_late() -> StreamingResponse:
        return StreamingResponse(half())

    @made.get("/endless")
    async def wait() -> None:
        await asyncio.Event().wait()

    return made


def get(app: FastAPI, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.request(method, path, headers=IDENTITY | headers)

    return asyncio.run(ask())


class Lines(logging.Handler):
    """Messages with the id of the request that they are of."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, str | None]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append((record.getMessage(), request_id.get()))


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str | None]]:
    handler, logger = Lines(), logging.getLogger("fit.requests")
    caplog.set_level(logging.INFO, "fit.requests")
    logger.addHandler(handler)
    yield handler.seen
    logger.removeHandler(handler)


def counted(metrics: Metrics) -> dict[tuple[str, str], float]:
    samples = [s for family in metrics.requests.collect() for s in family.samples]
    return {
        (s.labels["route"], s.labels["status"]): s.value
        for s in samples
        if s.name == "fit_requests_total"
    }


def test_a_defect_is_a_500_with_its_id_in_the_answer_and_in_the_log(
    app: FastAPI, metrics: Metrics, lines: list[tuple[str, str | None]]
) -> None:
    response = get(app, "/defect")
    assert refused(response, 500)["type"] == "/problems/internal-error"
    assert response.headers["x-request-id"] == "mine"
    assert lines == [("unexpected error", "mine"), ("request", "mine")]
    assert counted(metrics) == {("/defect", "500"): 1}


def test_a_defect_in_the_middle_of_an_answer_breaks_it_off(
    app: FastAPI, metrics: Metrics, lines: list[tuple[str, str | None]]
) -> None:
    with pytest.raises(RuntimeError):
        get(app, "/late")
    assert lines == [("unexpected error", "mine"), ("request", "mine")]
    assert counted(metrics) == {("/late", "200"): 1}


def test_what_the_end_cuts_off_is_told_so_in_a_line(
    app: FastAPI, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    """The server cancels it when time is up, and logs the way to whatever comes back of that."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            asking = asyncio.create_task(client.get("/endless", headers=IDENTITY))
            await asyncio.sleep(0.1)
            asking.cancel()
            return await asking

    response = asyncio.run(ask())
    assert refused(response, 503)["type"] == "/problems/leaving"
    assert int(response.headers["retry-after"]) >= 1
    assert response.headers["x-request-id"] == "mine"
    assert counted(metrics) == {("/endless", "503"): 1}
    assert caplog.messages == ["cut off by the end"]
    assert not caplog.records[0].exc_info


def test_a_preflight_is_a_request_like_others(app: FastAPI, metrics: Metrics) -> None:
    app.add_middleware(Cors, metrics=metrics, origins="https://a.example, https://b.example")
    asks = {"Access-Control-Request-Method": "POST", "Origin": "https://b.example"}
    allowed = get(app, "/late", "OPTIONS", **asks)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == asks["Origin"]
    other = get(app, "/late", "OPTIONS", **asks | {"Origin": "https://evil.example"})
    assert "origin" in refused(other, 400)["detail"]
    assert "access-control-allow-origin" not in other.headers
    assert allowed.headers["x-request-id"] == other.headers["x-request-id"] == "mine"
    defect = get(app, "/defect", Origin="https://a.example")
    assert refused(defect, 500)
    assert defect.headers["access-control-allow-origin"] == "https://a.example"
    assert counted(metrics) == {
        ("unmatched", "200"): 1,
        ("unmatched", "400"): 1,
        ("/defect", "500"): 1,
    }
