"""Values against NumPy and the library's shapes; slopes finite and right where values are."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from models.formula.formula import Formula
from models.formula.functions import FUNCTIONS
from models.registry import SHAPES

X = np.array([-3.0, -1.0, 0.0, 0.5, 2.0])


def read(text, parameters=None):
    return Formula.read(text, SHAPES, parameters)


def slopes(formula, x, params):
    """Derivatives of the sum over x, forwards and backwards, first and second; all are finite."""
    params, x = jnp.array(params, dtype=float), jnp.asarray(x, dtype=float)

    def total(p, x):
        return formula.value(x, *p).sum()

    @jax.jit
    def derivatives(p, x):
        forward, along = jax.jacfwd(total), jax.grad(total, argnums=1)
        backward = jax.grad(total)
        second = jax.jacfwd(forward)(p, x), jax.jacfwd(backward)(p, x)
        return forward(p, x), backward(p, x), along(p, x), *second

    found = derivatives(params, x)
    assert all(np.isfinite(f).all() for f in found), found
    forward, backward, _, one, other = found
    np.testing.assert_allclose(forward, backward, rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
    return np.asarray(forward)


ARGUMENTS = {
    "acosh": np.linspace(1.01, 9, 100),
    "log": np.geomspace(1e-300, 1e300, 100),
    "log10": np.geomspace(1e-300, 1e300, 100),
    "log2": np.geomspace(1e-300, 1e300, 100),
    "log1p": np.concatenate([np.linspace(-0.99, 5, 98), [1e-12, -1e-12]]),
    "sqrt": np.geomspace(1e-300, 1e300, 100),
    "lgamma": np.linspace(2.1, 90, 100),
    **{name: np.linspace(-0.99, 0.99, 100) for name in ("asin", "acos", "atanh")},
}
TWINS = {
    **{n: getattr(np, n) for n in FUNCTIONS if hasattr(np, n)},
    **{n: getattr(np, "arc" + n[1:]) for n in FUNCTIONS if hasattr(np, "arc" + n[1:])},
    "erf": scipy.special.erf,
    "erfc": scipy.special.erfc,
    "lgamma": scipy.special.gammaln,
    "min": np.minimum,
    "max": np.maximum,
}


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_functions_are_those_of_numpy(name):
    """On arrays long enough for the wide vectors, which compute some functions another way."""
    function = FUNCTIONS[name]
    u = ARGUMENTS.get(name, np.linspace(-8, 8, 100))
    others = [np.linspace(-2.3, 2.7, 100)] * (function.least - 1)
    if name == "pow":
        u = np.geomspace(1e-20, 1e20, 100)
    expected = TWINS[name](u, *others)
    found = jax.jit(function.compute)(u, *others)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-300)
    for row in range(0, 100, 7):
        one = function.fold(u[row], *(o[row] for o in others))
        assert one == pytest.approx(expected[row], rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("n", [1, 31, 47, 50, 64, 100, 1000])
def test_atan_is_right_in_arrays_of_any_length(n):
    """jaxlib 0.10.2 computes another function from 50 elements on (jax issue 39352)."""
    x = np.linspace(-5, 5, n)
    for text, twin in (("a*atan(x)", np.arctan(x)), ("a*atan2(x, 1)", np.arctan2(x, 1))):
        formula = read(text)
        np.testing.assert_allclose(jax.jit(formula.value)(x, 1.0), twin, rtol=1e-14)


@pytest.mark.parametrize(
    ("text", "params", "expected"),
    [
        ("-x^2*a", [2.0], -2 * X**2),
        ("a*2^-x", [2.0], 2 * 2**-X),
        ("a - x - 1", [2.0], 1 - X),
        ("a/x/2", [2.0], None),
        ("a*x^2^3", [2.0], 2 * X**8),
        ("(x - a)^2", [2.0], (X - 2) ** 2),
        ("(a - x)^3", [2.0], (2 - X) ** 3),
        ("(x - a)^n", [2.0, 2.0], (X - 2) ** 2),
        ("a^2 + 0*x", [-2.0], np.full(5, 4.0)),
        ("a", [2.0], np.full(5, 2.0)),
        ("where(x < a, x, -x)", [0.0], -np.abs(X)),
        ("where(x <= a, x, 7)", [0.0], np.where(X <= 0, X, 7)),
        ("where(x > a, x, 7)", [0.0], np.where(X > 0, X, 7)),
        ("where(a >= x, x, 7)", [0.0], np.where(X <= 0, X, 7)),
        ("max(x, a, 1)", [0.0], np.maximum(X, 1)),
        ("min(x, a, 1)", [0.0], np.minimum(X, 0)),
        ("a*exp(1000*x)", [2.0], [0, 0, 2, 2 * np.exp(500.0), np.inf]),
        ("a/(1 + exp(1000*x))", [2.0], [2, 2, 1, 2 * np.exp(-500.0), 0]),
        ("a*atan2(x, -1)", [2.0], 2 * np.arctan2(X, -1)),
    ],
)
def test_values(text, params, expected):
    if expected is None:
        with np.errstate(divide="ignore"):
            expected = 1 / X
    found = read(text).value(jnp.asarray(X), *params)
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    assert found.shape == X.shape
    assert found.dtype == np.float64


@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 4)])
def test_the_value_has_the_shape_of_x(shape):
    for text in ("a + b", "a*x + b", "n*gaussian(x, a, 1 + x^2)", "where(x < a, b, log(x))"):
        formula = read(text)
        params = [1.5] * len(formula.names)
        x = jnp.full(shape, 0.7)
        for function in (formula.value, jax.jit(formula.value)):
            found = function(x, *params)
            assert found.shape == shape
            assert found.dtype == np.float64


NAN = math.nan

#: text, x, parameters, slopes in the parameters (NAN: only finite)
REMOVABLE = [
    ("a*x^2", [0.0], [3.0], [0.0]),
    ("(x - a)^2", [1.0], [1.0], [0.0]),
    ("(x - a)^2", [1.0], [1.5], [1.0]),
    ("a^2*x", [1.0], [-2.0], [-4.0]),
    ("a^3*x", [2.0], [-2.0], [24.0]),
    ("a^0 + x", [2.0], [0.0], [0.0]),
    ("a*x^p", [0.0, 1.0], [3.0, 1.5], [1.0, 0.0]),
    ("a*x^p", [0.0], [3.0, 0.0], [1.0, 0.0]),
    ("a*x^p", [0.0], [3.0, 1.0], [0.0, 0.0]),
    ("a*x^p", [2.0], [3.0, 2.0], [4.0, 12 * math.log(2)]),
    ("a*(x - b)^p", [2.0], [3.0, 2.0, 0.7], [0.0, NAN, 0.0]),
    ("a*(x - b)^p", [1.0], [3.0, 2.0, 2.0], [1.0, 6.0, 0.0]),
    ("a*sqrt(x)", [0.0, 4.0], [3.0], [2.0]),
    ("sqrt(a*x)", [0.0], [3.0], [0.0]),
    ("(a*x)^0.5", [0.0, 3.0], [3.0], [0.5]),
    ("(a*x)^1.5", [0.0], [3.0], [0.0]),
    ("sqrt(a^2 + x^2)", [0.0, 4.0], [3.0], [1.6]),
    ("sqrt((x - a)^2)", [3.0, 5.0], [3.0], [-1.0]),
    ("hypot(a, x)", [0.0], [0.0], [0.0]),
    ("cbrt(a*x)", [0.0, 1.0], [8.0], [1 / 12]),
    ("atan2(a*x, x)", [0.0], [3.0], [0.0]),
    ("abs(x - a)", [3.0, 5.0], [3.0], [NAN]),
    ("a*exp(-abs(x))", [0.0], [3.0], [1.0]),
    ("a/(1 + exp(-(x - m)/s))", [-1e6, 1e6], [2.0, 0.0, 0.5], [1.0, 0.0, 0.0]),
    ("a/cosh((x - m)/s)^2", [-1e6, 1e6], [2.0, 0.0, 0.5], [0.0, 0.0, 0.0]),
    ("a/(1 + b*exp(-k*x))", [-1e6, 1e6], [2.0, 3.0, 1.0], [1.0, 0.0, 0.0]),
    ("c + a/(1 + exp(-(x - m)/s))^2", [-1e6, 1e6], [1.0, 2.0, 0.0, 0.5], [2.0, 1.0, 0.0, 0.0]),
    ("a*(1 + exp(-k*x))^(-1/b)", [-1e6, 1e6], [2.0, 1.0, 3.0], [1.0, 0.0, 0.0]),
    ("d + (a - d)/(1 + (x/c)^b)", [0.0, 1e9], [1.0, 2.0, 3.0, 50.0], [1.0, 1.0, 0.0, 0.0]),
    ("a*x^3/(exp(b*x) - 1)", [1e6], [1.0, 2.0], [0.0, 0.0]),
    ("a*tanh((x - m)/s)", [1e6], [2.0, 0.0, 0.5], [1.0, 0.0, 0.0]),
    ("a*expm1(-x/t)", [1e6], [2.0, 3.0], [-1.0, 0.0]),
    ("a*exp(-(x - m)^2/(2*s^2))", [1e6, -1e6], [2.0, 0.0, 0.5], [0.0, 0.0, 0.0]),
    ("where(x > 0, a*log(x), a)", [0.0, 1.0], [3.0], [1.0]),
    ("where(x > m, a*sqrt(x - m), 0*a)", [0.0, 1.0, 5.0], [1.0, 2.0], [-0.5, 2.0]),
    ("where(x > m, a*log(x - m), a/(x - m - 1))", [0.0, 1.0, 2.0], [1.0, 2.0], [NAN, -1.5]),
    ("where(x < m, a/(x - m), 0)", [0.0, 1.0], [1.0, 2.0], [2.0, -1.0]),
    ("where(x <= 0, 0, n*log_normal(x, m, s))", [-1.0, 0.0, 1.0], [2.0, 0.0, 1.0], [NAN] * 3),
    ("where(a > 0, sqrt(a)*x, b*x)", [1.0], [-1.0, 2.0], [0.0, 1.0]),
    ("where(x > 0, where(x > 1, a*log(x - 1), a*log(x)), a)", [-1.0, 0.0, 2.0], [3.0], [2.0]),
]


@pytest.mark.parametrize(("text", "x", "params", "expected"), REMOVABLE)
def test_slopes_where_the_value_has_a_limit(text, x, params, expected):
    parameters = ["m", "a"] if "m, a*" in text or "m, a/" in text else None
    formula = read(text, parameters)
    assert np.isfinite(jax.jit(formula.value)(jnp.asarray(x), *params)).all()
    found = slopes(formula, x, params)
    known = ~np.isnan(expected)
    np.testing.assert_allclose(found[known], np.array(expected)[known], rtol=1e-12, atol=1e-300)


#: a call in a formula: the same by the library
CALLS = {
    "n*gaussian(x, mu, sigma)": ("gaussian", (1000.0, 0.5, 1.2)),
    "n*exponential(x, tau)": ("exponential", (1000.0, 2.0)),
    "lorentzian(x, m, g)*n": ("lorentzian", (0.5, 1.2, 1000.0)),
    "polynomial(x, a, b)": ("polynomial", (40.0, 3.0)),
    "linear(x, a, b)": ("linear", (40.0, 3.0)),
}


@pytest.mark.parametrize("text", CALLS)
def test_calls_are_the_shapes_of_the_library(text):
    name, params = CALLS[text]
    x = jnp.linspace(-5.0, 6.0, 111)
    own = (params[-1], *params[:-1]) if text.endswith("*n") else params
    expected = SHAPES[name]().value(x, *own)
    np.testing.assert_allclose(read(text).value(x, *params), expected, rtol=1e-14)


def test_arguments_of_a_call_may_be_any_expression():
    x = jnp.linspace(-5.0, 6.0, 50)
    formula = read("n*gaussian(2*x - a, 0, 0.3 + 0.1*x^2)")
    expected = [
        2 * SHAPES["gaussian"]().pdf(jnp.array([2 * v - 0.7]), 0.0, 0.3 + 0.1 * v**2)[0] for v in x
    ]
    np.testing.assert_allclose(formula.value(x, 2.0, 0.7), expected, rtol=1e-13)
    slopes(formula, x, [2.0, 0.7])


def test_every_shape_can_be_called_with_its_parameters_and_gives_its_value():
    for name, shape in SHAPES.items():
        model = shape()
        names = [p.name for p in model.declare()]
        called = names[1:] if names[0] == "amp" else names
        text = f"{name}(x, {', '.join(called)})" if called else f"{name}(x)"
        text = f"amp*{text}" if names[0] == "amp" else text
        formula = read(text, names)
        low, high = model.example.x_range
        x = jnp.linspace(low, high, 20)[1:-1]
        values = np.array(model.example.values)
        found, expected = (jax.jit(of.value)(x, *values) for of in (formula, model))
        np.testing.assert_allclose(found, expected, rtol=1e-13, err_msg=name)


def test_deep_formulas_can_be_differentiated_twice():
    text = "a*x"
    for _ in range(20):
        text = f"sin(b + {text})"
    slopes(read(text), [0.3, 1.2], [0.7, 0.1])


def test_an_edge_has_finite_derivatives_wherever_exp_does_not_overflow_yet():
    """exp(694) is finite, its second derivative by the width is not; the edge's own is 0."""
    edge = read("n / (1 + exp((x - x0) / w))")
    x = jnp.linspace(6.0, 10.5, 500)

    def value(params):
        return edge.value(x, *params)

    params = jnp.array([120.0, 6.4, 5.2e-3])
    u = (np.asarray(x) - 6.4) / 5.2e-3
    share = scipy.special.expit(-u)
    np.testing.assert_allclose(value(params), 120 * share, rtol=1e-12, atol=1e-250)
    slopes = jax.jacfwd(value)(params)
    bend = share * scipy.special.expit(u)
    expected = np.stack([share, 120 * bend / 5.2e-3, 120 * bend * u / 5.2e-3], axis=1)
    np.testing.assert_allclose(slopes, expected, rtol=1e-9, atol=1e-130)
    assert np.isfinite(jax.jacfwd(jax.jacfwd(value))(params)).all()
    assert np.isfinite(jax.jacfwd(jax.jacrev(value))(params)).all()
