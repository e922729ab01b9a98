"""Covariances against closed forms, York's numbers and fifty-digit Hessians."""

import mpmath
import numpy as np
import pytest

from fitting.covariance import HESSE_FAILED, at_point, from_spectrum
from fitting.problem import Knowledge
from fitting.search.spectrum import Spectrum
from models.formula.formula import Formula
from models.registry import SHAPES
from models.shapes.polynomial import Polynomial
from tests.fitting.problems import (
    LINE,
    PEAK,
    PEAK_AND_DECAY,
    assert_covariance,
    objective,
    points,
    problem,
    solve,
    toy,
)
from tests.models.twins.basic import gaussian_area
from tests.models.twins.twin import exact_derivatives
from tests.oracles.reference import Poisson, minimise

RNG = np.random.default_rng(14)


def from_hessian(hessian, free, scale, method):
    return from_spectrum(Spectrum.of(hessian[np.ix_(free, free)]), free, scale, method)


X = np.sort(RNG.uniform(-2, 2, 25))
SY = RNG.uniform(0.2, 2, 25)
PEAK_DATA = toy(PEAK, np.linspace(-4, 5, 31), (800.0, 0.3, 1.1), 3)
DECAY_DATA = toy(PEAK_AND_DECAY, np.linspace(0, 12, 61), (500.0, 4.0, 0.5, 4000.0, 3.0), 6)
# Pearson's data with York's weights; York, Evensen, Martinez and Delgado, Am. J. Phys. 72 (2004)
PEARSON = points(
    [0, 0.9, 1.8, 2.6, 3.3, 4.4, 5.2, 6.1, 6.5, 7.4],
    [5.9, 5.4, 4.4, 4.6, 3.5, 3.7, 2.8, 2.8, 2.4, 1.5],
    np.array([1, 1.8, 4, 8, 20, 20, 70, 70, 100, 500]) ** -0.5,
    np.array([1000, 1000, 500, 800, 200, 80, 60, 20, 1.8, 1]) ** -0.5,
)


def covariance(asked, params, method, scale=1.0):
    free = ~asked.bounds.fixed
    bound = objective(asked)
    return at_point(bound, np.array(params), free, asked.names, method, scale)


@pytest.mark.parametrize(("method", "tolerance"), [("autodiff", 1e-12), ("gauss-newton", 1e-12)])
@pytest.mark.parametrize("degree", [0, 1, 3, 5])
def test_linear_least_squares_has_its_closed_form(degree, method, tolerance):
    design = np.vander(X, degree + 1, increasing=True) / SY[:, None]
    truth = np.linspace(1, -1, degree + 1)
    y = np.polynomial.Polynomial(truth)(X) + RNG.normal(0, SY)
    model, data = Polynomial(degree=degree), points(X, y, SY)
    result = solve(model, data)
    wanted = np.linalg.inv(design.T @ design)
    assert_covariance(result.covariance, wanted, tolerance)
    found = covariance(problem(model, data), result.values, method)
    assert_covariance(found, wanted, tolerance)
    assert found.method == method
    errors = np.sqrt(np.diag(wanted))
    np.testing.assert_allclose(found.errors, errors, rtol=1e-12)
    np.testing.assert_allclose(found.correlation, wanted / np.outer(errors, errors), atol=1e-11)


def test_relative_errors_scale_the_covariance():
    y = 1 + X + RNG.normal(0, 1, 25)
    absolute, relative = (solve(LINE, points(X, y), absolute_sigma=a) for a in (True, False))
    assert relative.ndof == 23
    assert relative.chi2 == pytest.approx(absolute.chi2, rel=1e-10)
    wanted = absolute.covariance.matrix * absolute.chi2 / 23
    assert_covariance(relative.covariance, wanted, 1e-11)


def test_without_residuals_relative_errors_are_zero_and_no_zero_is_negative():
    """2 sigma^2 inv(J'J) with sigma 0, where inv(J'J) has negative entries."""
    result = solve(LINE, points([1, 2, 3], [0, 0, 0]), absolute_sigma=False)
    assert (result.covariance.matrix == 0).all()
    assert not np.signbit(result.covariance.matrix).any()


def test_a_constraint_adds_its_weight():
    y = 1 + X + RNG.normal(0, SY)
    design = np.vander(X, 2, increasing=True) / SY[:, None]
    result = solve(LINE, points(X, y, SY), c1=Knowledge(constraint=(1.5, 0.05)))
    normal = design.T @ design + np.diag([0, 0.05**-2])
    assert_covariance(result.covariance, np.linalg.inv(normal), 1e-12)
    best = np.linalg.solve(normal, design.T @ (y / SY) + [0, 1.5 * 0.05**-2])
    np.testing.assert_allclose(result.values, best, rtol=1e-10)
    assert result.ndof == 24


