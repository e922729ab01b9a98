"""Limits that no setting changes: what is told of each is what is taken, and no more."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from app.errors import InvalidRequest
from app.reading.body import parse
from app.routes import covariance
from app.routes.status import FIXED
from app.schemas.requests import HistogramRequest
from app.settings import Settings
from app.translation.problem import to_problem
from tests.examples import SMALL_HISTOGRAM


def read(**changes: Any) -> None:
    body = json.dumps(SMALL_HISTOGRAM | changes).encode()
    to_problem(parse(HistogramRequest, body), Settings())


def nested(depth: int) -> Any:
    return {"product": [nested(depth - 1)]} if depth else "gaussian"


def formula(text: str) -> None:
    read(model={"formula": text})


BY_LIMIT: dict[str, Callable[[int], Any]] = {
    "max_depth": lambda n: read(model=nested(n)),
    "max_degree": lambda n: read(model={"name": "polynomial", "degree": n}),
    "max_ranges": lambda n: read(fit_range=[[0, 5]] * n),
    "max_prefix_length": lambda n: read(model={"name": "gaussian", "prefix": "p" * n}),
    "max_name_length": lambda n: read(model={"name": "gaussian", "rename": {"mu": "m" * n}}),
    "max_formula_depth": lambda n: formula("x*" + "(" * n + "a" + ")" * n),
    "max_formula_name_length": lambda n: formula("x*" + "a" * n),
    "max_formula_number_length": lambda n: formula(f"x*a + {'1' * n}"),
    "max_at_length": lambda n: TypeAdapter(covariance.At).validate_python("a" * n),
}


@pytest.mark.parametrize("name", BY_LIMIT)
def test_what_is_told_is_taken_and_no_more(name: str) -> None:
    BY_LIMIT[name](FIXED[name])
    with pytest.raises((InvalidRequest, ValidationError)):
        BY_LIMIT[name](FIXED[name] + 1)


def test_each_is_told_and_tried() -> None:
    assert FIXED.keys() == {*BY_LIMIT, "max_head_bytes"}  # which `test_protocol` tries
