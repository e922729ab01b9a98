"""Terms that share parameters: placed one after the other all the same.

Data are what SciPy's distributions expect, to the last digit, so the minimum is the truth, and the
cost there nothing.
"""

import numpy as np
import pytest
from scipy.stats import cauchy, norm, uniform

from fitting.data import Histogram
from fitting.problem import Knowledge, with_ends
from models.features import Features
from models.formula.formula import Formula
from models.registry import SHAPES
from tests.fitting.problems import points, solve

EDGES = np.linspace(0, 10, 101)
X = np.linspace(0, 10, 90)
SEEDS = range(10)


def read(text):
    return Formula.read(text, SHAPES)


def peak(place, width):
    return np.diff(norm.cdf(EDGES, place, width))


def places(rng, count, width):
    """Distances of four widths at least."""
    while True:
        found = np.sort(rng.uniform(1.5, 8.5, count))
        if np.diff(found).min() > 4 * width:
            return found


def peaks_of_one_width(rng):
    width = rng.uniform(0.1, 0.4)
    mu, n = places(rng, 3, width), rng.uniform(300, 3000, 3)
    counts = sum(n[i] * peak(mu[i], width) for i in range(3)) + 5
    text = "n1*gaussian(x, m1, s) + n2*gaussian(x, m2, s) + n3*gaussian(x, m3, s) + b"
    return read(text), Histogram(EDGES, counts)


def written_out(rng):
    width = rng.uniform(0.15, 0.5)
    (m1, m2), (a1, a2) = places(rng, 2, width), rng.uniform(2, 10, 2)
    y = sum(a * np.exp(-((X - m) ** 2) / (2 * width**2)) for a, m in ((a1, m1), (a2, m2))) + 1
    text = "a1*exp(-(x - m1)^2 / (2*s^2)) + a2*exp(-(x - m2)^2 / (2*s^2)) + c"
    return read(text), points(X, y, 0.2)


def beside_a_number(rng):
    formula, data = written_out(rng)
    text = "a1*exp(-(x - m1)^2 / (2*s^2)) + a2*exp(-(x - m2)^2 / (2*s^2)) + 1"
    assert formula.names != read(text).names
    return read(text), data


def of_one_resolution(rng):
    mu, n = places(rng, 2, 0.4), rng.uniform(300, 3000, 2)
    counts = sum(n[i] * peak(mu[i], 0.05 * mu[i]) for i in range(2)) + 5
    text = "n1*gaussian(x, m1, 0.05*m1) + n2*gaussian(x, m2, 0.05*m2) + 50"
    return read(text), Histogram(EDGES, counts)


def at_a_distance(rng):
    width = rng.uniform(0.15, 0.5)
    (m1, m2), n = places(rng, 2, width), rng.uniform(300, 3000, 2)
    counts = n[0] * peak(m1, width) + n[1] * peak(m2, width) + 5
    text = "n1*gaussian(x, m, s) + n2*gaussian(x, m + d, s) + b"
    return read(text), Histogram(EDGES, counts)


def twice_at_a_distance(rng):
    width, start = rng.uniform(0.1, 0.3), rng.uniform(1, 3)
    step, n = rng.uniform(5 * width, 2.5), rng.uniform(300, 3000, 3)
    counts = sum(n[k] * peak(start + k * step, width) for k in range(3)) + 5
    text = "n1*gaussian(x, m, s) + n2*gaussian(x, m + d, s) + n3*gaussian(x, m + 2*d, s) + b"
    return read(text), Histogram(EDGES, counts)


def written_out_at_a_distance(rng):
    width = rng.uniform(0.15, 0.5)
    (m1, m2), (a1, a2) = places(rng, 2, width), rng.uniform(2, 10, 2)
    y = a1 / (1 + ((X - m1) / width) ** 2) + a2 / (1 + ((X - m2) / width) ** 2) + 1
    text = "a1 / (1 + ((x - m)/g)^2) + a2 / (1 + ((x - m - d)/g)^2) + c"
    return read(text), points(X, y, 0.2)


def to_the_left(rng):
    (m2, m1), widths, n = places(rng, 2, 0.4), rng.uniform(0.15, 0.4, 2), rng.uniform(1e3, 1e4, 2)
    counts = sum(n[i] * np.diff(cauchy.cdf(EDGES, (m1, m2)[i], widths[i])) for i in range(2))
    text = "n1*lorentzian(x, m, g1) + n2*lorentzian(x, m - 2*d, g2)"
    return read(text), Histogram(EDGES, counts)


