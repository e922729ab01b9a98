"""The tutorial's two fits over HTTP: its own numbers, from any sensible start, to nine digits.

The sharper values are those of shared/reference/README.md, computed there with independent tools;
what they lack (the full covariance, other points) comes from the twins in tests/oracles.
"""

import numpy as np
import pytest
from scipy.stats import chi2

from tests.oracles import assert_agrees, assert_matrix, covariance, fit
from tests.oracles.reference import EffectiveVariance, Poisson, minimise

COUNTS, EDGES = np.histogram(np.random.default_rng(seed=1).normal(size=10000), bins=1000)
HISTOGRAM = {"histogram": {"edges": EDGES, "counts": COUNTS}, "model": "gaussian"}
PARABOLA = {"name": "polynomial", "degree": 2}

HISTOGRAM_STARTS = {
    "none": None,
    "tutorial": {"amp": 15000.0, "mu": 1.0, "sigma": 2.0},
    "truth": {"amp": 10000, "mu": 0, "sigma": 1},
    "narrow": {"amp": 5000.0, "mu": -1.0, "sigma": 0.5},
    "few": {"amp": 100.0, "mu": 0.5, "sigma": 3.0},
    "many": {"amp": 200000.0, "mu": 2.0, "sigma": 1.5},
    "only mu": {"mu": 1.5},
    "wide": {"sigma": {"start": 10.0}},
}
POINT_STARTS = {
    "none": None,
    "tutorial": {"c0": 0, "c1": 0, "c2": 0},
    "truth": {"c0": 3, "c1": 2, "c2": 1},
    "far": {"c0": 100.0, "c1": -100.0, "c2": 100.0},
    "upside down": {"c2": {"start": -5.0}},
}


def tutorial_points():
    x = np.linspace(-4, 7, 30)
    y = np.polyval((1, 2, 3), x)
    rng = np.random.default_rng(seed=1)
    return x + rng.normal(0, 0.5, 30), y + rng.normal(0, 5, 30)


def points_body(start=None, **extra):
    x, y = tutorial_points()
    body = {"x": x, "y": y, "x_err": 0.5, "y_err": 5, "model": PARABOLA, **extra}
    return body if start is None else body | {"parameters": start}


def points_twin(berkson=False):
    cost = EffectiveVariance(PARABOLA, *tutorial_points(), 0.5, 5, berkson)
    return cost, minimise(cost, {"c0": 3, "c1": 2, "c2": 1})


@pytest.fixture(scope="module")
def histogram_twin():
    cost = Poisson("gaussian", EDGES, COUNTS)
    return cost, minimise(cost, {"amp": 10000, "mu": 0, "sigma": 1})


@pytest.mark.parametrize("start", HISTOGRAM_STARTS.values(), ids=HISTOGRAM_STARTS)
def test_histogram_from_any_start(client, histogram_twin, start):
    answer = fit(client, "histogram", HISTOGRAM | ({"parameters": start} if start else {}))
    values, errors = answer["values"], answer["errors"]
    # the tolerances are half of the last digit that the reference prints
    assert values["amp"] == pytest.approx(10001.0400, abs=5e-5)
    assert values["mu"] == pytest.approx(-0.0110517179, abs=5.1e-11)
    assert values["sigma"] == pytest.approx(0.999289345, abs=5.1e-10)
    assert errors["amp"] == pytest.approx(100.0105, abs=5.1e-5)
    assert errors["mu"] == pytest.approx(0.01000120, abs=5.1e-9)
    assert errors["sigma"] == pytest.approx(0.00711339, abs=5.1e-9)
    assert answer["fval"] == pytest.approx(992.426744, abs=5.1e-7)
    assert_agrees(answer, histogram_twin[1])


def test_histogram_goodness_of_fit(client):
    quality = fit(client, "histogram", HISTOGRAM)["goodness_of_fit"]
    assert quality["chi2"] == pytest.approx(2 * 496.213372, abs=1e-6)  # digits of the reference
    assert quality["ndof"] == 997
    assert quality["reduced_chi2"] == pytest.approx(quality["chi2"] / 997, rel=1e-14)
    # an incomplete gamma function of order 500: libraries agree to some 1e-12
    assert quality["p_value"] == pytest.approx(chi2.sf(quality["chi2"], 997), rel=1e-9)


def test_histogram_answer_repeats_its_facts_consistently(client):
    answer = fit(client, "histogram", HISTOGRAM | {"parameters": HISTOGRAM_STARTS["tutorial"]})
    assert (answer["kind"], answer["model"]) == ("histogram", "gaussian")
    assert [p["name"] for p in answer["parameters"]] == ["amp", "mu", "sigma"]
    assert [p["start"] for p in answer["parameters"]] == [15000.0, 1.0, 2.0]
    assert [p["limits"] for p in answer["parameters"]] == [[0, None], [None, None], [0, None]]
    for p in answer["parameters"]:
        assert p["value"] == answer["values"][p["name"]]
        assert p["error"] == answer["errors"][p["name"]]
        assert p["fixed"] is False
        assert p["at_limit"] is False
    assert answer["covariance"]["method"] == "autodiff"


@pytest.mark.parametrize("start", POINT_STARTS.values(), ids=POINT_STARTS)
def test_points_classical_from_any_start(client, start):
    answer = fit(client, "xy-errors", points_body(start))
    values = answer["values"]
    assert values["c2"] == pytest.approx(1.24894587, abs=5.1e-9)
    assert values["c1"] == pytest.approx(1.50682293, abs=5.1e-9)
    assert values["c0"] == pytest.approx(1.60696857, abs=5.1e-9)
    assert answer["fval"] == pytest.approx(23.14083066, abs=5.1e-9)
    quality = answer["goodness_of_fit"]
    assert quality["chi2"] == pytest.approx(23.14083066, abs=5.1e-9)
    assert quality["ndof"] == 27
    assert quality["p_value"] == pytest.approx(chi2.sf(quality["chi2"], 27), rel=1e-9)
    assert_agrees(answer, points_twin()[1])


