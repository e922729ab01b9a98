"""Who makes a fit poor is named, if these are few."""

import re

import numpy as np
import pytest

from fitting.data import Histogram
from models.composition.sum import Sum
from models.shapes.polynomial import Polynomial
from tests.fitting.problems import LINE, PEAK, expected, points, solve

EDGES = np.linspace(-5, 5, 101)
PEAK_ON_FLAT = Sum(terms=(PEAK, Polynomial(degree=0)))
COUNTS = np.random.default_rng(5).poisson(
    expected(PEAK_ON_FLAT, EDGES, np.array([2000.0, 0.2, 0.8, 20.0]))
)


def poor(result):
    """What is said of a poor fit."""
    return next((w.message for w in result.warnings if w.code == "poor-fit"), None)


def told(counts, ranges=()):
    return poor(solve(PEAK_ON_FLAT, Histogram(EDGES, counts.astype(float), ranges=ranges)))


@pytest.mark.parametrize(("bin_", "count"), [(52, 0), (20, 3000)])
def test_a_hot_or_dead_channel(bin_, count):
    counts = COUNTS.copy()
    counts[bin_] = count
    message, (low, high) = told(counts), EDGES[bin_ : bin_ + 2]
    assert f"Most of it comes from the bin from {low:g} to {high:g} ({count} where " in message
    assert told(counts, ((-5, low), (high, 5))) is None


def test_some_dead_channels():
    counts = COUNTS.copy()
    counts[[50, 54, 57]] = 0
    message = told(counts)
    dead = re.findall(r"the bin from ([0-9.]+) to [0-9.]+ \(0 where", message)
    assert 2 <= len(dead) <= 3
    assert {*dead} <= {"0", "0.4", "0.7"}


def test_a_wrong_reading():
    x = np.linspace(0, 9, 10)
    y = 1 + 2 * x
    y[3] += 40
    message = poor(solve(LINE, points(x, y, 1.0)))
    assert "Most of it comes from the point at x = 3 (47 where " in message


def test_of_a_model_of_something_else_nobody_is_accused():
    waves = np.round(15 + 15 * np.sin(3 * EDGES[1:]))
    assert "comes from" not in told(COUNTS + waves)
    x = np.linspace(0, 9, 40)
    assert "comes from" not in poor(solve(LINE, points(x, np.sin(3 * x), 0.1)))
