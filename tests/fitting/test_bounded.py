"""Limits, fixed parameters and constraints, one by one and all at once, against bounded solvers."""

import numpy as np
import pytest
from scipy.optimize import least_squares, lsq_linear, minimize_scalar

from fitting.problem import Knowledge
from fitting.status import Status
from models.shapes.gaussian import Gaussian
from models.shapes.polynomial import Polynomial
from tests.fitting.problems import LINE, PEAK, points, solve, toy
from tests.oracles.reference import Poisson

X = np.linspace(-1.0, 2.0, 24)
POWERS = X[:, None] ** np.arange(4)
ERROR = 0.3


def random_limits(rng, truth, spread):
    """None, one or two limits, which may exclude the truth."""
    low = truth + spread * rng.uniform(-2, 0.5, len(truth))
    high = low + spread * rng.uniform(0.2, 3, len(truth))
    kinds = rng.integers(4, size=len(truth))
    return [
        (None if kind in (0, 2) else lo, None if kind in (0, 1) else hi)
        for kind, lo, hi in zip(kinds, low.tolist(), high.tolist(), strict=True)
    ]


def open_ends(limits):
    lows = [-np.inf if lo is None else lo for lo, _ in limits]
    return np.array(lows), np.array([np.inf if hi is None else hi for _, hi in limits])


def known(names, limits, starts=None):
    starts = [None] * len(names) if starts is None else starts
    return {
        name: Knowledge(start=start, limits=pair)
        for name, pair, start in zip(names, limits, starts, strict=True)
    }


@pytest.mark.parametrize("seed", range(20))
def test_linear_models_agree_with_bounded_least_squares(seed):
    """SciPy's BVLS; Stark and Parker, Comput. Stat. 10 (1995) 129."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=4)
    y = POWERS @ truth + ERROR * rng.normal(size=24)
    limits = random_limits(rng, truth, 0.5)
    result = solve(Polynomial(degree=3), points(X, y, ERROR), **known(NAMES, limits))
    twin = lsq_linear(POWERS / ERROR, y / ERROR, open_ends(limits), method="bvls", tol=1e-15)
    assert result.status in (Status.CONVERGED, Status.AT_LIMIT_ONLY)
    assert result.cost == pytest.approx(2 * twin.cost, rel=1e-10)
    np.testing.assert_allclose(result.values, twin.x, rtol=0, atol=1e-8)
    low, high = open_ends(limits)
    np.testing.assert_array_equal(result.held, (twin.x == low) | (twin.x == high))


@pytest.mark.parametrize("seed", range(20))
def test_narrow_limits_on_both_sides_of_correlated_parameters(seed):
    """Several limits stop a step, and some have to let go again."""
    rng = np.random.default_rng(seed)
    x, scales = np.arange(1.0, 7), np.array([1, 1, 0.3, 0.1])
    powers = x[:, None] ** np.arange(4) / 0.5
    truth = rng.normal(size=4) * scales
    y = powers @ truth * 0.5 + rng.normal(0, 0.5, 6)
    lows = truth - rng.uniform(0, 0.5, 4) * scales
    highs = lows + rng.uniform(0.02, 0.6, 4) * scales
    limits = list(zip(lows.tolist(), highs.tolist(), strict=True))
    result = solve(Polynomial(degree=3), points(x, y, 0.5), **known(NAMES, limits))
    twin = lsq_linear(powers, y / 0.5, (lows, highs), method="bvls", tol=1e-15)
    assert result.status in (Status.CONVERGED, Status.AT_LIMIT_ONLY)
    assert result.cost == pytest.approx(2 * twin.cost, rel=1e-9)


NAMES = ("c0", "c1", "c2", "c3")


@pytest.mark.parametrize("where", ["none", "inside", "low end", "high end"])
@pytest.mark.parametrize("seed", range(6))
def test_curved_models_agree_with_a_bounded_trust_region(seed, where):
    """SciPy's TRF from the truth, clipped; no start of ours may end higher."""
    rng = np.random.default_rng(seed)
    truth = np.array([5.0, 0.6, 0.5])
    y = gaussian(truth) + ERROR * rng.normal(size=24)
    limits = random_limits(rng, truth, 0.3)
    low, high = open_ends(limits)
    low[2] = max(low[2], 0.05)
    limits[2] = (float(low[2]), limits[2][1])
    starts = {
        "none": [None] * 3,
        "inside": np.clip(truth, low + 1e-3, high - 1e-3).tolist(),
        "low end": np.where(np.isfinite(low), low, truth.clip(low, high)).tolist(),
        "high end": np.where(np.isfinite(high), high, truth.clip(low, high)).tolist(),
    }[where]
    result = solve(PEAK, points(X, y, ERROR), **known(("amp", "mu", "sigma"), limits, starts))
    begin = np.clip(truth, low + 1e-3, high - 1e-3)
    twin = least_squares(
        lambda p: (gaussian(p) - y) / ERROR, begin, bounds=(low, high), xtol=1e-15, gtol=1e-15
    )
    assert result.status in (Status.CONVERGED, Status.AT_LIMIT_ONLY)
    assert result.cost <= 2 * twin.cost * (1 + 1e-9)
    assert ((result.values >= low) & (result.values <= high)).all()
    if result.cost > 2 * twin.cost * (1 - 1e-6):  # the same minimum; TRF stays off the limits
        np.testing.assert_allclose(result.values, twin.x, rtol=0, atol=1e-4)


