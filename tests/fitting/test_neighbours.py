"""What lies next to a minimum, beyond a point or an edge that a kink of the model passes."""

import numpy as np
import pytest
from scipy.optimize import minimize

from fitting.data import Histogram
from fitting.errors import DeadlineReached
from fitting.search.neighbours import Neighbours
from models.composition.mixture import Mixture
from models.composition.product import Product
from models.composition.sum import Sum
from models.formula.formula import Formula
from models.registry import SHAPES
from models.shapes.gaussian import Gaussian
from models.shapes.polynomial import Polynomial
from models.shapes.uniform import Uniform
from tests.fitting.problems import points, solve

RAMP = Formula.read("c+s*max(0,x-b)", SHAPES)
X_ERR, Y_ERR = 0.3, 0.1


def ramp(seed):
    rng = np.random.default_rng(seed)
    size = int(rng.integers(8, 25))
    x = np.sort(rng.uniform(0, 10, size))
    b, s = rng.uniform(3, 7), rng.uniform(1, 3)
    y = 1 + s * np.maximum(0, x - b) + rng.normal(0, Y_ERR, size)
    return x + rng.normal(0, X_ERR, size), y


def lowest_at_corners(x, y, near):
    """The Berkson cost with the kink just before or after a point, by another minimiser."""

    def at(b):
        def cost(params):
            c, s = params
            excess = (s * (x > b) * X_ERR / Y_ERR) ** 2
            pulls = (y - c - s * np.maximum(0, x - b)) / Y_ERR
            return np.sum(pulls**2 / (1 + excess) + np.log1p(excess))

        return minimize(cost, (1.0, 2.0), method="Nelder-Mead", options={"fatol": 1e-9}).fun

    order = np.sort(x)
    k = np.searchsorted(order, near)
    return min(at(b + side) for b in order[k - 1 : k + 1] for side in (-1e-9, 1e-9))


@pytest.mark.parametrize(("seed", "told"), [(0, True), (1, False), (5, False), (10, True)])
def test_a_corner_that_is_lower_is_told(seed, told):
    x, y = ramp(seed)
    found = solve(RAMP, points(x, y, Y_ERR, X_ERR, berkson=True))
    assert found.valid
    gain = found.cost - lowest_at_corners(x, y, found.values[2])
    assert bool(gain > 0.1) is told
    messages = [w.message for w in found.warnings if w.code == "corner-nearby"]
    assert len(messages) == told
    assert all(f"{gain:.2g}" in message and "where b passes" in message for message in messages)


@pytest.mark.parametrize("start", [2.1, 2.6, 3.9, 4.4])
def test_a_jump_is_found_from_the_next_bins(start):
    """Levels left and right are means of counts: every bin of the jump in closed form."""
    step = Formula.read("where(x<b, n, m)", SHAPES)
    edges = np.linspace(0, 10, 21)
    counts = np.random.default_rng(2).poisson(np.where(edges[:-1] < 3, 40, 46)).astype(float)
    found = solve(step, Histogram(edges, counts), (start, 80.0, 92.0))
    assert found.valid

    def cost(*groups):
        return sum(2 * np.sum(g * np.log(g / g.mean())) for g in groups)

    here = int(found.values[0] / 0.5)
    assert found.cost == pytest.approx(cost(counts[:here], counts[here + 1 :]), rel=1e-9)
    for k in (here - 1, here + 1):  # a bin that needs more than its neighbours have is no minimum
        beside, bin_of_jump = (counts[:k], counts[k + 1 :]), counts[k]
        low, high = sorted(g.mean() for g in beside)
        if low < bin_of_jump < high:
            assert found.cost <= cost(*beside)


@pytest.mark.parametrize("sigma", [1e-3, 30.0])
def test_a_cost_of_unknown_scale_stays_the_sum_of_squares(sigma):
    """The pieces are searched at scales of their own; the ramp is linear where b is known."""
    x = np.linspace(0, 10, 12)
    noise = np.random.default_rng(0).normal(0, sigma, 12)
    data = points(x, 1 + 2000 * sigma * np.maximum(0, x - 5.23) + noise)
    found = solve(RAMP, data, minos=["c"], absolute_sigma=False)
    assert found.valid
    rows = np.stack([np.ones(12), np.maximum(0, x - found.values[2])], axis=1)
    rest = np.linalg.lstsq(rows, data.y, rcond=None)[1][0]
    assert found.cost == pytest.approx(rest, rel=1e-6)
    assert found.chi2 == pytest.approx(rest, rel=1e-6)
    assert found.minos["c"].upper == pytest.approx(found.errors[0], rel=1e-2)


def test_what_was_lower_is_kept_when_the_deadline_comes(monkeypatch):
    def late(*_):
        raise DeadlineReached

    step = Formula.read("where(x<b, n, m)", SHAPES)
    edges = np.linspace(0, 10, 21)
    counts = np.random.default_rng(2).poisson(np.where(edges[:-1] < 3, 40, 46)).astype(float)
    data = Histogram(edges, counts)
    whole = solve(step, data, (4.4, 80.0, 92.0))
    monkeypatch.setattr(Neighbours, "_gain", late)
    found = solve(step, data, (4.4, 80.0, 92.0))
    assert found.cost == pytest.approx(whole.cost, rel=1e-12)
    assert [w.code for w in found.warnings] == ["deadline"]


def test_breaks_are_told_by_their_place_in_the_whole():
    def named(model):
        names = [p.name for p in model.parameters]
        return [one.text(names) for one in model.breaks]

    ranged = Gaussian(prefix="g_", normalised="range")
    flat = Polynomial(degree=0, prefix="p_")
    assert named(RAMP) == ["b"]
    bent = Formula.read("a*uniform(x,l,r) + abs(2*x-q) + k*abs(x-w)", SHAPES)
    assert named(bent) == ["l", "r", "0.5*q", "w"]
    assert named(Formula.read("where(x < t + d, a, b) + max(0, x - 2*t + 3)", SHAPES)) == [
        "t + d",
        "2*t - 3",
    ]
    assert named(Formula.read("uniform(x - t, m - w, 3)", SHAPES)) == ["t + m - w", "t + 3"]
    assert named(Formula.read("where(abs(x - m) < w, a, b)", SHAPES)) == ["m + w", "m - w"]
    assert named(Formula.read("abs(x - a*b) + abs(x*k - m)", SHAPES)) == []
    moved = Formula.read("max(0, x - d + t)", SHAPES)
    assert named(Sum((flat, moved))) == ["d - t"]
    assert named(Sum((flat, ranged))) == ["g_low", "g_high"]
    mixture = Mixture((ranged, Uniform(prefix="u_")))
    assert named(mixture) == ["g_low", "g_high", "u_low", "u_high"]
    assert named(Product((flat, ranged))) == ["g_low", "g_high"]
    assert named(Formula.read("abs(x1-m)+x2", SHAPES, columns=("x1", "x2"))) == []
