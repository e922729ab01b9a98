"""Ids that nobody was ever given."""

import asyncio
from types import SimpleNamespace

import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from tests.examples import refused


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/fits/%00"),
        ("DELETE", "/fits/a%00"),
        ("GET", "/covariance?fit_id=%00b"),
        ("GET", "/jobs/%00"),
        ("DELETE", "/jobs/%00"),
        ("GET", "/v1/jobs/a%00b/events"),
        ("GET", "/jobs/a%00b/results"),
    ],
)
def test_an_id_that_is_no_text_is_unknown_without_asking_the_store(method: str, path: str) -> None:
    app = create_app(Settings())
    app.state.service = SimpleNamespace(store=None)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.request(method, path)

    refused(asyncio.run(ask()), 404)
