"""Fits of points against closed forms, SciPy, NumPy, odrpack, NIST, York and the twins.

Linear problems are solved exactly by linear algebra, so they are held to 1e-7 errors and better;
SciPy and odrpack stop at a tolerance of their own, and are held to 1e-4 errors.
"""

import numpy as np
import odrpack
import pytest
from scipy.optimize import curve_fit

from tests.oracles import assert_agrees, assert_matrix, covariance, fit, nist
from tests.oracles.nist import LINEAR
from tests.oracles.reference import EffectiveVariance, Minimum, minimise

RNG = np.random.default_rng(77)
X = np.sort(RNG.uniform(-3, 6, 25))
SY = RNG.uniform(0.3, 1.5, 25)
LINE = 2.0 - 0.7 * X + RNG.normal(0, SY)
BEND = 1.0 + X - 0.5 * X**2 + 0.1 * X**3 + RNG.normal(0, SY)
SX = RNG.uniform(0.1, 0.6, 25)
PEAK = 9 * np.exp(-((X - 1) ** 2) / 2 / 0.8) + RNG.normal(0, 0.3, 25)
DECAY_X = np.linspace(0.1, 9, 30)
DECAY = 5 * np.exp(-DECAY_X / 2.5) + RNG.normal(0, 0.1, 30)

# Pearson's data with York's weights; York, Evensen, Martinez and Delgado, Am. J. Phys. 72 (2004)
PEARSON_X = np.array([0, 0.9, 1.8, 2.6, 3.3, 4.4, 5.2, 6.1, 6.5, 7.4])
PEARSON_Y = np.array([5.9, 5.4, 4.4, 4.6, 3.5, 3.7, 2.8, 2.8, 2.4, 1.5])
PEARSON_SX = np.array([1000, 1000, 500, 800, 200, 80, 60, 20, 1.8, 1]) ** -0.5
PEARSON_SY = np.array([1, 1.8, 4, 8, 20, 20, 70, 70, 100, 500]) ** -0.5


def poly(degree):
    return {"name": "polynomial", "degree": degree}


def gaussian(x, amp, mu, sigma):
    return amp * np.exp(-0.5 * ((x - mu) / sigma) ** 2) / sigma / np.sqrt(2 * np.pi)


def exponential(x, amp, tau):
    return amp / tau * np.exp(-x / tau)


def post(client, model, x, y, **extra):
    return fit(client, "xy-errors", {"x": x, "y": y, "model": model, **extra})


def closed_form(x, y, sy, degree, scale=False):
    """Weighted linear least squares by QR of the scaled design matrix."""
    weights = 1 / np.broadcast_to(sy, x.shape)
    design = np.vander(x, degree + 1, increasing=True) * weights[:, None]
    norms = np.linalg.norm(design, axis=0)
    q, r = np.linalg.qr(design / norms)
    values = np.linalg.solve(r, q.T @ (y * weights)) / norms
    inverse = np.linalg.inv(r)
    matrix = inverse @ inverse.T / np.outer(norms, norms)
    fval = float(np.sum((y * weights - design @ values) ** 2))
    if scale:
        matrix = matrix * fval / (len(x) - degree - 1)
    names = [f"c{k}" for k in range(degree + 1)]
    errors = dict(zip(names, np.sqrt(np.diag(matrix)), strict=True))
    return Minimum(dict(zip(names, values, strict=True)), errors, names, matrix, fval)


@pytest.mark.parametrize("degree", [0, 1, 2, 3, 5])
@pytest.mark.parametrize("sy", [0.8, SY], ids=["number", "list"])
def test_polynomial_without_x_errors_is_linear_algebra(client, degree, sy):
    answer = post(client, poly(degree), X, BEND, y_err=sy)
    assert_agrees(answer, closed_form(X, BEND, sy, degree))
    assert answer["goodness_of_fit"]["ndof"] == 25 - degree - 1