def test_points_covariance_as_printed_in_the_tutorial(client):
    """Printed there for x0 = c2, x1 = c1, x2 = c0; here it comes in the model's order."""
    block = fit(client, "xy-errors", points_body())["covariance"]
    assert block["parameters"] == ["c0", "c1", "c2"]
    printed = [[2.32, 0.17, -0.150], [0.17, 0.24, -0.039], [-0.150, -0.039, 0.0223]]
    rounding = [[5e-3, 5e-3, 5e-4], [5e-3, 5e-3, 5e-4], [5e-4, 5e-4, 5e-5]]
    assert np.all(np.abs(np.array(block["matrix"]) - printed) <= rounding)


@pytest.mark.parametrize("start", POINT_STARTS.values(), ids=POINT_STARTS)
def test_points_berkson_from_any_start(client, start):
    answer = fit(client, "xy-errors", points_body(start, x_error_model="berkson"))
    assert answer["values"]["c2"] == pytest.approx(1.11872, abs=5.1e-6)
    assert answer["values"]["c1"] == pytest.approx(1.65044, abs=5.1e-6)
    assert answer["values"]["c0"] == pytest.approx(2.56506, abs=5.1e-6)
    assert_agrees(answer, points_twin(berkson=True)[1], fval=False)


def test_berkson_cost_has_the_log_and_chi2_has_not(client):
    answer = fit(client, "xy-errors", points_body(x_error_model="berkson"))
    _, twin = points_twin(berkson=True)
    residuals = EffectiveVariance(PARABOLA, *tutorial_points(), 0.5, 5)
    # log(variance), or log(variance / y_err^2), which is a constant less and keeps fval free of
    # the unit of y; sums of thirty terms, in any order
    constants = [0.0, 30 * np.log(5.0**2)]
    assert any(answer["fval"] == pytest.approx(twin.fval - c, rel=1e-11) for c in constants)
    expected = residuals(list(twin.values.values())).v
    assert answer["goodness_of_fit"]["chi2"] == pytest.approx(expected, rel=1e-8)


def test_autodiff_covariance_by_id_is_the_fit_s_own(client, histogram_twin):
    answer = fit(client, "histogram", HISTOGRAM)
    got = covariance(client, answer)
    assert (got["fit_id"], got["method"]) == (answer["fit_id"], "autodiff")
    assert got["parameters"] == ["amp", "mu", "sigma"]
    assert got["positive_definite"] is True
    assert got["at"] == answer["values"]
    expected = histogram_twin[1].covariance
    assert_matrix(got, expected, 1e-7)  # the exact Hessian at a point known to 1e-7 errors
    sigmas = np.sqrt(np.diag(expected))
    assert list(got["errors"].values()) == pytest.approx(sigmas, rel=1e-7)
    assert np.array(got["correlation"]) == pytest.approx(
        expected / np.outer(sigmas, sigmas), abs=1e-7
    )


@pytest.mark.parametrize("kind", ["histogram", "xy-errors"])
def test_hesse_is_close_to_autodiff_and_not_the_same(client, kind):
    body = HISTOGRAM if kind == "histogram" else points_body()
    answer = fit(client, kind, body)
    hesse = covariance(client, answer, method="hesse")
    exact = np.array(answer["covariance"]["matrix"])
    assert hesse["method"] == "hesse"
    assert_matrix(hesse, exact, 5e-3)  # Minuit's finite differences are good to 1e-4 .. 1e-3
    assert hesse["matrix"] != answer["covariance"]["matrix"]


def test_gauss_newton_of_points_is_another_convention(client):
    cost, twin = points_twin()
    answer = fit(client, "xy-errors", points_body())
    got = covariance(client, answer, method="gauss-newton")
    expected = cost.gauss_newton(list(twin.values.values()))
    assert_matrix(got, expected, 1e-7)
    # and it is not the exact one: the oracle itself would catch a mix-up
    assert np.max(np.abs(expected / twin.covariance - 1)) > 0.01


def test_gauss_newton_of_a_fine_gaussian_histogram_equals_the_exact_hessian(client, histogram_twin):
    """A Gaussian is an exponential family: at the minimum observed = expected information."""
    cost, twin = histogram_twin
    got = covariance(client, fit(client, "histogram", HISTOGRAM), method="gauss-newton")
    assert_matrix(got, cost.gauss_newton(list(twin.values.values())), 1e-7)


@pytest.mark.parametrize(
    ("at", "moved"),
    [("mu:0.5,sigma:1.1", {"mu": 0.5, "sigma": 1.1}), ("amp:9000", {"amp": 9000.0})],
)
def test_covariance_at_another_point(client, histogram_twin, at, moved):
    """The tutorial's 187 microseconds: the same Hessian, elsewhere; unnamed values stay."""
    cost, _ = histogram_twin
    answer = fit(client, "histogram", HISTOGRAM)
    got = covariance(client, answer, at=at)
    assert got["at"] == answer["values"] | moved
    assert got["positive_definite"] is True
    expected = 2 * np.linalg.inv(cost(list(got["at"].values())).h)
    assert_matrix(got, expected, 1e-9)  # the very same point, so only rounding is left
