"""Minima of broken lines, of which many lie where the break stands on one of the data.

For each place of the break the rest is linear: the best of all places, by NumPy, is the answer.
"""

import numpy as np
import pytest

from fitting.problem import Knowledge
from models.formula.formula import Formula
from models.registry import SHAPES
from tests.fitting.problems import points, solve

X = np.linspace(0, 10, 30)
Y_ERR = 0.5
PLACES = np.union1d(np.linspace(1, 9, 801), X)
SEEDS = range(20)
SAME = 0.01  # of the cost: pieces may have minima as good


def hinge(c):
    return np.stack([np.ones_like(X), X, np.maximum(X - c, 0)], axis=1)


def two_lines(c):
    return np.stack([np.ones_like(X), np.minimum(X, c), np.maximum(X - c, 0)], axis=1)


def line_and_parabola(c):
    return np.stack([np.ones_like(X), np.minimum(X, c), np.maximum(X - c, 0) ** 2], axis=1)


#: text: columns, bend, and the place of the break as factor * c + offset
FORMULAS = {
    "a + b*x + d*max(x - c, 0)": (hinge, -1.3, 1, 0),
    "a + b*x + d*max(x - 2*c, 0)": (hinge, -1.3, 2, 0),
    "a + b*x + d*abs(0.3*x - c - 2)": (hinge, -1.3, 1 / 0.3, 2 / 0.3),
    "where(x < c, a + b*x, a + b*c + d*(x - c))": (two_lines, -1.3, 1, 0),
    "where(x < c - 3, a + b*x, a + b*(c - 3) + d*(x - c + 3))": (two_lines, -1.3, 1, -3),
    "where(x < c, a + b*x, a + b*c + d*(x - c)^2)": (line_and_parabola, 0.3, 1, 0),
}


def lowest(columns, y):
    """The least cost of all places, and the place."""
    costs = []
    for c in PLACES:
        a = columns(c)
        residuals = y - a @ np.linalg.lstsq(a, y, rcond=None)[0]
        costs.append(np.sum(residuals**2) / Y_ERR**2)
    return min(costs), PLACES[np.argmin(costs)]


@pytest.mark.parametrize("text", FORMULAS)
def test_the_best_place_of_a_break_is_found_on_the_data_too(text):
    (columns, bend, factor, offset), cornered = FORMULAS[text], 0
    c = Formula.read(text, SHAPES).names.index("c")
    for seed in SEEDS:
        rng = np.random.default_rng([4, seed])
        y = columns(rng.uniform(3, 7)) @ (1.0, 0.5, bend) + rng.normal(0, Y_ERR, len(X))
        found = solve(Formula.read(text, SHAPES), points(X, y, Y_ERR))
        assert found.valid, seed
        cost, place = lowest(columns, y)
        assert found.cost < cost + SAME, seed
        told = any(w.code == "corner" for w in found.warnings)
        stands = factor * found.values[c] + offset
        assert told == bool(np.isclose(stands, X, rtol=1e-12, atol=1e-12).any()), seed
        if told:
            assert found.effort.edm < 1e-10
            cornered += abs(place - stands) < 1e-12
    assert 0 < cornered < len(SEEDS)


def lowest_ramp(y):
    """The least cost of a line that rises between any two places only."""
    places = np.union1d(np.linspace(1, 9, 161), X)
    low, high = (p[np.triu_indices(len(places), 1)] for p in np.meshgrid(places, places))
    low, high = np.minimum(low, high), np.maximum(low, high)
    rises = np.clip(X, low[:, None], high[:, None])
    rises -= rises.mean(axis=1)[:, None]
    squares = np.sum(rises**2, axis=1)
    explained = (rises @ y)[squares > 1e-6] ** 2 / squares[squares > 1e-6]
    return (np.sum((y - y.mean()) ** 2) - explained.max()) / Y_ERR**2


@pytest.mark.parametrize(
    "text",
    [
        "a + s*(max(0, x - t0) - max(0, x - t0 - w))",
        "where(x < t0, a, where(x < t0 + w, a + s*(x - t0), a + s*w))",
    ],
)
def test_a_break_may_stand_where_two_parameters_say(text):
    """Along t0 + w = x neither of them is held."""
    told = []
    for seed in (9, 22, 24, 39, 45, 46):
        rng = np.random.default_rng([4, seed])
        low = rng.uniform(2, 4)
        high = low + rng.uniform(1, 4)
        y = 1 + 2 * (np.clip(X, low, high) - low) + rng.normal(0, Y_ERR, len(X))
        found = solve(Formula.read(text, SHAPES), points(X, y, Y_ERR))
        assert found.valid, seed
        assert found.cost < lowest_ramp(y) + SAME, seed
        told += [w.message for w in found.warnings if w.code == "corner"]
    assert any("t0 + w stands" in message for message in told)