SCALED = {
    "y_err missing": {},
    "number, scaled": {"y_err": 0.2, "absolute_sigma": False},
    "list, scaled": {"y_err": SY, "absolute_sigma": False},
    "list, absolute": {"y_err": SY, "absolute_sigma": True},
    "list, default": {"y_err": SY},
}


@pytest.mark.parametrize("extra", SCALED.values(), ids=SCALED)
def test_absolute_sigma_as_in_curve_fit(client, extra):
    sy = np.broadcast_to(extra.get("y_err", 1.0), X.shape)
    scaled = "y_err" not in extra or extra.get("absolute_sigma") is False
    answer = post(client, poly(1), X, LINE, **extra)
    assert_agrees(answer, closed_form(X, LINE, sy, 1, scaled), fval="y_err" in extra)
    values, matrix = curve_fit(
        lambda x, a, b: a + b * x, X, LINE, sigma=sy, absolute_sigma=not scaled
    )
    # curve_fit's differences of a linear model are good to 1e-6
    assert list(answer["values"].values()) == pytest.approx(values, rel=1e-6)
    assert_matrix(answer["covariance"], matrix, 1e-5)
    for method in ("autodiff", "hesse", "gauss-newton"):
        assert_matrix(covariance(client, answer, method=method), matrix, 1e-3)


def test_missing_y_err_as_in_polyfit(client):
    values, matrix = np.polyfit(X, BEND, 3, cov=True)
    answer = post(client, poly(3), X, BEND)
    assert list(answer["values"].values()) == pytest.approx(values[::-1], rel=1e-9)  # both direct
    assert_matrix(answer["covariance"], matrix[::-1, ::-1], 1e-8)


CURVES = {
    "peak": ("gaussian", gaussian, X, PEAK, 0.3, {"amp": 20.0, "mu": 1.0, "sigma": 0.9}),
    "hole": ("gaussian", gaussian, X, -PEAK, 0.3, {"amp": -20.0, "mu": 1.0, "sigma": 0.9}),
    "decay": ("exponential", exponential, DECAY_X, DECAY, 0.1, {"amp": 12.0, "tau": 2.5}),
}


@pytest.mark.parametrize("started", [True, False], ids=["with starts", "without"])
@pytest.mark.parametrize("name", CURVES)
def test_curves_on_points(client, name, started):
    model, function, x, y, sy, truth = CURVES[name]
    answer = post(client, model, x, y, y_err=sy, **({"parameters": truth} if started else {}))
    assert_agrees(answer, minimise(EffectiveVariance(model, x, y, 0, sy), truth))
    values, matrix = curve_fit(
        function,
        x,
        y,
        list(truth.values()),
        np.full(len(x), sy),
        absolute_sigma=True,
        ftol=1e-14,
        xtol=1e-14,
    )
    distance = np.abs(np.array(list(answer["values"].values())) - values)
    assert np.all(distance < 1e-4 * np.sqrt(np.diag(matrix)))
    # SciPy's covariance is inv(J'J), by finite differences
    assert_matrix(covariance(client, answer, method="gauss-newton"), matrix, 1e-4)


def odr_line(x, y, sx, sy, start):
    weights = {"weight_x": np.broadcast_to(sx, x.shape) ** -2.0}
    weights["weight_y"] = np.broadcast_to(sy, x.shape) ** -2.0
    control = {"sstol": 1e-15, "partol": 1e-15, "maxit": 500}
    line = odrpack.odr_fit(
        lambda x, b: b[0] + b[1] * x, x, y, np.array(start), **weights, **control
    )
    return line.beta, line.cov_beta, line.sum_square


STRAIGHT = {
    "lists": (X, LINE, SX, SY, [2.0, -0.7]),
    "numbers": (X, LINE, 0.4, 0.7, [2.0, -0.7]),
    "steep": (X, 40 * LINE, SX, SY, [80.0, -28.0]),
    "Pearson, York": (PEARSON_X, PEARSON_Y, PEARSON_SX, PEARSON_SY, [5.0, -0.5]),
}


