"""Ends of a range that are free: found from the data alone, in whatever bin they lie."""

import numpy as np
import pytest

from fitting.bounds import Bounds
from fitting.data import Histogram
from fitting.problem import Knowledge
from fitting.search.ends import ends_of_range
from models.composition.sum import Sum
from models.parameter import ENDS
from models.shapes.exponential import Exponential
from models.shapes.uniform import Uniform
from tests.fitting.problems import solve

INSIDE = Knowledge(limits=(0.0, 10.0))


def counts_of(x, bins):
    edges = np.linspace(0, 10, bins + 1)
    return Histogram(edges, np.histogram(x, edges)[0].astype(float))


def test_the_ends_of_a_truncated_decay():
    """The events of a maximum-likelihood fit are those counted; outside its ends there are none."""
    x = np.random.default_rng(21).exponential(3, 60_000)
    data = counts_of(x[(x > 1.13) & (x < 7.77)], 20)
    found = solve(Exponential(normalised="range"), data, low=INSIDE, high=INSIDE)
    assert found.valid
    amp, _, low, high = found.values
    assert amp == pytest.approx(data.counts.sum(), rel=1e-9)
    assert abs(low - 1.13) < 4 * found.errors[2]
    assert abs(high - 7.77) < 4 * found.errors[3]


@pytest.mark.parametrize("start", [None, (3.6, 6.4), (2.0, 8.0), (4.4, 4.9)])
def test_a_box_on_a_background_from_anywhere(start):
    """In each bin's own minimum the expectations there are the counts: scanned in closed form."""
    rng = np.random.default_rng(21)
    x = np.concatenate([rng.uniform(0, 10, 5000), rng.uniform(3.13, 6.77, 3000)])
    data = counts_of(x, 40)
    model = Sum((Uniform(prefix="b_"), Uniform(prefix="s_")))
    known = {"b_low": Knowledge(0.0, fixed=True), "b_high": Knowledge(10.0, fixed=True)}
    known |= {"s_low": INSIDE, "s_high": INSIDE}
    if start:
        known |= {
            name: Knowledge(s, (0.0, 10.0))
            for name, s in zip(("s_low", "s_high"), start, strict=True)
        }
    found = solve(model, data, **known)
    assert found.valid
    assert found.cost == pytest.approx(best_box(data.counts), rel=1e-9)


def best_box(n):
    """The least cost of two levels, with a bin between them at either side that is free."""

    def cost(groups):
        total = 0.0
        for group in groups:
            mean = group.mean()
            total += 2 * np.sum(group * np.log(group / mean))
        return total

    return min(
        cost([np.concatenate([n[:i], n[k + 1 :]]), n[i + 1 : k]])
        for i in range(len(n))
        for k in range(i + 2, len(n))
        if n[:i].sum() + n[k + 1 :].sum() > 0
    )


def test_candidates_are_in_order_and_within_limits():
    low, high = ENDS
    bounds = Bounds(np.array([0.0, -5.0]), np.array([3.0, 20.0]), np.zeros(2, dtype=bool))
    rows = ends_of_range({0: low, 1: high}, bounds, ((-1.0, 10.0),), fine=True)
    assert rows[0] == {0: 0.0, 1: 10.0}
    assert all(0 <= row[0] <= 3 and row[0] < row[1] <= 10 for row in rows)
    assert ends_of_range({}, bounds, ((-1.0, 10.0),), fine=True) == []


@pytest.mark.parametrize("size", [2, 4, 8, 20])
@pytest.mark.parametrize("fine", [True, False])
def test_many_ends_have_no_more_combinations(size, fine):
    """A formula may name many ranges, each with ends of its own."""
    ends = {i: ENDS[i % 2] for i in range(size)}
    wide = np.full(size, np.inf)
    bounds = Bounds(-wide, wide, np.zeros(size, dtype=bool))
    found = ends_of_range(ends, bounds, ((0.0, 10.0),), fine=fine)
    assert 1 <= len(found) <= 600
    assert list(found[0].values()) == [0.0, 10.0] * (size // 2)
