"""Bodies that do not come as they should."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import Request

from app.body import pieces
from app.service import ClientGone


def test_who_hangs_up_while_sending_is_gone_and_no_defect() -> None:
    service = SimpleNamespace(settings=SimpleNamespace(max_silence_s=60.0))
    messages: list[Any] = [
        {"type": "http.request", "body": b"half of a ", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Any:
        return messages.pop(0)

    async def read() -> None:
        app = SimpleNamespace(state=SimpleNamespace(service=service))
        body = pieces(Request({"type": "http", "app": app}, receive))
        assert await anext(body) == b"half of a "
        with pytest.raises(ClientGone):
            await anext(body)

    asyncio.run(read())