@pytest.mark.parametrize(
    ("method", "errors"),
    [("gauss-newton", (0.29497, 0.057985)), ("autodiff", (0.29237, 0.057572))],
)
def test_pearsons_line_has_yorks_numbers(method, errors):
    result = solve(LINE, PEARSON)
    np.testing.assert_allclose(result.values, [5.47991, -0.480533], rtol=1e-6)
    assert result.chi2 == pytest.approx(11.86635, rel=1e-6)
    found = covariance(problem(LINE, PEARSON), result.values, method)
    np.testing.assert_allclose(found.errors, errors, rtol=2e-5)


@pytest.mark.parametrize("values", [(800.0, 0.3, 1.1), (700.0, 0.1, 1.3), (1500.0, 0.6, 0.9)])
def test_the_exact_hessian_has_fifty_digits_behind_it(values):
    """Away from the minimum, too: GET /covariance asks at any parameter values."""

    def cost(*params):
        total = mpmath.mpf(0)
        for lo, hi, n in zip(edges[:-1], edges[1:], counts, strict=True):
            mu = gaussian_area(lo, hi, *params)
            total += 2 * (mu - n + (n * mpmath.log(n / mu) if n else 0))
        return total

    edges = [mpmath.mpf(e) for e in PEAK_DATA.edges.tolist()]
    counts = [mpmath.mpf(n) for n in PEAK_DATA.counts.tolist()]
    _, wanted = exact_derivatives(cost, values)
    found = objective(problem(PEAK, PEAK_DATA)).hessian(np.array(values))
    scale = np.sqrt(np.outer(np.diag(wanted), np.diag(wanted)))
    assert np.max(np.abs(found - wanted) / scale) < 1e-12
    if (np.linalg.eigvalsh(wanted) > 0).all():
        exact = covariance(problem(PEAK, PEAK_DATA), values, "autodiff")
        assert_covariance(exact, 2 * np.linalg.inv(wanted), 1e-11)


def test_gauss_newton_of_counts_is_fishers_information():
    values = {"s_amp": 500.0, "s_mu": 4.0, "s_sigma": 0.5, "b_amp": 4000.0, "b_tau": 3.0}
    spec = {"sum": [{"name": "gaussian", "prefix": "s_"}, {"name": "exponential", "prefix": "b_"}]}
    twin = Poisson(spec, DECAY_DATA.edges, DECAY_DATA.counts).gauss_newton(list(values.values()))
    asked = problem(PEAK_AND_DECAY, DECAY_DATA)
    found = covariance(asked, list(values.values()), "gauss-newton", scale=1.0)
    assert_covariance(found, twin, 1e-10)
    doubled = covariance(asked, list(values.values()), "gauss-newton", scale=2.0)
    assert_covariance(doubled, 2 * twin, 1e-10)


@pytest.mark.parametrize("fixed", [(), ("amp",), ("mu",)])
def test_hesse_is_near_and_fixed_parameters_are_as_if_removed(fixed):
    start = {"amp": 790.0, "mu": 0.35, "sigma": 1.15}
    twin = minimise(Poisson("gaussian", PEAK_DATA.edges, PEAK_DATA.counts), start, fixed)
    known = {n: Knowledge(start=v, fixed=n in fixed) for n, v in start.items()}
    asked = problem(PEAK, PEAK_DATA, **known)
    values = list(twin.values.values())
    for method, tolerance in (("hesse", 5e-3), ("autodiff", 1e-8)):
        found = covariance(asked, values, method)
        assert_covariance(found, twin.covariance, tolerance)
        assert found.parameters == tuple(i for i, n in enumerate(start) if n not in fixed)


@pytest.mark.parametrize("slope", [1.8, 2.0, 2.1, 2.17, 2.5])
def test_hesse_knows_no_limits(slope):
    """Of a line the second derivatives are the same everywhere: 2 sum(x^2 / err^2), and so on."""
    x = np.array([1.0, 2.0, 3.0, 4.0])
    limited = {"c1": Knowledge(limits=(0.0, 10.0))}
    asked = problem(LINE, points(x, np.array([2.1, 3.9, 6.2, 7.8]), 0.2), **limited)
    found = covariance(asked, [0.0, slope], "hesse")
    design = np.column_stack([np.ones(4), x]) / 0.2
    assert_covariance(found, np.linalg.inv(design.T @ design), 1e-4)