def core_and_tail(rng):
    place, width, ratio = rng.uniform(3, 7), rng.uniform(0.2, 0.5), rng.uniform(2, 4)
    n = rng.uniform(2000, 10000, 2)
    counts = n[0] * peak(place, width) + n[1] * peak(place, ratio * width)
    text = "n1*gaussian(x, m, s) + n2*gaussian(x, m, k*s)"
    return read(text), Histogram(EDGES, counts)


KINDS = (
    peaks_of_one_width,
    written_out,
    beside_a_number,
    of_one_resolution,
    at_a_distance,
    twice_at_a_distance,
    written_out_at_a_distance,
    to_the_left,
    core_and_tail,
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_from_nothing_to_the_truth(kind):
    for seed in SEEDS:
        found = solve(*kind(np.random.default_rng([11, seed])))
        assert found.valid, seed
        assert found.cost < 1e-6, seed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a*gaussian(x, m, s) + b*gaussian(x, n, s)", [{"a", "m", "s"}, {"b", "n", "s"}]),
        ("a*gaussian(x, m, s) + b*gaussian(x, m + d, s)", [{"a", "m", "s"}, {"b", "m", "d", "s"}]),
        # one place and one period: alone either term says little
        ("a*sin(w*x) + b*cos(w*x)", [{"a", "b", "w"}]),
        ("a*sin(w*x) + b*sin(2*w*x + p)", [{"a", "b", "w", "p"}]),
        ("a*exp(-x/t) + b*exp(-x/(k*t))", [{"a", "b", "t", "k"}]),
        # what bends one term and not the other is searched for in both at once
        ("a*gaussian(x, m, s) + m*exp(-x/t)", [{"a", "m", "s", "t"}]),
        ("a*gaussian(x, m, s) + c + d*x", [{"a", "m", "s", "c", "d"}]),
        # the step between two levels says more than either range
        ("a*uniform(x, l, c) + b*uniform(x, c, h)", [{"a", "b", "l", "c", "h"}]),
        ("a*gaussian(x, m, s) + b*uniform(x, l, h)", [{"a", "m", "s"}, {"b", "l", "h"}]),
    ],
)
def test_terms_that_are_searched_for_by_themselves(text, expected):
    formula = read(text)
    found = [{formula.names[i] for i in places} for _, places in formula.parts]
    assert sorted(map(sorted, found)) == sorted(map(sorted, expected))


def test_terms_alike_are_one_kernel_whatever_they_share():
    parts = [part for part, _ in read("a*gaussian(x, m, s) + b*gaussian(x, n, s)").parts]
    assert parts[0] == parts[1]


def test_candidates_beside_what_is_known():
    """From a peak at 2 to one of the places that the data propose, by half of the distance."""
    data = Features((7.0, 4.0), (0.5,), (1.0,), (1.0,), 0.0, 10.0)
    (_, (part, places)) = read("a*gaussian(x, m, s) + b*gaussian(x, m + 2*d, s)").parts
    assert places == (3, 1, 4, 2)
    assert set(part.starts_beside(data, {1: 2.0, 3: 0.5})) >= {(2.5,), (1.0,)}


def level(low, high):
    return np.diff(uniform.cdf(EDGES, low, high - low))


@pytest.mark.parametrize(
    "text",
    [
        "a*gaussian(x, c, s) + b*uniform(x, c, high)",
        "b*uniform(x, c, high) + a*gaussian(x, c, s)",
        "a*uniform(x, low, c) + b*uniform(x, c, high)",
        "b*uniform(x, c, high) + a*uniform(x, low, c)",
    ],
)
def test_the_end_of_one_term_that_is_something_else_in_another_is_free(text):
    """However it is spelt; what is an end and nothing else stays at the end of the data."""
    formula = read(text)
    below = peak(4.03, 0.5) if "gaussian" in text else level(0, 4.03)
    data = Histogram(EDGES, 3000 * below + 2000 * level(4.03, 10))
    known = with_ends(formula, data, [Knowledge()] * len(formula.names))
    found = solve(formula, data, **dict(zip(formula.names, known, strict=True)))
    truth = {"a": 3000, "b": 2000, "c": 4.03, "s": 0.5, "low": 0, "high": 10}
    assert found.valid
    assert found.cost < 1e-6
    assert found.values == pytest.approx([truth[name] for name in formula.names], rel=1e-4)
