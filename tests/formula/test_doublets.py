"""Fits from nothing that used to end elsewhere: below the cost of the truth is the minimum."""

import numpy as np
import pytest

from models.formula.formula import Formula
from models.formula.roles import roles
from models.registry import SHAPES
from tests.fitting.problems import points, solve

X = np.linspace(0, 10, 80)
DOUBLET = "a*exp(-((x - m - d)/s)^2/2) + b*exp(-((x - m + d)/s)^2/2)"


def doublet(rng):
    m, d, s = rng.uniform(4, 6), rng.uniform(0.6, 2.5), rng.uniform(0.2, 0.7)
    a, b = rng.uniform(2, 10, 2)
    return a * np.exp(-0.5 * ((X - m - d) / s) ** 2) + b * np.exp(-0.5 * ((X - m + d) / s) ** 2)


def on_a_level(rng):
    return doublet(rng) + rng.uniform(0.5, 3)


@pytest.mark.parametrize(
    ("kind", "text", "seeds"),
    [(doublet, DOUBLET, (1, 2, 3)), (on_a_level, f"{DOUBLET} + c", (4, 27))],
    ids=["doublet", "on a level"],
)
def test_a_doublet_is_placed_by_its_middle_and_half_distance(kind, text, seeds):
    for seed in seeds:
        rng = np.random.default_rng([77, seed])
        y = kind(rng)
        error = 0.02 * y.max()
        noise = rng.normal(0, error, len(X))
        found = solve(Formula.read(text, SHAPES), points(X, y + noise, error))
        assert found.valid, seed
        assert found.cost < np.sum(noise**2) / error**2, seed


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (DOUBLET, {"m": "location", "d": "distance"}),
        ("tanh(x - m - d) - tanh(x + d - m)", {"m": "location", "d": "distance"}),
        ("exp(-(x - m)^2) + exp(-(x - m - d)^2)", {"m": "location", "d": "location"}),
        ("exp(-abs(x - p)) + exp(-abs(x + p))", {"p": "location"}),
        ("abs(x - p - q) + abs(x + p + q)", {"p": "location", "q": "location"}),
    ],
)
def test_what_stands_on_both_sides_of_a_place_is_a_distance(text, kinds):
    formula = Formula.read(text, SHAPES)
    found = roles(formula.tree)
    assert {name: found[formula.names.index(name)].kind for name in kinds} == kinds


def test_constants_beyond_all_numbers_are_no_place():
    huge = "exp(-(x - m + 1.7e308 - n - (3 - 1.7e308))^2)"
    assert roles(Formula.read(huge, SHAPES).tree) == {}
