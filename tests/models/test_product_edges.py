"""Products of densities that have an edge inside a bin, against closed forms."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import voigt_profile
from scipy.stats import argus, expon, exponnorm, norm

from models.composition.mixture import Mixture
from models.composition.product import Product
from models.composition.sum import Sum
from models.composition.template import Template
from models.shapes.argus import Argus
from models.shapes.bifurcated_gaussian import BifurcatedGaussian
from models.shapes.cruijff import Cruijff
from models.shapes.exponential import Exponential
from models.shapes.exponentially_modified_gaussian import ExponentiallyModifiedGaussian
from models.shapes.gaussian import Gaussian
from models.shapes.hill import Hill
from models.shapes.michaelis_menten import MichaelisMenten
from models.shapes.polynomial import Polynomial
from models.shapes.power import Power
from models.shapes.stretched_exponential import StretchedExponential
from models.shapes.uniform import Uniform
from models.shapes.voigt import Voigt
from models.shapes.weibull import Weibull
from tests.models.twins import SCIPY_TWINS
from tests.models.twins.twin import exact_integrals

EDGES = np.linspace(0, 10, 21)


def integrals(model, *params):
    return jax.jit(lambda p: model.integral(jnp.asarray(EDGES), *p))(jnp.array(params))


def test_a_decay_between_two_ends():
    low, high = 1.13, 7.77
    found = integrals(Product((Exponential(), Uniform())), 5.0, 3.0, low, high)
    below = expon.cdf(np.clip(EDGES, low, high), scale=3.0)
    np.testing.assert_allclose(found, 5 * np.diff(below) / (high - low), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("shape", "values", "pdf"),
    [
        (Voigt(), (4.2, 0.6, 0.3), lambda x: voigt_profile(x - 4.2, 0.6, 0.3)),
        (
            ExponentiallyModifiedGaussian(),
            (3.0, 0.5, 1.4),
            lambda x: exponnorm.pdf(x, 1.4 / 0.5, 3.0, 0.5),
        ),
    ],
    ids=["voigt", "exponentially_modified_gaussian"],
)
def test_shapes_of_much_arithmetic_times_a_line(shape, values, pdf):
    """With their derivatives, at nodes that are rows and columns."""
    model, params = Product((shape, Polynomial(degree=1))), jnp.array([*values, 2.0, 0.3])
    twin = [
        quad(lambda x: pdf(x) * (2 + 0.3 * x), a, b, epsabs=0, epsrel=1e-12)[0]
        for a, b in pairwise(EDGES)
    ]
    found, slopes = jax.jit(
        lambda p: jax.jvp(lambda q: model.integral(jnp.asarray(EDGES), *q), (p,), (p * 0 + 1,))
    )(params)
    np.testing.assert_allclose(found, twin, rtol=1e-10)
    assert np.isfinite(slopes).all()


def test_slopes_in_an_end():
    model = Product((Exponential(), Uniform()))
    slope = jax.jit(jax.jacfwd(lambda low: model.integral(jnp.asarray(EDGES), 5.0, 3.0, low, 7.77)))
    step = 1e-6
    ends = [integrals(model, 5.0, 3.0, 1.13 + s, 7.77) for s in (step, -step)]
    np.testing.assert_allclose(slope(1.13), (ends[0] - ends[1]) / (2 * step), rtol=1e-6, atol=1e-9)


def test_argus_times_a_line():
    """Its end is a root: a hundred times better than uncut."""
    found = integrals(Product((Argus(), Polynomial(degree=1))), 1.5, 7.3, 2.0, 0.3)
    twin = [
        quad(lambda x: argus.pdf(x, 1.5, scale=7.3) * (2 + 0.3 * x), a, min(b, 7.3), limit=200)[0]
        if a < 7.3
        else 0.0
        for a, b in pairwise(EDGES)
    ]
    np.testing.assert_allclose(found, twin, rtol=2e-4)


@pytest.mark.parametrize("k", [0.6, 1.0, 2.0])
def test_a_density_that_is_infinite_at_its_edge_is_finite_in_bins(k):
    model = Product((Weibull(), Polynomial(degree=0)))
    values, slopes = jax.jit(
        lambda p: (
            model.integral(jnp.asarray(EDGES), *p),
            jax.jacfwd(lambda q: model.integral(jnp.asarray(EDGES), *q))(p),
        )
    )(jnp.array([k, 3.0, 2.0]))
    assert np.isfinite(values).all()
    assert np.isfinite(slopes).all()


def test_a_template_times_a_line():
    """A product asked a template for its cuts and called its bin edges: no such fit ran."""
    steps, counts = np.array([0.3, 1.0, 2.6, 2.7, 8.2]), np.array([3.0, 0.0, 1.0, 6.0])
    below = np.concatenate([[0.0], np.cumsum(counts)])
    heights = counts / counts.sum() / np.diff(steps)
    primitive = np.polynomial.Polynomial([0.0, 2.0, 0.3 / 2])
    twin = [
        sum(
            height * (primitive(end) - primitive(begin))
            for low, high, height in zip(steps[:-1], steps[1:], heights, strict=True)
            if (end := min(b, high)) > (begin := max(a, low))
        )
        for a, b in pairwise(EDGES)
    ]
    for size in (4, 16):  # tables are padded
        pad = (0, size - 4)
        tables = {"edges": steps, "below": below / 10}
        tables = {name: jnp.asarray(np.pad(t, pad, "edge")) for name, t in tables.items()}
        model = Product((Template(size=size, **tables), Polynomial(degree=1)))
        np.testing.assert_allclose(integrals(model, 2.0, 0.3), twin, rtol=1e-13, atol=1e-15)


STEPS = Uniform(prefix="u_"), Exponential(prefix="e_")


@pytest.mark.parametrize(
    "terms", [Sum(STEPS), Sum((Sum(STEPS),)), Mixture(STEPS)], ids=["sum", "nested", "mixture"]
)
def test_the_terms_of_a_sum_are_cut_where_they_jump(terms):
    """Nothing was cut in a factor that is no density itself."""
    low, high, tau = 1.13, 7.77, 3.0
    amounts = (4.0, low, high, 5.0, tau)
    if isinstance(terms, Mixture):
        amounts = (9.0, 4 / 9, low, high, tau)
    found = integrals(Product((terms, Polynomial(degree=1))), *amounts, 2.0, 0.3)
    line = np.polynomial.Polynomial([0.0, 2.0, 0.3 / 2])
    flat = 4 * line(np.clip(EDGES, low, high)) / (high - low)
    # of exp(-x / tau) / tau (2 + 0.3 x)
    falling = 5 * -np.exp(-EDGES / tau) * (2 + 0.3 * (EDGES + tau))
    np.testing.assert_allclose(found, np.diff(flat + falling), rtol=1e-12)


def test_a_sum_of_decays_begins_inside_a_bin():
    edges = np.array([-1.5, -0.5, 0.5, 1.5, 2.5])
    model = Product((Sum((Exponential(), Exponential(prefix="b_"))), Polynomial(degree=0)))
    found = jax.jit(lambda p: model.integral(jnp.asarray(edges), *p))(
        jnp.array([2.0, 1.0, 3.0, 0.5, 1.0])
    )
    twin = 2 * expon.cdf(edges) + 3 * expon.cdf(edges, scale=0.5)
    np.testing.assert_allclose(found, np.diff(twin), rtol=1e-12)


@pytest.mark.parametrize(
    ("density", "twin", "own"),
    [
        (BifurcatedGaussian(), "bifurcated_gaussian", (5.23, 0.2, 0.9)),
        (Cruijff(), "cruijff", (5.23, 0.2, 0.9, 0.1, 0.2, 0.0, 10.0)),
    ],
    ids=["bifurcated_gaussian", "cruijff"],
)
def test_a_peak_of_two_halves_is_cut_where_they_meet(density, twin, own):
    """A jump of the curvature, inside a bin wider than the narrow half."""
    found = integrals(Product((density, Polynomial(degree=0))), *own, 1.0)
    expected = exact_integrals(SCIPY_TWINS[twin], EDGES.tolist(), (1.0, *own))
    near = slice(8, 13)  # the rule of a bin is not made for a far tail
    np.testing.assert_allclose(found[near], expected[near], rtol=1e-9)


@pytest.mark.parametrize(
    ("curve", "values", "twin"),
    [
        (Power(), (3.0, 1.5, 2.0), lambda x: 2 + 3 * x**1.5),
        (MichaelisMenten(), (3.0, 0.7), lambda x: 3 * x / (0.7 + x)),
        (Hill(), (3.0, 0.7, 2.5, 2.0), lambda x: 2 + 3 * x**2.5 / (0.7**2.5 + x**2.5)),
        (StretchedExponential(), (3.0, 2.0, 1.5, 2.0), lambda x: 2 + 3 * np.exp(-((x / 2) ** 1.5))),
    ],
    ids=["power", "michaelis_menten", "hill", "stretched_exponential"],
)
def test_a_curve_that_bends_at_zero_is_cut_there(curve, values, twin):
    edges = np.array([-0.7, 0.8, 2.0])
    model = Product((curve, Gaussian()))
    found = jax.jit(lambda p: model.integral(jnp.asarray(edges), *p))(
        jnp.array([*values, 0.5, 1.0])
    )

    def integrand(x):
        return twin(max(x, 0.0)) * norm.pdf(x, 0.5, 1.0)

    expected = [quad(integrand, a, b, points=[0.0])[0] for a, b in pairwise(edges)]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
