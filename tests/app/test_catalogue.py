"""Each shape's example request from the catalogue runs as it is, and finds what it was made of."""

from functools import cache

import httpx
import pytest

from app.catalogue import example_histogram, example_points
from models.model import Density
from models.registry import SHAPES
from tests.examples import HISTOGRAM, XY_ERRORS, Body, fitted
from tests.models.twins import every_sixth


@cache
def example(name: str, path: str) -> Body:
    return example_histogram(name) if path == HISTOGRAM else example_points(name)


def usual(name: str) -> str:
    """Densities are fitted to histograms, curves to points."""
    return HISTOGRAM if issubclass(SHAPES[name], Density) else XY_ERRORS


def check(client: httpx.Client, name: str, path: str) -> None:
    answer = fitted(client.post(path, json=example(name, path)))
    assert answer["valid"] is True, answer["message"]
    assert answer["goodness_of_fit"]["p_value"] > 0.5  # no noise but rounding
    shape = SHAPES[name]()
    for parameter, truth in zip(shape.declare(), shape.example.values, strict=True):
        error = answer["errors"][parameter.name]
        if error is not None:
            pull = (answer["values"][parameter.name] - truth) / error
            assert abs(pull) < 1, (parameter.name, answer["values"], pull)


@pytest.mark.parametrize("name", every_sixth(SHAPES))
def test_an_example_of_the_usual_kind_is_recovered(client: httpx.Client, name: str) -> None:
    check(client, name, usual(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
def test_an_example_of_the_other_kind_is_recovered(client: httpx.Client, name: str) -> None:
    check(client, name, XY_ERRORS if usual(name) == HISTOGRAM else HISTOGRAM)