def gaussian(p):
    return p[0] * np.exp(-0.5 * ((X - p[1]) / p[2]) ** 2) / (p[2] * np.sqrt(2 * np.pi))


@pytest.mark.parametrize("free", [0, 1, 2])
def test_all_fixed_but_one(free):
    edges = np.linspace(-3, 4, 31)
    data = toy(Gaussian(), edges, (800.0, 0.3, 1.1), 5)
    at, names = [780.0, 0.35, 1.05], ("amp", "mu", "sigma")
    fixed = {n: Knowledge(start=v, fixed=True) for n, v in zip(names, at, strict=True)}
    del fixed[names[free]]
    result = solve(PEAK, data, **fixed)
    cost = Poisson("gaussian", data.edges, data.counts)

    def along(value):
        moved = [value if i == free else v for i, v in enumerate(at)]
        return float(np.sum(cost(np.array(moved)).v))

    twin = minimize_scalar(along, bracket=(0.98 * at[free], 1.02 * at[free]), tol=1e-12)
    step = 1e-3 * at[free]
    curvature = (along(twin.x + step) - 2 * twin.fun + along(twin.x - step)) / step**2
    assert result.valid
    assert result.values[free] == pytest.approx(twin.x, rel=1e-6)
    assert result.cost == pytest.approx(twin.fun, rel=1e-10)
    errors = [None] * 3
    errors[free] = pytest.approx(np.sqrt(2 / curvature), rel=1e-4)
    assert result.errors == errors


STEPS = points(np.arange(3.0), [1.0, 2.5, 2.0], 0.5)
COUNTS = toy(PEAK, np.linspace(-4, 5, 31), (800.0, 0.3, 1.1), 3)


@pytest.mark.parametrize(
    ("model", "data", "values", "cost"),
    [
        (LINE, STEPS, {"c0": 1.0, "c1": 0.5}, lambda _: 4.0),  # residuals 0, 1, 0
        (
            PEAK,
            COUNTS,
            {"amp": 790.0, "mu": 0.35, "sigma": 1.15},
            lambda at: float(Poisson("gaussian", COUNTS.edges, COUNTS.counts)(at).v.sum()),
        ),
    ],
    ids=["points", "histogram"],
)
def test_all_fixed_is_an_evaluation(model, data, values, cost):
    at = list(values.values())
    result = solve(model, data, **{n: Knowledge(start=v, fixed=True) for n, v in values.items()})
    assert result.status is Status.CONVERGED
    assert result.valid
    assert result.values.tolist() == at
    assert result.cost == pytest.approx(cost(at), rel=1e-13)
    assert result.ndof == data.size
    assert result.errors == [None] * len(at)
    assert result.covariance.parameters == ()
    assert result.covariance.matrix.shape == (0, 0)


@pytest.mark.parametrize("sigma", [1e-8, 1e-3, 1.0, 1e3])
def test_constraints_that_dominate_and_that_do_not(sigma):
    """Closed form: (A'A / s^2 + 1 / sigma^2) c = A'y / s^2 + value / sigma^2."""
    rng = np.random.default_rng(2)
    y = 1 + 2 * X + ERROR * rng.normal(size=24)
    result = solve(LINE, points(X, y, ERROR), c1=Knowledge(constraint=(7.0, sigma)))
    a = POWERS[:, :2] / ERROR
    weight = np.diag([0.0, sigma**-2.0])
    inverse = np.linalg.inv(a.T @ a + weight)
    expected = inverse @ (a.T @ y / ERROR + weight @ [0.0, 7.0])
    errors = np.sqrt(np.diag(inverse))
    assert result.valid
    assert np.abs((result.values - expected) / errors).max() < 1e-6
    assert result.errors == [pytest.approx(e, rel=1e-9) for e in errors]


def test_a_constraint_against_a_limit():
    """The limit wins: the constrained value lies beyond it."""
    y = 1 + 2 * X
    asked = Knowledge(limits=(None, 1.5), constraint=(3.0, 0.01))
    result = solve(LINE, points(X, y, ERROR), c1=asked)
    assert result.valid
    assert result.values[1] == 1.5
    assert result.errors[1] is None
    residuals = y - 1.5 * X
    assert result.values[0] == pytest.approx(residuals.mean(), rel=1e-12)
    spread = np.sum((residuals - residuals.mean()) ** 2) / ERROR**2
    assert result.cost == pytest.approx(spread + 150**2, rel=1e-12)
