"""Data that break fitters: never a 500, and never `valid` unless it is the minimum.

A case says what is owed: a VALID answer, a REFUSED one (valid false, with words that help), or
merely an HONEST one, where giving up is fair. Whatever is called valid must stay where it is, to
1e-6 errors, when the twin starts from it, and be no worse than the minimum known from the truth.
"""

import numpy as np
import pytest

from tests.oracles import assert_values, covariance, fit
from tests.oracles.histogram_cases import body, poly, toy
from tests.oracles.reference import EffectiveVariance, Poisson, minimise

VALID, REFUSED, HONEST = "valid", "refused", "honest"
#: In errors. Looser than elsewhere: these Hessians are ill-conditioned or their costs enormous.
TOLERANCE = 1e-6

TRUTH = {"amp": 1000.0, "mu": 0.5, "sigma": 1.0}
EDGES = np.linspace(-6, 6, 49)  # quarters: exact in binary, also after a shift by 1e6
_, _, _, COUNTS = toy("gaussian", TRUTH, EDGES, 31)
TWIN_PEAKS = {"sum": [{"name": "gaussian", "prefix": p} for p in ("a_", "b_")]}
TWO_CONSTANTS = {"sum": [poly(0, "a_"), poly(0, "b_")]}


def check(answer, cost, truth, owed, fval_noise=1e-6):
    """Hold an answer against what is owed for it."""
    assert isinstance(answer["valid"], bool)
    if not answer["valid"]:
        assert answer["status"] != "converged"
        assert len(answer["message"]) > 20, "words that help, please"
        assert owed != VALID, (answer["status"], answer["message"])
        return
    assert answer["status"] == "converged"
    assert owed != REFUSED, answer["values"]
    stuck = [p["name"] for p in answer["parameters"] if p["at_limit"] or p["fixed"]]
    assert_values(answer, minimise(cost, answer["values"], stuck), TOLERANCE)
    if truth:
        best = minimise(cost, truth)
        assert abs(answer["fval"] - best.fval) < fval_noise * (1 + best.fval)


def only(place, count, bins=20):
    counts = np.zeros(bins)
    counts[place] = count
    return counts


def outlier(distance):
    """A thousand events and one more, far out; the last bin is the outlier's."""
    side = np.sign(distance)
    edges = np.sort(side * np.append(EDGES, [abs(distance), abs(distance) + 0.25]))
    counts = COUNTS if side > 0 else COUNTS[::-1]
    return edges, np.append(counts, [0, 1]) if side > 0 else np.append([1, 0], counts)


GRID = np.linspace(0, 10, 21)
FAR = {"amp": 1000.0, "mu": 0.5, "sigma": 1.5}
NOISE_FREE = Poisson("gaussian", EDGES, 0).expected_counts(TRUTH)

