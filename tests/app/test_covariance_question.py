"""What a question to a stored fit asks, before anybody computes."""

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.errors import InvalidRequest
from app.routes.covariance import stored_problem
from app.service import Service
from app.settings import Settings
from app.store.store import StoredFit
from app.translation.covariance import parse_at
from tests.examples import SMALL_HISTOGRAM


def test_a_fit_that_limits_do_not_allow_any_more_is_told_by_its_id() -> None:
    stored = StoredFit("x" * 24, 0.0, "histogram", json.dumps(SMALL_HISTOGRAM).encode(), b"")

    def asked(**limits: Any) -> Any:
        return stored_problem(cast(Service, SimpleNamespace(settings=Settings(**limits))), stored)

    assert asked().data.size == 6
    with pytest.raises(InvalidRequest) as caught:
        asked(max_bins=2)
    ((path, message),) = caught.value.errors
    assert path == ("fit_id",)
    assert message.startswith("this fit's request is not accepted any more (")
    assert message.endswith("; fit again")


def test_numbers_are_written_as_in_json() -> None:
    assert parse_at("mu:0.5, sigma:-1e+3,a: 2 ") == {"mu": 0.5, "sigma": -1000.0, "a": 2.0}
    for text in ("1_0", "٣", "+1", "1.", ".5", "0x1", "nan", "inf", "1e999", "", "01"):
        with pytest.raises(InvalidRequest):
            parse_at(f"mu:{text}")
