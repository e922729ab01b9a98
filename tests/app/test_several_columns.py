"""Fits in several predictors against NIST, NumPy and SciPy, and what must not change them."""

import json

import numpy as np
import pytest
from scipy.optimize import least_squares, minimize

from tests.app.test_kernels_http import compiles
from tests.examples import XY_ERRORS, refused
from tests.oracles import assert_matrix, covariance, fit, read
from tests.oracles.nist_nonlinear import digits, problem

RNG = np.random.default_rng(8)
U, V, W = RNG.uniform(-2, 5, (3, 40))
SU, SV = RNG.uniform(0.05, 0.3, 40), 0.2
SY = RNG.uniform(0.2, 0.6, 40)
PLANE = "a + b*u + c*v"
PLANE_Y = 1 + 2 * U - 3 * V + RNG.normal(0, SY)


def post(client, x, y, formula, **extra):
    return fit(client, "xy-errors", {"x": x, "y": y, "model": {"formula": formula}, **extra})


@pytest.mark.parametrize("start", [1, 2, None], ids=["start-1", "start-2", "no-start"])
def test_nelson_of_nist(client, start):
    nelson = problem("Nelson")
    answer = fit(client, "xy-errors", nelson.body(start))
    assert answer["valid"], answer["message"]
    assert digits(list(answer["values"].values()), nelson.values) > 9
    assert answer["fval"] == pytest.approx(nelson.squares, rel=1e-10)
    expected = covariance(client, answer, method="gauss-newton")
    assert digits(list(expected["errors"].values()), nelson.errors) > 9


def test_three_predictors_are_linear_algebra(client):
    y = 1 + 2 * U - 3 * V + 0.5 * U * W + RNG.normal(0, SY)
    answer = post(client, {"u": U, "v": V, "w": W}, y, "a + b*u + c*v + d*u*w", y_err=SY)
    design = np.stack([np.ones(40), U, V, U * W], axis=1) / SY[:, None]
    values, squares, *_ = np.linalg.lstsq(design, y / SY)
    np.testing.assert_allclose(list(answer["values"].values()), values, rtol=1e-9)
    assert_matrix(answer["covariance"], np.linalg.inv(design.T @ design), 1e-9)
    assert answer["fval"] == pytest.approx(squares[0], rel=1e-11)


def effective_variance(p, berkson):
    variance = SY**2 + (p[1] * SU) ** 2 + (p[2] * SV) ** 2
    terms = (PLANE_Y - p[0] - p[1] * U - p[2] * V) ** 2 / variance
    return np.sum(terms + berkson * np.log(variance / SY**2))


def hessian(function, p, step):
    """Central differences."""
    rows = np.eye(len(p)) * step
    return np.array(
        [
            [
                (function(p + i + j) - function(p + i - j) - function(p - i + j)
                 + function(p - i - j)) / 4 / step**2
                for j in rows
            ]
            for i in rows
        ]
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["classical", "berkson"])
def test_errors_in_both_predictors(client, kind):
    extra = {"x_err": {"u": SU, "v": SV}, "y_err": SY, "x_error_model": kind}
    answer = post(client, {"u": U, "v": V}, PLANE_Y, PLANE, **extra)

    def cost(p):
        return effective_variance(p, kind == "berkson")

    twin = minimize(cost, [1, 2, -3], method="BFGS", options={"gtol": 1e-9})
    values = np.array(list(answer["values"].values()))
    errors = np.array(list(answer["errors"].values()))
    assert np.max(np.abs(values - twin.x) / errors) < 1e-5  # as far as BFGS comes
    assert answer["fval"] == pytest.approx(cost(values), rel=1e-11)
    assert answer["fval"] <= twin.fun + 1e-9
    assert_matrix(answer["covariance"], 2 * np.linalg.inv(hessian(cost, values, 1e-3)), 1e-4)
    chi2 = effective_variance(values, 0)
    assert answer["goodness_of_fit"]["chi2"] == pytest.approx(chi2, rel=1e-11)