# name: (model, edges, counts, where the twin starts or None, what is owed)
HISTOGRAMS = {
    "empty, gaussian": ("gaussian", GRID, only(0, 0), None, REFUSED),
    "empty, exponential": ("exponential", GRID, only(0, 0), None, REFUSED),
    "empty, line": (poly(1), GRID, only(0, 0), None, REFUSED),
    "one filled bin": ("gaussian", GRID, only(10, 50), None, REFUSED),
    "one filled bin at the edge": ("gaussian", GRID, only(0, 50), None, REFUSED),
    "one event": ("gaussian", GRID, only(7, 1), None, REFUSED),
    "one event, constant": (poly(0), GRID, only(7, 1), {"c0": 0.1}, VALID),
    "one event, exponential": ("exponential", GRID, only(3, 1), {"amp": 1, "tau": 2}, HONEST),
    "one bin for three": ("gaussian", [0, 1], [5], None, REFUSED),
    "two bins for three": ("gaussian", [0, 1, 2], [5, 9], None, REFUSED),
    "six parameters, three bins": (TWIN_PEAKS, [0, 1, 2, 3], [5, 9, 4], None, REFUSED),
    "degree 5, three bins": (poly(5), [0, 1, 2, 3], [5, 9, 4], None, REFUSED),
    "two constants": (TWO_CONSTANTS, GRID, only(3, 40) + 20, None, REFUSED),
    "two peaks where one is": (TWIN_PEAKS, EDGES, COUNTS, None, HONEST),
    "decay in one bin": ("exponential", GRID, only(0, 50), None, REFUSED),
    "rising decay": ("exponential", GRID, np.arange(20) ** 2, None, REFUSED),
    "decay below zero": ("exponential", GRID - 5, np.full(20, 9), None, REFUSED),
    "no degree of freedom": ("gaussian", [-1.5, -0.5, 0.5, 1.5], [20, 50, 30], FAR, VALID),
    "noise-free": ("gaussian", EDGES, NOISE_FREE, TRUTH, VALID),
    "1e12 events": ("gaussian", EDGES, np.round(1e9 * COUNTS), TRUTH | {"amp": 1e12}, VALID),
    "a thousandth of an event": ("gaussian", EDGES, 1e-6 * COUNTS, TRUTH | {"amp": 1e-3}, HONEST),
    "x in 1e-9": (
        "gaussian",
        1e-9 * EDGES,
        COUNTS,
        {"amp": 1000.0, "mu": 0.5e-9, "sigma": 1e-9},
        VALID,
    ),
    "x in 1e9": ("gaussian", 1e9 * EDGES, COUNTS, {"amp": 1e3, "mu": 0.5e9, "sigma": 1e9}, VALID),
    "x from 1e6": ("gaussian", EDGES + 1e6, COUNTS, TRUTH | {"mu": 1e6 + 0.5}, VALID),
    "outlier, 12 right": ("gaussian", *outlier(12), FAR, VALID),
    "outlier, 12 left": ("gaussian", *outlier(-12), FAR | {"mu": -0.5}, VALID),
    "outlier, 25 right": ("gaussian", *outlier(25), FAR, HONEST),
    "outlier, 25 left": ("gaussian", *outlier(-25), FAR | {"mu": -0.5}, HONEST),
    "outlier, 300": ("gaussian", *outlier(300), None, HONEST),
    "falling to nothing": (poly(1), GRID, [*range(19, -1, -1)], None, HONEST),
}

FAR_STARTS = [
    {"mu": 1000.0},
    {"mu": -40.0, "sigma": 0.5},
    {"sigma": 1e-3},
    {"sigma": 1e6},
    {"amp": 1e-6},
    {"amp": 1e15, "mu": 5.5, "sigma": 0.2},
    {"amp": 0.0, "mu": 0.0, "sigma": 1.0},
]


@pytest.mark.parametrize("name", HISTOGRAMS)
def test_hard_histograms(client, name):
    model, edges, counts, truth, owed = HISTOGRAMS[name]
    answer = fit(client, "histogram", body(model, np.asarray(edges), np.asarray(counts)))
    # the terms of the cost are near the counts, so their rounding is 1e-16 of the sum
    noise = 1e-6 + 1e-15 * np.sum(counts)
    check(answer, Poisson(model, edges, counts), truth, owed, noise)


@pytest.mark.parametrize("start", FAR_STARTS, ids=str)
def test_histogram_starts_far_away(client, start):
    answer = fit(client, "histogram", body("gaussian", EDGES, COUNTS, start))
    check(answer, Poisson("gaussian", EDGES, COUNTS), TRUTH, HONEST)


def test_no_degree_of_freedom_has_no_p_value(client):
    answer = fit(client, "histogram", body(poly(1), np.arange(3.0), np.array([4, 6])))
    quality = answer["goodness_of_fit"]
    assert quality["ndof"] == 0
    assert quality["chi2"] == pytest.approx(0, abs=1e-9)  # rounding of counts near 5
    assert quality["reduced_chi2"] is None
    assert quality["p_value"] is None


X = np.linspace(0.5, 8, 16)
Y = 3 - 0.5 * X + np.random.default_rng(32).normal(0, 0.2, 16)
BELL = 8 * np.exp(-((X - 4) ** 2) / 2) / np.sqrt(2 * np.pi)
BELL_TRUTH = {"amp": 8.0, "mu": 4.0, "sigma": 1.0}
STRAIGHT = {"c0": 3.0, "c1": -0.5}
SPIKE = np.where(np.arange(16) == 5, 1e6, Y)

