"""Costs against slow readable twins, iminuit's own, and published numbers.

`Given` has its bin integrals for parameters, so that a cost can be asked at chosen expectations.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from iminuit.cost import ExtendedBinnedNLL
from iminuit.cost import LeastSquares as MinuitLeastSquares

from fitting.data import Bins
from fitting.kernels.costs import COSTS, EffectiveVariance, LeastSquares, Poisson
from models.model import Model
from models.parameter import Parameter
from models.shapes.gaussian import Gaussian
from models.shapes.polynomial import Polynomial
from tests.fitting.problems import points
from tests.oracles.reference import EffectiveVariance as EffectiveVarianceTwin

POISSON, CUBIC, PEAK = Poisson(), Polynomial(degree=3), Gaussian()
RNG = np.random.default_rng(5)
X = np.sort(RNG.uniform(-2, 3, 12))
SY, SX = RNG.uniform(0.5, 2, 12), RNG.uniform(0.1, 0.9, 12)
CUBIC_AT = np.array([1.0, -2.0, 0.5, 0.3])
Y = np.polynomial.Polynomial(CUBIC_AT)(X) + RNG.normal(0, SY)
BERKSON = [False, True]


@dataclass(frozen=True)
class Given(Model):
    """Bin integrals, or values, that are the parameters themselves."""

    bins: int = 5

    def declare(self):
        return tuple(Parameter(f"m{k}") for k in range(self.bins))

    def value(self, x, *params):
        return jnp.stack(params)

    def integral(self, edges, *params):
        return jnp.stack(params)

    def starts(self, data):
        return ()


@dataclass(frozen=True)
class Root(Model):
    """a + b sqrt(x): f' is infinite at 0."""

    def declare(self):
        return Parameter("a", linear=True), Parameter("b", linear=True)

    def value(self, x, *params):
        return params[0] + params[1] * jnp.sqrt(x)

    def starts(self, data):
        return ((),)


def bins(counts, used=True):
    n = np.asarray(counts, float)
    return Bins(np.arange(len(n) + 1.0), n, np.broadcast_to(used, n.shape))


def poisson(mu, n, used=True):
    return float(POISSON.cost(Given(len(mu)), jnp.asarray(mu, float), bins(n, used)))


def poisson_exactly(mu, n):
    with mpmath.workdps(60):
        pairs = [(mpmath.mpf(float(a)), mpmath.mpf(float(b))) for a, b in zip(mu, n, strict=True)]
        return float(2 * sum(m - k + (k * mpmath.log(k / m) if k else 0) for m, k in pairs))


def test_poisson_has_the_published_value():
    assert poisson([0.5, 1.1, 2.2, 2.7, 9], [0, 1, 2, 3, 10]) == pytest.approx(
        1.1675123282775, abs=5e-14
    )


def test_poisson_is_that_of_iminuit():
    edges = np.linspace(-3, 4, 30)
    n = RNG.poisson(np.array(PEAK.integral(edges, 500.0, 0.4, 1.1)))
    params = np.array([480.0, 0.5, 1.3])

    def cdf(x, amp, mu, sigma):
        return np.cumsum([0.0, *np.array(PEAK.integral(jnp.asarray(x), amp, mu, sigma))])

    twin = ExtendedBinnedNLL(n, edges, cdf)(*params)
    found = POISSON.cost(PEAK, params, Bins(edges, n.astype(float), n >= 0))
    assert float(found) == pytest.approx(twin, rel=1e-12)


def test_poisson_over_all_magnitudes():
    """On both sides of each switch of formula, too."""
    n = np.concatenate([[0, 0.5], 10.0 ** np.arange(0, 13), np.full(6, 40.0)])
    for factor in (1e-12, 0.3, 0.5, 0.5000001, 0.9, 1.1, 2.0, 1e9):
        mu = np.where(n > 0, n, 3.0) * factor
        for one, other in zip(mu, n, strict=True):
            assert poisson([one], [other]) == pytest.approx(
                poisson_exactly([one], [other]), rel=1e-12
            )


@pytest.mark.parametrize("pull", [-30.0, -1.0, 1e-3, 0.5, 1.0, 30.0])
def test_poisson_keeps_its_digits_at_a_million_million(pull):
    """mu - n + n log(n / mu) itself has an error of 1e-4 there."""
    n = 1e12
    mu = n + pull * np.sqrt(n)
    assert poisson([mu], [n]) == pytest.approx(poisson_exactly([mu], [n]), rel=1e-6, abs=1e-12)
    assert poisson([n], [n]) == 0.0


@pytest.mark.parametrize(
    ("mu", "n", "defined"),
    [(0, 1, False), (-1, 1, False), (-1e-300, 0, False), (0, 0, True), (1e-300, 0, True)],
)
def test_poisson_is_infinite_where_it_is_impossible(mu, n, defined):
    cost = poisson([3.0, mu, 2.0], [4, n, 2])
    assert np.isfinite(cost) == defined
    assert not np.isnan(cost)
    assert np.isfinite(poisson([3.0, mu, 2.0], [4, n, 2], used=[True, False, True]))