@pytest.mark.parametrize("sigma", [0.7, 1.1, 1.6])
def test_hesse_away_from_the_minimum_of_what_has_a_natural_limit(sigma):
    values = {"amp": 790.0, "mu": 0.35, "sigma": sigma}
    edges, counts = PEAK_DATA.edges, PEAK_DATA.counts
    hessian = Poisson("gaussian", edges, counts)(list(values.values())).h
    found = covariance(problem(PEAK, PEAK_DATA), list(values.values()), "hesse")
    assert_covariance(found, 2 * np.linalg.inv(hessian), 5e-3)


def test_where_hesse_fails_and_the_exact_hessian_does_not_it_says_so():
    x = np.linspace(1000, 1001, 8)
    asked = problem(LINE, points(x, 2.0 + 0.01 * x, 0.3))
    at = [2.0, 0.01]
    assert covariance(asked, at, "autodiff").positive_definite
    found = covariance(asked, at, "hesse")
    assert found.matrix is None
    assert found.reason == HESSE_FAILED


@pytest.mark.parametrize("method", ["autodiff", "hesse"])
def test_where_the_cost_curves_down_there_is_no_covariance(method):
    """Far on the flank of a peak the Hessian is indefinite; it is never patched."""
    asked = problem(
        PEAK, points(np.linspace(-3, 3, 13), np.exp(-(np.linspace(-3, 3, 13) ** 2)), 0.1)
    )
    far = np.array([1.0, 3.0, 0.6])
    assert np.linalg.eigvalsh(objective(asked).hessian(far)).min() < 0
    found = covariance(asked, far, method)
    assert found.matrix is None
    assert found.errors is None
    assert found.correlation is None
    assert not found.positive_definite


@pytest.mark.parametrize(
    "hessian",
    [
        [[1.0, 2.0], [2.0, 1.0]],
        [[1.0, 1.0], [1.0, 1.0]],
        [[1.0, 0.0], [0.0, -1.0]],
        [[1.0, 0.0], [0.0, 0.0]],
        [[np.nan, 0.0], [0.0, 1.0]],
        [[np.inf, 0.0], [0.0, 1.0]],
    ],
    ids=str,
)
def test_a_hessian_that_is_no_minimums_gives_nothing(hessian):
    found = from_hessian(np.array(hessian), np.ones(2, bool), 1.0, "autodiff")
    assert found.matrix is None


def test_only_the_free_block_counts():
    one = from_hessian(np.array([[2.0, 9.0], [9.0, -1.0]]), np.array([True, False]), 3.0, "hesse")
    np.testing.assert_allclose(one.matrix, [[3.0]], rtol=1e-14)
    assert one.parameters == (0,)


@pytest.mark.parametrize("exponent", [-60, -9, 0, 9, 60])
def test_units_of_parameters_do_not_matter(exponent):
    scales = np.array([10.0**exponent, 1.0, 10.0**-exponent])
    correlation = np.array([[1, 0.99, -0.2], [0.99, 1, -0.1], [-0.2, -0.1, 1]])
    found = from_hessian(correlation * np.outer(scales, scales), np.ones(3, bool), 1.0, "autodiff")
    assert_covariance(found, 2 * np.linalg.inv(correlation) / np.outer(scales, scales), 1e-12)


def test_a_constraint_on_what_is_fixed_says_nothing_of_the_others():
    x = np.linspace(-1, 1, 9)
    data = points(x, 1 + x + 0.1 * np.cos(9 * x), 0.1)
    far = solve(LINE, data, c0=Knowledge(1.0, fixed=True, constraint=(50.0, 0.01)))
    without = solve(LINE, data, c0=Knowledge(1.0, fixed=True))
    assert far.values.tolist() == without.values.tolist()
    assert far.covariance.matrix.tolist() == without.covariance.matrix.tolist()
    assert far.chi2 == pytest.approx(without.chi2 + 4900.0**2, rel=1e-14)
    assert far.ndof == without.ndof + 1


def test_a_variance_that_no_number_holds_is_none():
    x = np.linspace(1, 1.005, 30) * 1e-77
    result = solve(Polynomial(degree=2), points(x, 1 + 1e76 * (x - 1e-77) * np.sin(x * 1e79), 0.1))
    assert result.covariance.matrix is None
    assert set(result.errors) == {None}


def test_a_question_leaves_the_cost_as_it_was():
    """Gauss-Newton's information of Berkson errors has no logarithm; it stayed away afterwards."""
    x = np.linspace(1, 2, 12)
    model = Formula.read("a*exp(b*x) + c*exp(b*x + 1e-9*x)", SHAPES)
    asked = problem(model, points(x, np.exp(x), 0.1, 0.2, berkson=True), [0.5, 1.0, 0.2])
    own, at = objective(asked), np.array([0.5, 1.0, 0.2])
    before = own.evaluate(at)[0]
    at_point(own, at, np.ones(3, bool), asked.names, "gauss-newton", 1.0)
    assert own.evaluate(at)[0] == before
