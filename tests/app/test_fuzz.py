"""Schemathesis against the service's own OpenAPI: whatever a generated client may send.

Every operation is tried, with what its schema allows and with what it forbids, and with a fixed
seed, so that a failure comes back when it is looked for.
"""

import contextlib
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.conftest import LiveServer

CONFORMANCE = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def api_schema(server: LiveServer) -> BaseSchema:
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json")


def fuzz(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, number: int) -> None:
    # No deadline for one example: a model that was never seen before has to be compiled first.
    @settings(
        max_examples=number,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],  # shrinking a body of this schema takes minutes
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def every_case(case: Any) -> None:
        response = case.call(timeout=120)
        # 503 with Retry-After is a promise of the contract; every other 5xx is a defect.
        assert response.status_code < 500 or response.status_code == 503, response.text
        case.validate_response(response, checks=CONFORMANCE)

    every_case()


# Schemathesis' own `parametrize` is not used: 4.32 fails under pytest 9.2, which took away an
# attribute of test functions that it reads.
@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("number", [5, pytest.param(200, marks=pytest.mark.slow)])
def test_generated_requests(
    api_schema: BaseSchema, subtests: pytest.Subtests, number: int, mode: GenerationMode
) -> None:
    results = list(api_schema.get_all_operations())
    assert results
    for result in results:
        assert isinstance(result, Ok), result
        operation = result.ok()
        # An id may be any text, so its schema forbids nothing; of a body that is never true.
        free = mode is GenerationMode.NEGATIVE and not operation.body
        nothing_to_try = contextlib.suppress(Unsatisfiable) if free else contextlib.nullcontext()
        with subtests.test(operation.label), nothing_to_try:
            fuzz(operation, mode, number)