def test_poisson_derivatives_are_those_of_the_formula():
    mu, n = np.array([0.5, 1.1, 2.2, 2.7, 9, 1e-5]), np.array([0, 1, 2, 3, 10, 0.0])
    model, data = Given(6), bins(n)
    gradient = jax.jit(jax.grad(lambda p: POISSON.cost(model, p, data)))(jnp.asarray(mu))
    hessian = jax.jit(jax.hessian(lambda p: POISSON.cost(model, p, data)))(jnp.asarray(mu))
    np.testing.assert_allclose(gradient, 2 * (1 - n / mu), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(hessian, np.diag(2 * n / mu**2), rtol=1e-12, atol=1e-14)
    jacobian = jax.jacfwd(lambda p: POISSON.residuals(model, p, data, mu))(jnp.asarray(mu))
    np.testing.assert_allclose(jacobian.T @ jacobian, np.diag(1 / mu), rtol=1e-14)  # Fisher's


def test_empty_bins_have_a_finite_gradient_at_zero():
    gradient = jax.grad(lambda p: POISSON.cost(Given(2), p, bins([0, 3])))(jnp.array([0.0, 3.0]))
    np.testing.assert_array_equal(gradient, [2.0, 0.0])


def test_least_squares_is_that_of_iminuit():
    marks = points(X, Y, SY).padded()
    twin = MinuitLeastSquares(X, Y, SY, lambda x, *c: np.polynomial.Polynomial(c)(x), name="abcd")
    found = LeastSquares().cost(CUBIC, CUBIC_AT, marks)
    assert float(found) == pytest.approx(twin(*CUBIC_AT), rel=1e-13)


@pytest.mark.parametrize("berkson", BERKSON)
def test_effective_variance_is_the_tutorials_loop(berkson):
    total = 0.0
    for x, y, sx, sy in zip(X, Y, SX, SY, strict=True):
        slope = CUBIC_AT[1] + 2 * CUBIC_AT[2] * x + 3 * CUBIC_AT[3] * x**2
        variance = sy**2 + (slope * sx) ** 2
        total += (y - sum(c * x**k for k, c in enumerate(CUBIC_AT))) ** 2 / variance
        total += np.log(variance / sy**2) if berkson else 0.0
    marks = points(X, Y, SY, SX, berkson=berkson).padded()
    assert float(EffectiveVariance().cost(CUBIC, CUBIC_AT, marks)) == pytest.approx(
        total, rel=1e-13
    )


@pytest.mark.parametrize("berkson", BERKSON)
def test_effective_variance_derivatives_are_those_of_the_twin(berkson):
    marks = points(X, Y, SY, SX, berkson=berkson).padded()
    jet = EffectiveVarianceTwin({"name": "polynomial", "degree": 3}, X, Y, SX, SY, berkson)
    twin, params = jet(CUBIC_AT), jnp.asarray(CUBIC_AT)
    cost = EffectiveVariance()
    gradient = jax.jit(jax.grad(lambda p: cost.cost(CUBIC, p, marks)))(params)
    hessian = jax.jit(jax.hessian(lambda p: cost.cost(CUBIC, p, marks)))(params)
    np.testing.assert_allclose(gradient, twin.g, rtol=1e-11)
    np.testing.assert_allclose(hessian, twin.h, rtol=1e-11)
    information = cost.information(CUBIC, params, marks)
    np.testing.assert_allclose(np.linalg.inv(information), jet.gauss_newton(CUBIC_AT), rtol=1e-9)


@pytest.mark.parametrize("berkson", BERKSON)
def test_without_x_errors_effective_variance_is_least_squares(berkson):
    marks = points(X, Y, SY, 0.0, berkson=berkson).padded()
    costs = [float(COSTS[c].cost(CUBIC, CUBIC_AT, marks)) for c in COSTS if c != "poisson"]
    assert costs[0] == pytest.approx(costs[1], rel=1e-14)


@pytest.mark.parametrize("berkson", BERKSON)
def test_an_infinite_slope_at_an_exactly_known_x_spoils_nothing(berkson):
    x, sx = np.array([0.0, 1.0, 4.0, 9.0]), np.array([0.0, 0.1, 0.2, 0.0])
    y, params = np.array([0.1, 1.2, 1.9, 3.3]), jnp.array([0.05, 1.02])
    marks = points(x, y, 0.3, sx, berkson=berkson).padded()
    cost = EffectiveVariance()
    slope = np.array([0.0, 0.5, 0.25, 0.0]) * 1.02
    variance = 0.3**2 + (slope * sx) ** 2
    twin = (y - 0.05 - 1.02 * np.sqrt(x)) ** 2 / variance + berkson * np.log(variance / 0.09)
    assert float(cost.cost(Root(), params, marks)) == pytest.approx(twin.sum(), rel=1e-13)
    for derivative in (jax.grad, jax.hessian):
        found = jax.jit(derivative(lambda p: cost.cost(Root(), p, marks)))(params)
        assert np.isfinite(found).all()
    assert np.isfinite(cost.information(Root(), params, marks)).all()