# name: (model, x, y, x_err or 0 for none, y_err, where the twin starts or None, what is owed)
POINTS = {
    "noise-free line": (poly(1), X, 3 - 0.5 * X, 0, 0.2, STRAIGHT, VALID),
    "noise-free line, x errors": (poly(1), X, 3 - 0.5 * X, 0.3, 0.2, STRAIGHT, VALID),
    "noise-free peak": ("gaussian", X, BELL, 0, 0.1, BELL_TRUTH, VALID),
    "noise-free hole": ("gaussian", X, -BELL, 0, 0.1, BELL_TRUTH | {"amp": -8.0}, VALID),
    "two points for a line": (poly(1), X[:2], Y[:2], 0, 0.2, STRAIGHT, VALID),
    "one point for a line": (poly(1), X[:1], Y[:1], 0, 0.2, None, REFUSED),
    "one x for a line": (poly(1), np.ones(16), Y, 0, 0.2, None, REFUSED),
    "degree 9, four points": (poly(9), X[:4], Y[:4], 0, 0.2, None, REFUSED),
    "two constants": (TWO_CONSTANTS, X, Y, 0, 0.2, None, REFUSED),
    "y in 1e12": (poly(1), X, 1e12 * Y, 0, 2e11, {"c0": 3e12, "c1": -5e11}, VALID),
    "y in 1e-12": (poly(1), X, 1e-12 * Y, 0, 2e-13, {"c0": 3e-12, "c1": -5e-13}, VALID),
    "y in 1e-12, x errors": (poly(1), X, 1e-12 * Y, 0.3, 2e-13, {"c0": 0, "c1": -5e-13}, VALID),
    "x in 1e9, x errors": (poly(1), 1e9 * X, Y, 3e8, 0.2, {"c0": 3.0, "c1": -5e-10}, VALID),
    "tiny y errors": (poly(1), X, Y, 0, 1e-9, STRAIGHT, VALID),
    "a point far off": (poly(1), X, SPIKE, 0, 0.2, STRAIGHT, VALID),
    "peak in nothing": ("gaussian", X, 0 * X, 0, 0.2, None, REFUSED),
    "peak in a constant": ("gaussian", X, 0 * X + 7, 0, 0.2, None, HONEST),
    "decay of a rise": ("exponential", X, X**2, 0, 0.2, None, HONEST),
    "enormous x errors": (poly(1), X, Y, 100.0, 0.2, None, HONEST),
    "x errors of a parabola": (poly(2), X, Y + X**2, 2.0, 0.2, None, HONEST),
}


@pytest.mark.parametrize("name", POINTS)
def test_hard_points(client, name):
    model, x, y, sx, sy, truth, owed = POINTS[name]
    request = {"x": x, "y": y, "y_err": sy, "model": model} | ({"x_err": sx} if sx else {})
    cost = EffectiveVariance(model, x, y, sx, sy)
    check(fit(client, "xy-errors", request), cost, truth, owed)


@pytest.mark.parametrize("start", [{"mu": 1e4}, {"sigma": 1e-3}, {"sigma": 1e6}, {"amp": -1e9}])
def test_points_starts_far_away(client, start):
    request = {"x": X, "y": BELL + 0.01 * X, "y_err": 0.1, "model": "gaussian"}
    answer = fit(client, "xy-errors", request | {"parameters": start})
    cost = EffectiveVariance("gaussian", X, BELL + 0.01 * X, 0, 0.1)
    check(answer, cost, BELL_TRUTH, HONEST)


@pytest.mark.parametrize("sx", [0, 0.3])
def test_line_a_million_away_from_zero(client, sx):
    """The twin fits near zero, where it is well-conditioned, and moves the line afterwards."""
    twin = minimise(EffectiveVariance(poly(1), X, Y, sx, 0.2), STRAIGHT)
    x = X + 1e6  # halves survive the shift exactly
    request = {"x": x, "y": Y, "y_err": 0.2, "model": poly(1)} | ({"x_err": sx} if sx else {})
    answer = fit(client, "xy-errors", request)
    c0, c1 = answer["values"]["c0"], answer["values"]["c1"]
    assert answer["valid"] is True, answer["message"]
    assert abs(c1 - twin.values["c1"]) < TOLERANCE * twin.errors["c1"]
    # c0 + 1e6 c1 cancels six digits of sixteen: 1e-9 is what doubles can say of it
    assert c0 + 1e6 * c1 == pytest.approx(twin.values["c0"], abs=1e-6 * twin.errors["c0"] + 1e-9)
    assert answer["errors"]["c1"] == pytest.approx(twin.errors["c1"], rel=1e-3)  # condition 1e12