def test_a_column_that_x_err_leaves_out_is_exact(client):
    """Its slope may even be infinite: asin(v) at v = 1."""
    v = np.linspace(-1, 1, 40)
    y = 2 * U + 3 * np.arcsin(v) + RNG.normal(0, SY)
    extra = {"x_err": {"u": SU}, "y_err": SY}
    answer = post(client, {"u": U, "v": v}, y, "a*u + b*asin(v)", **extra)

    def pulls(p):
        return (y - p[0] * U - p[1] * np.arcsin(v)) / np.hypot(SY, p[0] * SU)

    twin = least_squares(pulls, [2, 3], xtol=1e-15, ftol=1e-15, gtol=1e-15)
    assert answer["valid"], answer["message"]
    np.testing.assert_allclose(list(answer["values"].values()), twin.x, rtol=1e-6)
    assert answer["fval"] == pytest.approx(2 * twin.cost, rel=1e-10)


@pytest.mark.parametrize(
    "formula",
    [
        "n*gaussian(x1, m1, s1)*gaussian(x2, m2, s2) + c",
        "n/(2*pi*s1*s2)*exp(-0.5*((x1 - m1)/s1)^2 - 0.5*((x2 - m2)/s2)^2) + c",
    ],
    ids=["shapes", "written-out"],
)
def test_a_peak_in_two_dimensions_without_a_start(client, formula):
    rng = np.random.default_rng(4)
    x1, x2 = (a.ravel() for a in np.meshgrid(np.linspace(90, 130, 48), np.linspace(-2, 2, 48)))

    def peak(n, m1, s1, m2, s2, c):
        z = ((x1 - m1) / s1) ** 2 + ((x2 - m2) / s2) ** 2
        return n / (2 * np.pi * s1 * s2) * np.exp(-z / 2) + c

    y = peak(300, 120, 4, -1, 0.3, 5) + rng.normal(0, 0.5, len(x1))
    answer = post(client, {"x1": x1, "x2": x2}, y, formula, y_err=0.5)
    assert answer["valid"], answer["message"]
    order = ("n", "m1", "s1", "m2", "s2", "c")
    twin = least_squares(lambda p: (y - peak(*p)) / 0.5, [300, 120, 4, -1, 0.3, 5], xtol=1e-13)
    found = np.abs([answer["values"][name] for name in order])
    errors = np.array([answer["errors"][name] for name in order])
    assert np.max(np.abs(found - np.abs(twin.x)) / errors) < 1e-4
    assert answer["fval"] == pytest.approx(2 * twin.cost, rel=1e-9)


def test_a_single_column_is_the_plain_x(server):
    """To the last digit, and by the same kernel."""
    client = server.client
    x = np.linspace(0.1, 8, 30)
    y = 5 * np.exp(-x / 2) + RNG.normal(0, 0.1, 30)
    extra = {"x_err": 0.05, "y_err": 0.1, "fit_range": [0.5, 7]}
    plain = post(client, x, y, "a*exp(-x/k) + c", **extra)
    before = compiles(server)
    by_name = {"x_err": {"t": 0.05}, "y_err": 0.1, "fit_range": {"t": [0.5, 7]}}
    for more in (extra, by_name):
        column = post(client, {"t": x}, y, "a*exp(-t/k) + c", **more)
        for part in ("values", "errors", "covariance", "fval", "goodness_of_fit"):
            assert column[part] == plain[part]
        assert column["kernel"]["cache"] == "memory"
    assert compiles(server) == before


@pytest.mark.parametrize("names", [("u", "v"), ("p", "q"), ("v", "u")])
def test_names_and_order_of_columns_decide_nothing(server, names):
    client = server.client
    extra = {"y_err": SY, "x_err": {"u": SU, "v": SV}}
    one = post(client, {"u": U, "v": V}, PLANE_Y, PLANE, **extra)
    before = compiles(server)
    first, second = names
    errors = {first: SU, second: SV}
    formula = f"a + b*{first} + c*{second}"
    other = post(client, {second: V, first: U}, PLANE_Y, formula, y_err=SY, x_err=errors)
    for part in ("values", "errors", "covariance", "fval"):
        assert other[part] == one[part]
    assert compiles(server) == before