def test_errors_at_a_corner_are_those_of_the_derivatives():
    """Twice the squares of residuals: the second derivatives of a hinge in closed form."""
    rng = np.random.default_rng([3, 5])
    for _ in range(20):
        y = hinge(rng.uniform(3, 7)) @ (1.0, 0.5, -1.3) + rng.normal(0, Y_ERR, len(X))
        found = solve(Formula.read("a + b*x + d*max(x - c, 0)", SHAPES), points(X, y, Y_ERR))
        if any(w.code == "corner" for w in found.warnings):
            break
    a, b, d, c = found.values
    share = np.where(c == X, 0.5, c < X)  # of a point on the corner half is on either side
    jacobian = np.concatenate([hinge(c), -(d * share)[:, None]], axis=1)
    residual = y - hinge(c) @ (a, b, d)
    hessian = 2 * jacobian.T @ jacobian
    hessian[2, 3] = hessian[3, 2] = hessian[2, 3] + 2 * np.sum(residual * share)
    errors = Y_ERR * np.sqrt(2 * np.diag(np.linalg.inv(hessian)))
    np.testing.assert_allclose(found.errors, errors, rtol=1e-6)


def test_limits_and_scale_at_a_corner():
    """Of unknown scale the same place; a limit beyond the corner changes nothing."""
    rng = np.random.default_rng([3, 1])
    text = "a + b*x + d*max(x - c, 0)"
    for _ in range(20):
        y = hinge(rng.uniform(3, 7)) @ (1.0, 0.5, -1.3) + rng.normal(0, Y_ERR, len(X))
        known = solve(Formula.read(text, SHAPES), points(X, y, Y_ERR))
        if any(w.code == "corner" for w in known.warnings):
            break
    found = solve(
        Formula.read(text, SHAPES),
        points(X, y, 1e-3),
        absolute_sigma=False,
        c=Knowledge(limits=(None, 9.5)),
    )
    assert found.valid
    np.testing.assert_allclose(found.values, known.values, rtol=1e-7)
    scale = np.sqrt(known.chi2 / known.ndof)
    np.testing.assert_allclose(found.errors, scale * np.array(known.errors), rtol=1e-5)


@pytest.mark.parametrize("offset", [1e3, 1e6, 1.7e9])
def test_corners_far_from_0(offset):
    """Whole numbers, which keep their distances there."""
    x, hits = np.arange(30.0), 0
    for seed in range(6):
        rng = np.random.default_rng([5, seed])
        y = 1 + 0.2 * x - 0.8 * np.maximum(x - rng.uniform(9, 21), 0) + rng.normal(0, 1.5, 30)
        near, far = (
            solve(
                Formula.read(f"a + b*(x - {x0:g}) + d*max(x - c, 0)", SHAPES),
                points(x + x0, y, 1.5),
            )
            for x0 in (0.0, offset)
        )
        assert near.valid, seed
        assert far.valid, seed
        assert far.cost == pytest.approx(near.cost, rel=1e-6)
        hits += any(w.code == "corner" for w in far.warnings)
    assert hits


def test_a_corner_stays_one_at_another_scale():
    """Errors of unknown scale, and a start so bad that the scale of the cost changes on the way."""
    text, hits = "a + b*x + d*max(x - c, 0)", 0
    for seed in (17, 18, 21, 26):
        rng = np.random.default_rng([78, seed])
        c, noise = rng.uniform(3, 7), rng.choice([0.5, 2.0])
        y = hinge(c) @ (1, 0.2, -0.5) + rng.normal(0, noise, len(X))
        data = points(X, y)
        found = solve(Formula.read(text, SHAPES), data, (100, 20, 50, 5), absolute_sigma=False)
        best = solve(Formula.read(text, SHAPES), data)
        assert found.valid == best.valid, seed
        if found.valid:
            np.testing.assert_allclose(found.cost, best.cost, rtol=1e-6)
            hits += any(w.code == "corner" for w in found.warnings)
    assert hits
