"""Integrals across jumps and kinks: their derivatives in the place, from calculus and mpmath.

The integral of f over a bin around c, where f jumps from L(c) to R(c), has the slope
L(c) - R(c) + the integral of df/dc in c. Here that is told for all parameters by differences of
mpmath's integrals, each cut at its own c.
"""

import itertools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy import stats

from fitting.data import Histogram
from models.formula.formula import Formula
from models.registry import SHAPES
from tests.fitting.problems import solve

EDGES = np.array([0.0, 1.0, 2.0, 4.0, 5.0, 7.0, 7.0])


def read(text):
    return Formula.read(text, SHAPES)


def derivatives(text, params, edges=EDGES):
    """Integrals over bins with their first and second derivatives, forwards; backwards as well."""
    formula, edges = read(text), jnp.asarray(edges)

    @jax.jit
    def all_of(p):
        def integral(q):
            return formula.integral(edges, *q)

        def slopes(q):
            return jax.jacfwd(integral)(q)

        return integral(p), slopes(p), jax.jacfwd(slopes)(p), jax.jacrev(integral)(p)

    value, slopes, curves, backwards = all_of(jnp.asarray(params, dtype=float))
    np.testing.assert_allclose(backwards, slopes, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(curves, np.swapaxes(curves, 1, 2), rtol=1e-9, atol=1e-9)
    return np.asarray(value), np.asarray(slopes), np.asarray(curves)


def exp(u):
    return mpmath.exp(u)


#: formula, parameters, density, its cuts
JUMPS = [
    (
        "n*exp(-x/tau)*where(x < c, 1, f)",
        [1000.0, 5.0, 4.3, 0.2],
        lambda x, n, tau, c, f: n * exp(-x / tau) * (1 if x < c else f),
        lambda n, tau, c, f: [c],
    ),
    (
        "where(k*x < 1, a, b*x)",
        [0.3, 2.0, 5.0],
        lambda x, k, a, b: a if k * x < 1 else b * x,
        lambda k, a, b: [1 / k],
    ),
    (
        "where(k*(x - c) < 1, a*x, b)*exp(x/9)",
        [-0.5, 5.5, 2.0, 5.0],
        lambda x, k, c, a, b: (a * x if k * (x - c) < 1 else b) * exp(x / 9),
        lambda k, c, a, b: [c + 1 / k],
    ),
    (
        "exp(where(x < c, a*x, b))",
        [4.3, 0.5, 1.5],
        lambda x, c, a, b: exp(a * x if x < c else b),
        lambda c, a, b: [c],
    ),
    (
        "n*where(x < c, 1, f)*exp(-x/5)/(1 + where(x > d, x, 0))",
        [10.0, 4.3, 0.2, 6.1],
        lambda x, n, c, f, d: n * (1 if x < c else f) * exp(-x / 5) / (1 + (x if x > d else 0)),
        lambda n, c, f, d: [c, d],
    ),
    (
        "x*where(x < c, where(x < d, a, 2*a), -a)",
        [4.3, 1.2, 6.0],
        lambda x, c, d, a: x * ((a if x < d else 2 * a) if x < c else -a),
        lambda c, d, a: [d, c],
    ),
    (
        "b*max(0, x - c)^2 + a*exp(-abs(x - c)/s)",
        [5.0, 4.3, 3.0, 1.5],
        lambda x, b, c, a, s: b * max(0, x - c) ** 2 + a * exp(-abs(x - c) / s),
        lambda b, c, a, s: [c],
    ),
    (
        "max(a*x, b + c*x)",
        [3.0, 4.5, 2.0],
        lambda x, a, b, c: max(a * x, b + c * x),
        lambda a, b, c: [b / (a - c)],
    ),
    (
        "where(x > c, a*log(1 + k*(x - c)), b)*x",
        [4.3, 2.0, 3.0, 5.0],
        lambda x, c, a, k, b: x * (a * mpmath.log(1 + k * (x - c)) if x > c else b),
        lambda c, a, k, b: [c],
    ),
]


@pytest.mark.parametrize(
    ("text", "params", "density", "cuts"),
    [
        pytest.param(*jump, marks=[pytest.mark.slow] if i % 2 else [])
        for i, jump in enumerate(JUMPS)
    ],
    ids=[text for text, *_ in JUMPS],
)
def test_derivatives_are_those_of_the_integral(text, params, density, cuts):
    def integral(low, high, *p):
        inside = sorted(cut for cut in cuts(*p) if low < cut < high)
        return mpmath.quad(lambda x: density(x, *p), [low, *inside, high])

    def exact(order):
        bins = [b for b in itertools.pairwise(EDGES) if b[0] < b[1]]
        with mpmath.workdps(30):
            found = [
                mpmath.diff(lambda *p, b=b: integral(*b, *p), tuple(params), order, h=1e-8)
                if any(order)
                else integral(*b, *params)
                for b in bins
            ]
        return np.array([*map(float, found), 0.0])

    value, slopes, curves = derivatives(text, params)
    unit = np.eye(len(params), dtype=int)
    np.testing.assert_allclose(value, exact((0,) * len(params)), rtol=1e-11, atol=1e-12)
    for i, one in enumerate(unit):
        np.testing.assert_allclose(slopes[:, i], exact(tuple(one)), rtol=1e-9, atol=1e-9)
        expected = exact(tuple(2 * one))
        np.testing.assert_allclose(curves[:, i, i], expected, rtol=1e-7, atol=1e-7)
    mixed = exact(tuple(unit[0] + unit[-1]))
    np.testing.assert_allclose(curves[:, 0, -1], mixed, rtol=1e-7, atol=1e-7)


def test_a_narrow_peak_with_a_jump_is_integrated_by_its_shape():
    """Quadrature would not see a peak of this width in a bin."""
    n, mu, s, c, f = params = [100.0, 4.1, 1e-3, 4.1005, 0.2]
    value, slopes, _ = derivatives("n*gaussian(x, mu, s)*where(x < c, 1, f)", params)
    below = stats.norm.cdf(c, mu, s)
    np.testing.assert_allclose(value[3], n * (below + f * (1 - below)), rtol=1e-12)
    np.testing.assert_allclose(slopes[3, 3], n * (1 - f) * stats.norm.pdf(c, mu, s), rtol=1e-12)


def test_a_jump_at_an_edge_moves_to_the_right():
    """From 2, where n exp(-x / tau) (1 - f) is 800 exp(-0.4); its slope in x goes with it."""
    formula = "n*exp(-x/tau)*where(x < c, 1, f)"
    value, slopes, curves = derivatives(formula, [1000.0, 5.0, 2.0, 0.2])
    height = np.array([0, 0, 800 * np.exp(-0.4), 0, 0, 0])
    exact = -5000 * np.diff(np.exp(-EDGES / 5)) * np.where(EDGES[:-1] < 2, 1, 0.2)
    np.testing.assert_allclose(value, exact, rtol=1e-12)
    np.testing.assert_allclose(slopes[:, 2], height, rtol=1e-12)
    np.testing.assert_allclose(curves[:, 2, 2], -height / 5, rtol=1e-12)


def test_a_break_in_slope_at_an_edge_has_no_slope_in_its_place():
    """Of a continuous line only the part beyond c changes with it, by -b at every x."""
    for formula in ("where(x < c, a, a + b*(x - c))", "a + b*max(x - c, 0)"):
        _, slopes, _ = derivatives(formula, [2.0, 9.0, 3.0] if formula[0] == "w" else [9.0, 3.0, 2])
        place = slopes[:, 0] if formula[0] == "w" else slopes[:, 2]
        np.testing.assert_allclose(place, [0, 0, -6, -3, -6, 0], atol=1e-12)


@pytest.mark.parametrize(
    ("text", "params", "expected"),
    [
        ("where(k*x < 1, a, b)*exp(-x/5)", [0.0, 2.0, 7.0], 2.0),
        ("where(k*x > 1, a, b)*exp(-x/5)", [0.0, 2.0, 7.0], 7.0),
        ("where(x < sqrt(k), a, b)*exp(-x/5)", [-1.0, 2.0, 7.0], 7.0),
        ("where(x < 1/k, a, b)*exp(-x/5)", [0.0, 2.0, 7.0], 2.0),
        ("where(k*(x - 3) < 0, a, b)*exp(-x/5)", [0.0, 2.0, 7.0], 7.0),
        ("where(k*x < 1, a*exp(-x/5), b)", [0.0, 2.0, 7.0], 2.0),
        ("where(1 < k*x, b, a*exp(-x/5))", [0.0, 7.0, 2.0], 2.0),
        ("max(k*x, 1)*(a + 0*b)*exp(-x/5)", [0.0, 2.0, 7.0], 2.0),
    ],
)
def test_a_condition_that_turns_nowhere_holds_everywhere_or_nowhere(text, params, expected):
    value, slopes, _ = derivatives(text, params)
    np.testing.assert_allclose(value, -5 * expected * np.diff(np.exp(-EDGES / 5)), rtol=1e-12)
    assert np.isfinite(slopes).all()


@pytest.mark.parametrize(
    "text",
    [
        "where(x < c, a*log(c - x), b)",
        "where(x < c, a, b*log(x - c))",
        "where(x < c, exp(1e4*(x - c)), a)",
        "where(x < c, b, a*exp(-1e3*(x - c)))*x",
        "abs(x - c)*a*log(x)/sqrt(7 - x)",
        "where(x < c, a, b*(x - c)^1.5)*x^-0.5",
    ],
)
def test_a_place_anywhere_is_no_reason_for_nan(text):
    """Also at edges, where one of the branches has no finite value."""
    formula = read(text)
    edges = jnp.asarray(EDGES)

    def integral(p):
        return formula.integral(edges, *p)

    both = jax.jit(lambda p: (integral(p), jax.jacfwd(integral)(p), jax.jacrev(integral)(p)))
    for place in (-1.0, 0.0, 2.0, 2.5, 7.0, 1e4):
        known = {"c": place, "a": 2.0, "b": 3.0}
        found = both(jnp.array([known[name] for name in formula.names]))
        assert all(np.isfinite(numbers).all() for numbers in found), place


def test_the_place_of_a_jump_is_fitted():
    """There the slopes of the cost vanish, by the closed form of the integral."""
    counts = [906, 742, 607, 497, 186, 67, 55, 45, 37, 30]
    edges = np.linspace(0, 10, 11)
    found = solve(
        read("n*exp(-x/tau)*where(x < c, 1, f)"), Histogram(edges, np.array(counts, float))
    )
    assert found.valid

    def cost(n, tau, c, f):
        total = mpmath.mpf(0)
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
            middle = min(max(c, low), high)
            first = mpmath.exp(-low / tau) - mpmath.exp(-middle / tau)
            second = mpmath.exp(-middle / tau) - mpmath.exp(-high / tau)
            mu = n * tau * (first + f * second)
            total += 2 * (mu - count + count * mpmath.log(count / mu))
        return total

    np.testing.assert_allclose(found.values, [1000, 5, 4.3, 0.2], rtol=0.02)
    for i, error in enumerate(found.errors):
        order = tuple(int(i == j) for j in range(4))
        assert abs(error * float(mpmath.diff(cost, tuple(found.values), order))) < 1e-5
