"""Every kind of model inside every other, with every kind of data: an answer, never an error.

A product with a template, and one with a sum, had ended in a 500: each kind was tested, and not
each pair of kinds. Pairs are built from fresh kinds; what one cannot hold is refused, by rule.
"""

from itertools import product
from typing import Any

import httpx
import pytest

from tests.examples import HISTOGRAM, XY_ERRORS, Body

EDGES = [0, 1, 2, 3, 4, 5, 6, 7, 8]
COUNTS = [31, 42, 58, 75, 60, 41, 24, 17]
ROWS = [COUNTS, [28, 40, 61, 70, 66, 37, 27, 15]]
SMALL = {"edges": [0, 3, 8], "counts": [3, 4]}

#: A kind by itself, its names beginning with the prefix where it has one.
SIMPLE: dict[str, Any] = {
    "density": lambda prefix: {"name": "gaussian", "prefix": prefix},
    "curve": lambda prefix: {"name": "polynomial", "degree": 1, "prefix": prefix},
    "template": lambda prefix: {"template": SMALL, "prefix": prefix},
    "formula": lambda prefix: {"formula": f"{prefix}a*exp(-x/{prefix}l)"},
}
#: A kind that holds others: what it makes of one and of something beside it.
HOLDING: dict[str, Any] = {
    "sum": lambda one, other: {"sum": [one, other]},
    "fractions": lambda one, other: {"sum": [one, other], "fractions": True},
    "product": lambda one, other: {"product": [one, other]},
    "convolve": lambda one, _: {"convolve": one, "prefix": "r_"},
}
BESIDE = {"name": "exponential", "prefix": "e_"}
LEAVES: dict[str, Any] = {name: make("a_") for name, make in SIMPLE.items()} | {
    name: hold(SIMPLE["density"]("a_"), SIMPLE["density"]("b_") | {"name": "exponential"})
    for name, hold in HOLDING.items()
}
LEAVES["convolve"] = {"convolve": SIMPLE["density"]("a_"), "prefix": "c_"}
DENSITIES = {"density", "template", "convolve"}  # of which fractions and smearing can be

#: Every path with the data that it takes.
DATA: dict[str, tuple[str, Body]] = {
    "histogram": (HISTOGRAM, {"histogram": {"edges": EDGES, "counts": COUNTS}}),
    "points": (XY_ERRORS, {"x": EDGES[1:], "y": COUNTS, "y_err": 5}),
    "histograms": (f"{HISTOGRAM}/batch", {"edges": EDGES, "counts": ROWS}),
    "rows of points": (f"{XY_ERRORS}/batch", {"x": EDGES[1:], "y": ROWS, "y_err": 5}),
}
PAIRS = list(product(HOLDING, LEAVES))
EVERYTHING = [(*pair, data) for pair in PAIRS for data in DATA]
#: Each pair with one kind of data, and either of its kinds with all of them (a Latin square).
COVERING = [
    (holding, leaf, [*DATA][(i + k) % len(DATA)])
    for i, holding in enumerate(HOLDING)
    for k, leaf in enumerate(LEAVES)
]


def answered(client: httpx.Client, holding: str, leaf: str, data: str) -> None:
    path, body = DATA[data]
    model = HOLDING[holding](LEAVES[leaf], BESIDE)
    response = client.post(path, json=body | {"model": model}, timeout=120)
    fits = (
        leaf in DENSITIES or holding in {"sum", "product"}
    ) and not holding == leaf == "convolve"
    assert response.status_code == (200 if fits else 422), response.text
    for row in response.json().get("results", [response.json()]) if fits else []:
        assert row["status"] not in ("", None)


@pytest.mark.parametrize(("holding", "leaf", "data"), COVERING)
def test_every_pair(client: httpx.Client, holding: str, leaf: str, data: str) -> None:
    answered(client, holding, leaf, data)


@pytest.mark.slow
@pytest.mark.parametrize(("holding", "leaf", "data"), [e for e in EVERYTHING if e not in COVERING])
def test_every_pair_with_every_kind_of_data(
    client: httpx.Client, holding: str, leaf: str, data: str
) -> None:
    answered(client, holding, leaf, data)


def test_the_design_covers_all() -> None:
    assert {(h, leaf) for h, leaf, _ in COVERING} == set(PAIRS)
    assert {(h, d) for h, _, d in COVERING} == set(product(HOLDING, DATA))
    assert {(leaf, d) for _, leaf, d in COVERING} == set(product(LEAVES, DATA))