def test_points_in_another_order_are_the_same_fit(client):
    order = RNG.permutation(40)
    extra = {"x_err": {"v": SV}}
    one = post(client, {"u": U, "v": V}, PLANE_Y, PLANE, y_err=SY, **extra)
    columns = {"u": U[order], "v": V[order]}
    other = post(client, columns, PLANE_Y[order], PLANE, y_err=SY[order], **extra)
    for name, value in one["values"].items():
        assert abs(other["values"][name] - value) < 1e-7 * one["errors"][name]
        assert other["errors"][name] == pytest.approx(one["errors"][name], rel=1e-7)


def test_fit_range_by_column(client):
    inside = (U >= -1) & (U <= 4) & ((V <= 1) | (V >= 2))
    ranges = {"u": [-1, 4], "v": [[-9, 1], [2, 9]]}
    some = post(client, {"u": U, "v": V}, PLANE_Y, PLANE, y_err=SY, fit_range=ranges)
    columns = {"u": U[inside], "v": V[inside]}
    part = post(client, columns, PLANE_Y[inside], PLANE, y_err=SY[inside])
    assert some["goodness_of_fit"]["ndof"] == inside.sum() - 3
    for name, value in part["values"].items():
        assert abs(some["values"][name] - value) < 1e-7 * part["errors"][name]


def test_the_stored_request_and_the_covariance_of_such_a_fit(client):
    body = {
        "x": {"v": V.tolist(), "u": U.tolist()},
        "y": PLANE_Y.tolist(),
        "x_err": {"v": 0.1},
        "y_err": 0.4,
        "model": {"formula": PLANE},
        "minos": ["b"],
    }
    answer = fit(client, "xy-errors", body)
    stored = read(client.get(f"/fits/{answer['fit_id']}", params={"include": "request"}))
    assert stored["request"] == body
    again = covariance(client, answer)
    assert again["matrix"] == answer["covariance"]["matrix"]
    hesse = covariance(client, answer, method="hesse")
    assert_matrix(hesse, np.array(answer["covariance"]["matrix"]), 1e-3)
    assert covariance(client, answer, at="b:2,c:-2.9")["at"]["c"] == -2.9
    error = answer["errors"]["b"]
    assert answer["minos"]["b"]["upper"] == pytest.approx(error, rel=0.05)


@pytest.mark.parametrize("names", ["uv", ["b1", "b2"], ["a0", "b", "c"], "abcdef"])
def test_a_model_by_name_is_told_to_be_a_formula_which_fits(client, names):
    """Of a plane, whose values are known."""
    x = {name: np.cos(i * np.arange(9.0)).tolist() for i, name in enumerate(names, 1)}
    y = 1 + sum((i + 2) * np.array(column) for i, column in enumerate(x.values()))
    body = {"x": x, "y": y.tolist(), "y_err": 0.1, "model": "linear"}
    (error,) = refused(client.post(XY_ERRORS, json=body), 422)["errors"]
    assert error["pointer"] == "/model"
    told = json.loads("{" + error["message"].partition("{")[2].partition("}")[0] + "}")
    fitted = read(client.post(XY_ERRORS, json=body | {"model": told}))
    assert [*fitted["values"].values()] == pytest.approx([1.0, *range(2, 2 + len(x))])


def test_the_limit_on_columns_is_shown(client):
    assert read(client.get("/limits"))["max_predictors"] == 10


def test_the_schema_shows_columns_by_an_example_that_runs(client):
    schema = read(client.get("/openapi.json"))
    request = schema["paths"]["/fit/xy-errors"]["post"]["requestBody"]["content"]
    examples = [e["value"] for e in request["application/json"]["examples"].values()]
    (body,) = (e for e in examples if isinstance(e["x"], dict))
    assert fit(client, "xy-errors", body)["valid"]
    fields = schema["components"]["schemas"]["PointsRequest"]["properties"]
    assert {option["type"] for option in fields["x"]["anyOf"]} == {"array", "object"}
    assert all("column" in fields[name]["description"] for name in ("x_err", "fit_range"))
    assert "predictors" in fields["x"]["description"]
