"""Gauss-Legendre rules against NumPy's, and the integrals that shapes without a cdf get by it."""

from dataclasses import dataclass
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from models.model import Density, Model
from models.parameter import Parameter
from models.quadrature import bin_integrals, cut_integrals, gauss_legendre
from models.registry import SHAPES


@dataclass(frozen=True)
class Wave(Model):
    """a cos(w x), with no integral of its own."""

    def declare(self):
        return Parameter("a", linear=True), Parameter("w")

    def value(self, x, *params):
        return params[0] * jnp.cos(params[1] * x)

    def starts(self, data):
        return ((1.0,),)


@dataclass(frozen=True)
class Lorentz(Density):
    """Cauchy's density, with no cdf of its own."""

    def pdf_parameters(self):
        return Parameter("x0"), Parameter("gamma", lower=0.0)

    def pdf(self, x, *params):
        x0, gamma = params
        return gamma / (jnp.pi * (gamma**2 + (x - x0) ** 2))

    def starts(self, data):
        return ()


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5, 8, 11, 16, 33])
def test_rules_are_those_of_numpy(order):
    nodes, weights = map(np.array, gauss_legendre(order))
    rank = np.argsort(nodes)
    expected = np.polynomial.legendre.leggauss(order)
    np.testing.assert_allclose(nodes[rank], expected[0], rtol=0, atol=4e-16)
    np.testing.assert_allclose(weights[rank], expected[1], rtol=1e-13)


@settings(derandomize=True, deadline=None, max_examples=30)
@given(
    degree=st.integers(0, 15),
    low=st.floats(-10, 10),
    widths=st.lists(st.floats(1e-3, 5), min_size=1, max_size=6),
)
def test_polynomials_up_to_twice_the_order_are_exact(degree, low, widths):
    edges = low + np.concatenate([[0.0], np.cumsum(widths)])
    found = bin_integrals(lambda x: x**degree, jnp.asarray(edges), degree // 2 + 1)
    power = degree + 1
    expected = np.diff(edges.astype(np.longdouble) ** power / power).astype(float)
    scale = np.diff(edges) * np.abs(edges).max() ** degree
    np.testing.assert_array_less(np.abs(found - expected), 1e-13 * scale + 1e-300)


def test_a_model_with_a_value_alone_is_integrated():
    edges = np.array([-3.0, -1.0, -0.9, 0.0, 0.0, 2.5, 4.0])
    found = Wave().integral(jnp.asarray(edges), 1.5, 2.0)
    expected = [
        quad(lambda x: 1.5 * np.cos(2.0 * x), lo, hi, epsabs=1e-14)[0] for lo, hi in pairwise(edges)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    assert found[3] == 0.0


def test_a_density_with_a_pdf_alone_is_integrated():
    edges = np.linspace(-6.0, 9.0, 61)
    found = Lorentz().integral(jnp.asarray(edges), 250.0, 0.4, 0.8)
    np.testing.assert_allclose(found, 250 * np.diff(stats.cauchy.cdf(edges, 0.4, 0.8)), rtol=1e-10)


def test_derivatives_pass_through_the_quadrature():
    edges = jnp.array([0.0, 0.5, 0.5, 2.0])

    def exact(p):
        return p[0] * jnp.diff(jnp.sin(p[1] * edges)) / p[1]

    params = jnp.array([1.5, 2.0])
    for derivative in (jax.jacfwd, jax.hessian):
        found = jax.jit(derivative(lambda p: Wave().integral(edges, *p)))(params)
        np.testing.assert_allclose(
            found, jax.jit(derivative(exact))(params), rtol=1e-11, atol=1e-13
        )


def test_points_of_any_order_cut_bins_and_move():
    """x plus 10^i beyond the i-th point; in an empty bin and outside there is nothing to cut."""
    edges = jnp.array([0.0, 1.0, 1.0, 2.0, 4.0, 4.0])
    points = jnp.array([3.0, 0.25, 1.0, 0.5, -2.0, 9.0])
    heights = jnp.array([1.0, 10.0, 100.0, 1e3, 1e4, 1e5])

    def integral(points):
        return cut_integrals(
            lambda x, below: x + jnp.tensordot(heights, ~below, 1), edges, points, 4
        )

    found, slopes = jax.jit(lambda p: (integral(p), jax.jacfwd(integral)(p)))(points)
    beyond = np.maximum(np.asarray(edges)[:, None] - np.asarray(points), 0)
    expected = np.diff(np.asarray(edges) ** 2 / 2 + beyond @ np.asarray(heights))
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    moved = np.zeros((5, 6))
    moved[[3, 0, 2, 0], [0, 1, 2, 3]] = -heights[:4]
    np.testing.assert_allclose(slopes, moved, rtol=1e-13, atol=1e-11)


@pytest.mark.parametrize(
    ("name", "params", "expected"),
    [
        ("hill", (3.0, 0.0, 2.0, 0.1), 3.1),
        ("hill", (3.0, 2.0, 0.0, 0.1), 1.6),
        ("stretched_exponential", (3.0, 0.0, 1.0, 0.1), 0.1),
        ("stretched_exponential", (3.0, 1.0, 0.0, 0.1), 3 * np.exp(-1) + 0.1),
        ("planck", (3.0, 0.0), 0.0),
        ("resonance", (3.0, 0.0, 1.0), 0.0),
        ("resonance", (3.0, 1.0, 0.0), 0.0),
    ],
)
def test_a_parameter_at_its_limit_is_no_reason_for_nan(name, params, expected):
    """Points to cut bins at, which scale with such a parameter, fall together there."""
    edges = jnp.linspace(0.0, 5.0, 11)
    found = jax.jit(SHAPES[name]().integral)(edges, *map(jnp.asarray, params))
    np.testing.assert_allclose(found, 0.5 * expected, rtol=1e-12)
