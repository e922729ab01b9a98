"""Integrals over bins: those of the library's shapes, and mpmath's for everything else."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from models.formula.formula import Formula
from models.registry import SHAPES

EDGES = np.concatenate(
    [np.linspace(-5, 6, 40), [6.0, 6.0, 6.0 + 1e-9, 7.0, 12.0, 35.0, 36.0, 1000.0]]
)


def read(text, parameters=None):
    return Formula.read(text, SHAPES, parameters)


def integrals(formula, edges, params):
    """Over each bin; also the derivatives in the parameters, which must be finite."""
    edges, params = jnp.asarray(edges), jnp.asarray(params, dtype=float)

    @jax.jit
    def both(p):
        return formula.integral(edges, *p), jax.jacfwd(lambda q: formula.integral(edges, *q))(p)

    @jax.jit
    def backwards(p):
        return jax.grad(lambda q: formula.integral(edges, *q).sum())(p)

    value, slopes = both(params)
    assert np.isfinite(slopes).all()
    np.testing.assert_allclose(backwards(params), slopes.sum(axis=0), rtol=1e-9, atol=1e-9)
    return np.asarray(value), np.asarray(slopes)


#: formula, its parameters: what the library makes of it
LIKE_THE_LIBRARY = [
    ("n*gaussian(x, mu, sigma)", [1e3, 0.5, 1.2], [("gaussian", (1e3, 0.5, 1.2), 0.0)]),
    ("-n*gaussian(x, mu, sigma)/2", [1e3, 0.5, 1.2], [("gaussian", (-500.0, 0.5, 1.2), 0.0)]),
    ("n*gaussian(x - d, 0, s)", [1e3, 0.5, 1.2], [("gaussian", (1e3, 0.0, 1.2), 0.5)]),
    ("n*exponential(x, tau)", [1e3, 2.0], [("exponential", (1e3, 2.0), 0.0)]),
    (
        "n*(f*gaussian(x, m, s) + (1 - f)*exponential(x, t))",
        [1e3, 0.3, 0.5, 0.1, 2.0],
        [("gaussian", (300.0, 0.5, 0.1), 0.0), ("exponential", (700.0, 2.0), 0.0)],
    ),
    (
        "n*lorentzian(x, m, g) + b + c*x",
        [1e3, 0.5, 0.01, 7.0, 2.0],
        [("lorentzian", (1e3, 0.5, 0.01), 0.0), ("polynomial", (7.0, 2.0), 0.0)],
    ),
    ("michaelis_menten(x, v, k)*a", [3.0, 2.0, 10.0], [("michaelis_menten", (30.0, 2.0), 0.0)]),
]


@pytest.mark.parametrize(("text", "params", "terms"), LIKE_THE_LIBRARY)
def test_densities_are_integrated_by_their_shapes(text, params, terms):
    """Far tails, narrow and wide bins included; empty bins give 0."""
    found, _ = integrals(read(text), EDGES, params)
    expected = sum(
        np.asarray(jax.jit(SHAPES[name]().integral)(jnp.asarray(EDGES - shift), *own))
        for name, own, shift in terms
    )
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-100)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=0)
    assert (found[np.diff(EDGES) == 0] == 0).all()


#: formula, parameters: an independent density for mpmath, and where it has kinks or jumps
BY_QUADRATURE = [
    ("a*exp(-x/t) + c", [50.0, 2.0, 3.0], lambda x: 50 * mpmath.exp(-x / 2) + 3, []),
    (
        "a*exp(-((x - m)/s)^2/2)",
        [50.0, 2.0, 1.0],
        lambda x: 50 * mpmath.exp(-((x - 2) ** 2) / 2),
        [],
    ),
    ("a", [3.0], lambda x: mpmath.mpf(3), []),
    ("where(x < c, a, b)", [1.3, 2.0, 5.0], lambda x: 2 if x < 1.3 else 5, [1.3]),
    ("where(x - c > 1, a, b)", [0.3, 2.0, 5.0], lambda x: 2 if x > 1.3 else 5, [1.3]),
    ("where(c >= 2*x, a*x, b)", [2.6, 2.0, 5.0], lambda x: 2 * x if x <= 1.3 else 5, [1.3]),
    (
        "where(x < c, 0*a, a*log(x - c + 1) + sqrt(x))",
        [1.0, 2.0],
        lambda x: 0 if x < 1 else 2 * mpmath.log(x) + mpmath.sqrt(x),
        [1.0],
    ),
    (
        "b + where(x < c, where(x < d, a, 2*a), -a)/3",
        [1.0, 1.3, -2.1, 6.0],
        lambda x: 1 + (2 if x < -2.1 else 4 if x < 1.3 else -2),
        [-2.1, 1.3],
    ),
    ("a*abs(x - m)", [3.0, 0.77], lambda x: 3 * abs(x - 0.77), [0.77]),
    (
        "a*exp(-abs(x - m)/s)",
        [3.0, 0.77, 1.5],
        lambda x: 3 * mpmath.exp(-abs(x - 0.77) / 1.5),
        [0.77],
    ),
    ("max(a*x, b)", [3.0, 1.0], lambda x: max(3 * x, 1), [1 / 3]),
    ("a + max(x, b)", [3.0, 1.0], lambda x: 3 + max(x, 1), [1.0]),
    (
        "exp(where(x < m, a, b))",
        [0.77, 0.5, 1.5],
        lambda x: mpmath.exp(0.5 if x < 0.77 else 1.5),
        [0.77],
    ),
    (
        "a*exp(-abs((x - m)/s))",
        [3.0, 0.77, 1.5],
        lambda x: 3 * mpmath.exp(-abs(x - 0.77) / 1.5),
        [0.77],
    ),
    ("a*max(0, 1 - x/w)", [3.0, 0.77], lambda x: 3 * max(0, 1 - x / 0.77), [0.77]),
    (
        "where((x - t)/s < 0, b, b + a*exp(-(x - t)/s))",
        [0.77, 1.5, 2.0, 100.0],
        lambda x: 2 + (0 if x < 0.77 else 100 * mpmath.exp((0.77 - x) / 1.5)),
        [0.77],
    ),
    ("where(x/10 < c, a, b)", [0.077, 2.0, 5.0], lambda x: 2 if x < 0.77 else 5, [0.77]),
    (
        "b*exp(where(k*(x - c)/3 > 0, -x, x))",
        [5.0, 2.0, 0.77],
        lambda x: 5 * mpmath.exp(-x if x > 0.77 else x),
        [0.77],
    ),
    (
        "max(a + b*x, c - d*x/2)",
        [1.0, 3.0, 2.54, 2.0],
        lambda x: max(1 + 3 * x, 2.54 - x),
        [0.385],
    ),
]


@pytest.mark.parametrize(("text", "params", "density", "cuts"), BY_QUADRATURE)
def test_the_rest_is_integrated_by_quadrature_cut_at_kinks(text, params, density, cuts):
    edges = np.array([-5.0, -3.0, -1.5, -1.5, 0.0, 0.4, 1.0, 1.6, 3.0, 3.0])
    found, _ = integrals(read(text), edges, params)
    for low, high, one in zip(edges[:-1], edges[1:], found, strict=True):
        points = [low, *(c for c in cuts if low < c < high), high]
        exact = float(mpmath.quad(density, points)) if low < high else 0.0
        assert one == pytest.approx(exact, rel=1e-11, abs=1e-13), (low, high)


def test_the_place_of_a_jump_has_its_slope():
    """Quadrature alone would not feel a jump move."""
    _, slopes = integrals(read("where(x < c, a, b)"), [0.0, 1.0, 2.0, 3.0], [1.3, 2.0, 5.0])
    np.testing.assert_allclose(slopes, [[0, 1, 0], [2 - 5, 0.3, 0.7], [0, 0, 1]], atol=1e-13)


def test_a_jump_at_an_edge_has_its_slope_as_well():
    _, slopes = integrals(read("where(x < c, a, b)"), [0.0, 1.0, 2.0], [1.0, 2.0, 5.0])
    np.testing.assert_allclose(slopes.sum(axis=0), [2 - 5, 1, 1], atol=1e-13)
    np.testing.assert_allclose(slopes[:, 1:], [[1, 0], [0, 1]], atol=1e-13)


def test_padding_changes_nothing():
    formula = read("n*gaussian(x, m, s) + where(x < c, a*log(x + 1), b/x) + abs(x - d)")
    params = [100.0, 2.0, 0.3, 1.7, 3.0, 4.0, 2.2]
    edges = np.linspace(0.5, 5, 12)
    found, _ = integrals(formula, edges, params)
    padded, _ = integrals(formula, [*edges, *[edges[-1]] * 5], params)
    np.testing.assert_array_equal(padded[len(found) :], 0)
    np.testing.assert_allclose(padded[: len(found)], found, rtol=1e-14)


def test_batches_of_parameters_give_what_single_ones_give():
    """The search for starting values maps over many."""
    formula = read("n*gaussian(x, m, s) + where(x < c, a*x, b)")
    edges = jnp.linspace(0.5, 5, 12)
    rows = jnp.array([[100.0, 2.0, 0.3, 1.7, 3.0, 4.0], [80.0, 1.0, 0.2, 2.7, 1.0, 0.0]])
    batch = jax.vmap(lambda p: formula.integral(edges, *p))(rows)
    for row, found in zip(rows, batch, strict=True):
        np.testing.assert_allclose(found, formula.integral(edges, *row), rtol=1e-14)