@pytest.mark.parametrize("name", STRAIGHT)
def test_effective_variance_of_a_line_is_orthogonal_distance(client, name):
    x, y, sx, sy, start = STRAIGHT[name]
    cost = EffectiveVariance(poly(1), x, y, sx, sy)
    twin = minimise(cost, dict(zip(("c0", "c1"), start, strict=True)))
    answer = post(client, poly(1), x, y, x_err=sx, y_err=sy)
    assert_agrees(answer, twin)
    values, matrix, chi2 = odr_line(x, y, sx, sy, start)
    distance = np.abs(np.array(list(answer["values"].values())) - values)
    assert np.all(distance < 1e-4 * np.sqrt(np.diag(matrix)))
    assert answer["fval"] == pytest.approx(chi2, rel=1e-7)
    newton = covariance(client, answer, method="gauss-newton")
    assert_matrix(newton, cost.gauss_newton(list(twin.values.values())), 1e-7)
    assert_matrix(newton, matrix, 1e-4)


def test_pearson_with_york_s_weights_as_published(client):
    """Tolerances are half of the last digit printed in the paper and in DESIGN.md."""
    answer = post(client, poly(1), PEARSON_X, PEARSON_Y, x_err=PEARSON_SX, y_err=PEARSON_SY)
    assert answer["values"]["c0"] == pytest.approx(5.47991022, abs=5.1e-9)
    assert answer["values"]["c1"] == pytest.approx(-0.480533407, abs=5.1e-10)
    assert answer["fval"] == pytest.approx(11.8663531941, abs=5.1e-10)
    assert answer["errors"]["c0"] == pytest.approx(0.29237, abs=5.1e-6)
    assert answer["errors"]["c1"] == pytest.approx(0.057572, abs=5.1e-7)
    york = covariance(client, answer, method="gauss-newton")["errors"]
    assert york["c0"] == pytest.approx(0.29497, abs=5.1e-6)
    assert york["c1"] == pytest.approx(0.057985, abs=5.1e-7)


@pytest.mark.parametrize("name", LINEAR)
def test_nist_linear(client, name):
    degree, x, y, certified, deviations = LINEAR[name]
    answer = post(client, poly(degree), x, y)
    assert answer["valid"] is True, answer["message"]
    # x^5 up to 3e6, x^2 up to 1e13, x^10 with a condition number of 1e15: nine digits all the same
    for value, expected, sd in zip(answer["values"].values(), certified, deviations, strict=True):
        assert abs(value - expected) < 1e-9 * max(sd, abs(expected))
    if any(deviations):
        assert list(answer["errors"].values()) == pytest.approx(deviations, rel=1e-9)
        newton = covariance(client, answer, method="gauss-newton")["errors"]
        assert list(newton.values()) == pytest.approx(deviations, rel=1e-9)
    else:  # an exact fit: what error there is comes from rounding
        assert all(error < 1e-6 for error in answer["errors"].values())


def test_nist_longley(client):
    """Linear in seven parameters that a sum of squares can hardly tell apart."""
    model = {"formula": nist.LONGLEY_FORMULA}
    body = {"x": nist.LONGLEY_X, "y": nist.LONGLEY_Y, "model": model}
    answer = fit(client, "xy-errors", body)
    assert answer["valid"] is True, answer["message"]
    certified = zip(nist.LONGLEY_VALUES, nist.LONGLEY_ERRORS, strict=True)
    for value, (expected, sd) in zip(answer["values"].values(), certified, strict=True):
        assert abs(value - expected) < 1e-8 * sd
    assert list(answer["errors"].values()) == pytest.approx(nist.LONGLEY_ERRORS, rel=1e-8)
    newton = covariance(client, answer, method="gauss-newton")["errors"]
    assert list(newton.values()) == pytest.approx(nist.LONGLEY_ERRORS, rel=1e-8)