def test_an_undefined_scale_is_not_an_error_of_zero(client):
    """Two points, a line, no y_err: chi2/ndof is 0/0, and nothing can be said of the errors."""
    answer = fit(client, "xy-errors", {"x": X[:2], "y": Y[:2], "model": poly(1)})
    assert answer["goodness_of_fit"]["ndof"] == 0
    assert answer["valid"] is True
    assert set(answer["errors"].values()) == {None}


@pytest.mark.parametrize("ranges", [[[0, 200]] * 64, [[4 * i, 4 * i + 4] for i in range(50)]])
def test_a_poor_fit_in_many_ranges(client, ranges):
    """They are merged at a coarse grain, across no common end of two ranges."""
    counts = [5 + 90 * (i % 7 == 0) for i in range(200)]
    asked = body("gaussian", np.arange(201.0), np.array(counts), fit_range=ranges)
    answer = fit(client, "histogram", asked)
    assert answer["goodness_of_fit"]["ndof"] == 197


def test_without_a_scale_a_stored_fit_has_no_errors_either(client):
    asked = {"x": [1, 2], "y": [1, 2], "model": "linear"}
    answer = fit(client, "xy-errors", asked)
    assert answer["valid"]
    assert answer["covariance"]["matrix"] is None
    assert "reduced chi-square" in answer["covariance"]["reason"]
    again = covariance(client, answer)
    assert again["matrix"] is again["correlation"] is None
    assert set(again["errors"].values()) == {None}
    assert again["reason"] == answer["covariance"]["reason"]


def test_variances_that_no_number_holds_have_words(client):
    x = np.linspace(1, 1.005, 30) * 1e-77
    y = 1 + 1e76 * (x - 1e-77) * np.sin(x * 1e79)
    asked = {"x": x.tolist(), "y": y.tolist(), "y_err": 0.1, "model": poly(2)}
    answer = fit(client, "xy-errors", asked)
    assert answer["covariance"]["matrix"] is None
    assert "units" in answer["covariance"]["reason"]


@pytest.mark.parametrize(
    ("more", "warned"),
    [
        ({"y_err": 0.1, "x_err": 0.1}, False),
        ({}, False),
        ({"x_err": 0.1}, True),
        ({"parameters": {"slope": {"constraint": {"value": 1, "sigma": 0.1}}}}, True),
    ],
)
def test_relative_errors_beside_absolute_knowledge_are_told(client, more, warned):
    asked = {"x": [0, 1, 2, 3], "y": [0, 1.1, 1.9, 3.2], "model": "linear"} | more
    answer = fit(client, "xy-errors", asked)
    assert ("relative-errors" in [w["code"] for w in answer["warnings"]]) is warned


def test_points_on_the_model_without_errors_have_no_covariance_of_use(client):
    """Both answers say that it is 0, and why."""
    answer = fit(client, "xy-errors", {"x": [1, 2, 3], "y": [1, 2, 3], "model": "linear"})
    again = covariance(client, answer)
    for block in (answer["covariance"], again):
        assert block["matrix"] == [[0.0, 0.0], [0.0, 0.0]]
        assert block["positive_definite"] is False
        assert "exactly on the model" in block["reason"]
    assert answer["valid"]
    assert answer["message"].endswith(again["reason"])


def test_a_constraint_on_a_fixed_parameter_is_in_every_number_of_the_answer(client):
    """7/0.1 squared; the errors, which are relative, grow by the root of the reduced chi-square."""
    known = {"start": 3, "fixed": True}
    asked = {"x": [0, 1, 2, 3], "y": [3.1, 5.2, 6.8, 9.1], "model": "linear"}
    answers = [
        fit(client, "xy-errors", {**asked, "parameters": {"intercept": {**known, **more}}})
        for more in ({}, {"constraint": {"value": 10, "sigma": 0.1}})
    ]
    without, found = (answer["goodness_of_fit"] for answer in answers)
    assert found["chi2"] == answers[1]["fval"] == pytest.approx(without["chi2"] + 4900, rel=1e-12)
    assert found["ndof"] == without["ndof"] + 1 == 4
    ratio = found["reduced_chi2"] / without["reduced_chi2"]
    own, constrained = (covariance(client, answer)["matrix"][0][0] for answer in answers)
    assert constrained == pytest.approx(ratio * own, rel=1e-9)
    assert answers[1]["covariance"]["matrix"][0][0] == pytest.approx(constrained, rel=1e-9)
