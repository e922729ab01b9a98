"""What a question to a stored fit asks, before anybody computes."""

import asyncio
import json
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from app.errors import InvalidRequest
from app.reading.body import LONG
from app.routes.covariance import get_covariance, read_fit
from app.settings import Settings
from app.store.store import StoredFit
from app.translation.covariance import parse_at
from tests.examples import SMALL_HISTOGRAM

NAMES = ("amp", "mu", "sigma")


def a_fit(names: tuple[str, ...] = NAMES, length: int = 0) -> StoredFit:
    request, answer = json.dumps(SMALL_HISTOGRAM), json.dumps({"values": dict.fromkeys(names, 1)})
    return StoredFit("x" * 24, 0.0, "histogram", request.ljust(length).encode(), answer.encode())


@pytest.mark.parametrize(
    ("stored", "limits"),
    [(a_fit(), {"max_bins": 2}), (a_fit(("amp", "mu", "width")), {})],
    ids=["limits", "names of parameters"],
)
def test_a_fit_that_is_not_allowed_any_more_is_told_by_its_id(
    stored: StoredFit, limits: dict[str, Any]
) -> None:
    problem, answer = read_fit(a_fit(), Settings())
    assert problem.data.size == 6
    assert tuple(answer["values"]) == problem.names == NAMES
    with pytest.raises(InvalidRequest) as caught:
        read_fit(stored, Settings(**limits))
    ((path, message),) = caught.value.errors
    assert path == ("fit_id",)
    assert message.startswith("this fit's request is not accepted any more (")
    assert message.endswith("; fit again")


@pytest.mark.parametrize(
    ("length", "waits"), [(LONG - 1, False), (LONG, True)], ids=["short", "long"]
)
def test_while_a_long_request_is_read_others_are_served(
    monkeypatch: pytest.MonkeyPatch, length: int, waits: bool
) -> None:
    served = threading.Event()

    def parse(*_: Any) -> None:
        assert served.wait(10 if waits else 0) is waits
        raise InvalidRequest([((), "read")])

    async def find(_: str) -> StoredFit:
        return a_fit(length=length)

    async def ask() -> None:
        service: Any = SimpleNamespace(settings=Settings(), store=SimpleNamespace(find=find))
        asyncio.get_running_loop().call_soon(served.set)
        with pytest.raises(InvalidRequest, match="read"):
            await get_covariance(service, service, "x" * 24)

    monkeypatch.setattr("app.routes.covariance.parse", parse)
    asyncio.run(ask())


def test_numbers_are_written_as_in_json() -> None:
    assert parse_at("mu:0.5, sigma:-1e+3,a: 2 ") == {"mu": 0.5, "sigma": -1000.0, "a": 2.0}
    # in a query + is a space
    assert parse_at("mu:+3,a:1e 20,b:-2.5E 1") == {"mu": 3.0, "a": 1e20, "b": -25.0}
    for text in ("1_0", "٣", "++1", "1.", ".5", "0x1", "nan", "inf", "1e999", "", "01"):
        with pytest.raises(InvalidRequest):
            parse_at(f"mu:{text}")
