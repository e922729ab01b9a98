"""Histogram fits with options: limits, constraints, ranges and MINOS, against the exact twins.

iminuit's own cost joins as a second oracle where it has the feature too.
"""

import numpy as np
import pytest

from tests.oracles import agrees_with_iminuit, assert_agrees, assert_matrix, assert_values, fit
from tests.oracles.histogram_cases import CASES, PEAK, body, iminuit_fit, poly, toy
from tests.oracles.reference import Poisson, minimise, minos


def test_an_inactive_limit_changes_nothing(client):
    model, truth, edges, counts = CASES["gaussian, 20 bins"]
    parameters = {"mu": {"limits": [-3, 3]}, "sigma": {"start": 1.0, "limits": [0.1, 4]}}
    answer = fit(client, "histogram", body(model, edges, counts, parameters))
    assert_agrees(answer, minimise(Poisson(model, edges, counts), truth))
    assert not any(p["at_limit"] for p in answer["parameters"])


ACTIVE = [
    ("gaussian, 20 bins", {"sigma": [1.5, None]}, "sigma", 1.5),
    ("gaussian, 20 bins", {"amp": [0, 800]}, "amp", 800),
    ("gaussian + line", {"s_mu": [None, 0.8]}, "s_mu", 0.8),
    ("cubic", {"c3": [0.0, 1.0]}, "c3", 1.0),
]


@pytest.mark.parametrize(("name", "limits", "stuck", "value"), ACTIVE)
def test_an_active_limit_is_a_fixed_parameter_without_an_error(client, name, limits, stuck, value):
    model, truth, edges, counts = CASES[name]
    parameters = {n: {"limits": bounds} for n, bounds in limits.items()}
    answer = fit(client, "histogram", body(model, edges, counts, parameters))
    twin = minimise(Poisson(model, edges, counts), truth | {stuck: value}, [stuck])
    bounded = minimise(Poisson(model, edges, counts), truth, limits=limits)
    assert bounded.values == pytest.approx(twin.values, rel=1e-9)  # the limit is active indeed
    assert_agrees(answer, twin)
    assert [p["name"] for p in answer["parameters"] if p["at_limit"]] == [stuck]


def test_a_deficit_ends_at_the_natural_limit_of_amp(client):
    """A peak cannot be negative in a histogram; the background is as if there were none."""
    edges = np.linspace(0, 10, 41)
    counts = np.full(40, 50)
    counts[18:22] = 40
    model = {"sum": [PEAK, poly(1, "b_")]}
    peak = {"s_mu": {"start": 5.0, "fixed": True}, "s_sigma": {"start": 0.5, "fixed": True}}
    answer = fit(client, "histogram", body(model, edges, counts, peak))
    background = minimise(Poisson(poly(1, "b_"), edges, counts), {"b_c0": 200.0, "b_c1": 0.0})
    assert answer["values"]["s_amp"] == pytest.approx(0.0, abs=1e-9)
    assert answer["errors"]["s_amp"] is None
    assert answer["covariance"]["parameters"] == ["b_c0", "b_c1"]
    assert_matrix(answer["covariance"], background.covariance, 1e-7)
    for name, expected in background.values.items():
        distance = abs(answer["values"][name] - expected)
        assert distance < 1e-7 * background.errors[name]


@pytest.mark.parametrize(
    ("name", "constraint"),
    [("gaussian, 40 events", ("sigma", 1.0, 0.05)), ("gaussian + line", ("s_mu", 1.2, 0.1))],
)
def test_gaussian_constraint(client, name, constraint):
    model, truth, edges, counts = CASES[name]
    which, value, sigma = constraint
    parameters = {which: {"constraint": {"value": value, "sigma": sigma}}}
    answer = fit(client, "histogram", body(model, edges, counts, parameters))
    cost = Poisson(model, edges, counts, constraints={which: (value, sigma)})
    assert_agrees(answer, minimise(cost, truth))
    agrees_with_iminuit(answer, iminuit_fit(model, edges, counts, truth, constraint=constraint))


RANGES = [[-2.0, 3.0], [[-2.0, 3.0]], [[-5, -1.5], [-0.5, 1], [2.5, 4.25]]]


@pytest.mark.parametrize("fit_range", RANGES, ids=["one", "list of one", "three"])
def test_bins_wholly_inside_the_range_are_fitted(client, fit_range):
    edges = np.linspace(-5, 5, 41)  # quarters: 4.25 and the like are edges, exactly
    model, truth, edges, counts = toy("gaussian", CASES["gaussian, 20 bins"][1], edges, 21)
    ranges = [fit_range] if isinstance(fit_range[0], float) else fit_range
    inside = sum((edges[:-1] >= lo) & (edges[1:] <= hi) for lo, hi in ranges).astype(bool)
    cost = Poisson(model, edges, counts, inside)
    answer = fit(client, "histogram", body(model, edges, counts, fit_range=fit_range))
    assert_agrees(answer, minimise(cost, truth))
    assert answer["goodness_of_fit"]["ndof"] == inside.sum() - 3


def test_bins_cut_by_the_range_are_left_out(client):
    model, truth, edges, counts = CASES["gaussian, 20 bins"]  # edges at halves
    twin = minimise(Poisson(model, edges[2:-2], counts[2:-2]), truth)
    answer = fit(client, "histogram", body(model, edges, counts, fit_range=[-4.3, 4.4]))
    assert_agrees(answer, twin)
    assert answer["goodness_of_fit"]["ndof"] == 13


MINOS = [
    ("gaussian, 40 events", True),
    ("gaussian, 20 bins", ["sigma"]),
    ("gaussian + line", ["s_amp"]),
]


@pytest.mark.parametrize(("name", "asked"), MINOS)
def test_minos_against_minuit_and_a_true_profile(client, name, asked):
    model, truth, edges, counts = CASES[name]
    answer = fit(client, "histogram", body(model, edges, counts, truth, minos=asked))
    cost = Poisson(model, edges, counts)
    best = minimise(cost, truth)
    m = iminuit_fit(model, edges, counts, truth)
    m.minos()
    assert_values(answer, best)
    assert list(answer["minos"]) == (list(truth) if asked is True else asked)
    for n, interval in answer["minos"].items():
        assert interval["valid"] is True
        for side, end in ((-1, "lower"), (1, "upper")):
            # Minuit ends its search for a crossing at about 1e-3 of an error, by design
            assert interval[end] == pytest.approx(getattr(m.merrors[n], end), rel=1e-3)
            assert interval[end] == pytest.approx(minos(cost, best, n, side), rel=1e-3)
