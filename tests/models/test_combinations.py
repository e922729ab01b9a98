"""Models made of models, against SciPy, closed forms and the sums that they rearrange."""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from models.composition.composite import MOST_QUICK
from models.composition.mixture import Mixture
from models.composition.product import Product
from models.composition.smeared import Smeared
from models.composition.sum import Sum
from models.composition.template import Template
from models.features import Features
from models.shapes.argus import Argus
from models.shapes.exponential import Exponential
from models.shapes.gaussian import Gaussian
from models.shapes.polynomial import Polynomial
from tests.models.twins import SCIPY_TWINS
from tests.models.twins.twin import exact_integrals, exactly

X = jnp.linspace(-1.0, 9.0, 41)
PEAK, DECAY = Gaussian(prefix="s_"), Exponential(prefix="b_")


def names(model):
    return [p.name for p in model.parameters]


def test_a_mixture_is_the_sum_with_its_amounts():
    third = Gaussian(prefix="t_")
    mixture, total = Mixture((PEAK, DECAY, third)), Sum((PEAK, DECAY, third))
    assert names(mixture) == [
        *("amp", "s_fraction", "b_fraction", "s_mu", "s_sigma", "b_tau", "t_mu", "t_sigma")
    ]
    params = (1000.0, 0.2, 0.5, 2.0, 0.4, 3.0, 6.0, 0.9)
    yields = (200.0, 2.0, 0.4, 500.0, 3.0, 300.0, 6.0, 0.9)
    for method in ("value", "integral"):
        found, expected = getattr(mixture, method)(X, *params), getattr(total, method)(X, *yields)
        np.testing.assert_allclose(found, expected, rtol=1e-14)
    back = mixture.from_yields(dict(zip(names(total), yields, strict=True)))
    np.testing.assert_allclose(back, params, rtol=1e-15)


def test_parameters_of_one_name_are_one_parameter():
    shared = Sum((Gaussian(prefix="a_"), Gaussian(prefix="b_", rename=(("mu", "a_mu"),))))
    assert names(shared) == ["a_amp", "a_mu", "a_sigma", "b_amp", "b_sigma"]
    found = shared.integral(X, 10.0, 4.0, 0.5, 20.0, 1.5)
    expected = 10 * np.diff(stats.norm.cdf(X, 4, 0.5)) + 20 * np.diff(stats.norm.cdf(X, 4, 1.5))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-15)


def test_what_is_shared_makes_another_kernel_but_a_name_does_not():
    def pair(rename, prefix="b_"):
        return Sum((Gaussian(prefix="a_"), Gaussian(prefix=prefix, rename=rename)))

    separate = pair(())
    same_mu, same_sigma = pair((("mu", "a_mu"),)), pair((("sigma", "a_sigma"),))
    assert len({separate, same_mu, same_sigma}) == 3
    assert pair((), prefix="c_") == separate
    assert pair((("mu", "center"),)) == separate
    assert hash(pair((), prefix="c_")) == hash(separate)


def test_a_product_leaves_out_amps():
    product = Product((PEAK, Polynomial(degree=1)))
    assert names(product) == ["s_mu", "s_sigma", "c0", "c1"]
    expected = stats.norm.pdf(X, 4, 2) * (3 + 0.5 * np.asarray(X))
    np.testing.assert_allclose(product.value(X, 4.0, 2.0, 3.0, 0.5), expected, rtol=1e-13)
    areas = [
        integrate.quad(lambda x: stats.norm.pdf(x, 4, 2) * (3 + 0.5 * x), *pair, epsrel=1e-12)[0]
        for pair in pairwise(X.tolist())
    ]
    np.testing.assert_allclose(product.integral(X, 4.0, 2.0, 3.0, 0.5), areas, rtol=1e-10)
    both = Product((PEAK, DECAY))
    assert names(both) == ["amp", "s_mu", "s_sigma", "b_tau"]
    expected = 7 * stats.norm.pdf(X, 4, 2) * stats.expon.pdf(X, scale=3)
    np.testing.assert_allclose(both.value(X, 7.0, 4.0, 2.0, 3.0), expected, rtol=1e-13)


def test_a_product_began_at_1_in_every_parameter():
    """Its factors' candidates were overwritten by the ones that only coefficients begin at."""
    data = Features((3.0, 4.0), (2.0,), (5.0,), (1.0,), 0.0, 10.0)
    product = Product((PEAK, DECAY, Polynomial(degree=1, prefix="p_")))
    assert names(product) == ["s_mu", "s_sigma", "b_tau", "p_c0", "p_c1"]
    assert list(product.starts(data)) == [(3.0, 2.0, 5.0), (4.0, 2.0, 5.0)]
    two_curves = Product((Polynomial(degree=1), Polynomial(degree=0, prefix="p_"), PEAK))
    assert list(two_curves.starts(data)) == [(1.0, 3.0, 2.0), (1.0, 4.0, 2.0)]


def padded_template(edges, counts, size):
    below = np.concatenate([[0], np.cumsum(counts)]) / counts.sum()
    more = (0, size + 1 - len(edges))
    return Template(size=size, edges=np.pad(edges, more, "edge"), below=np.pad(below, more, "edge"))


def test_a_template_is_its_histogram_whatever_the_bins():
    edges, counts = np.array([0.0, 1.0, 2.0, 4.0, 8.0]), np.array([1.0, 5.0, 0.0, 2.0])
    twin = stats.rv_histogram((counts, edges), density=False)
    for size in (4, 32):
        template = padded_template(edges, counts, size)
        x = np.array([-1.0, 0.5, 1.5, 3.0, 4.0001, 7.9, 9.0])
        np.testing.assert_allclose(template.value(x, 10.0), 10 * twin.pdf(x), rtol=1e-14)
        bins = np.array([-2.0, 0.5, 0.7, 2.5, 5.0, 5.0, 20.0])
        expected = 10 * np.diff(twin.cdf(bins))
        np.testing.assert_allclose(template.integral(bins, 10.0), expected, atol=1e-14)


def test_templates_of_one_size_share_a_kernel():
    one = padded_template(np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0]), 32)
    other = padded_template(np.array([5.0, 6.0, 9.0, 10.0]), np.array([1.0, 2.0, 3.0]), 32)
    assert one == other
    assert hash(one) == hash(other)
    swapped = Sum((one, PEAK)).with_tables(iter(other.tables))
    np.testing.assert_array_equal(swapped.tables[0], other.edges)
    assert padded_template(np.array([0.0, 1.0]), np.array([1.0]), 64) != one


class Plain(Exponential):
    """An exponential that `Smeared` does not know, so that it must integrate."""


class PlainPeak(Gaussian):
    """The same of a Gaussian."""


@cache
def compiled(model, method):
    """The same for all parameters."""
    return jax.jit(lambda x, params: getattr(model, method)(x, *params))


def assert_smeared(density, params, edges, twin, smeared_params):
    """Bins and values against mpmath; at 1e-12 of the largest, the smearing is cut off."""
    model, exact = Smeared(density=density), SCIPY_TWINS[twin]
    found = compiled(model, "integral")(edges, np.array(params))
    expected = exact_integrals(exact, edges.tolist(), smeared_params)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12 * expected.max())
    expected = np.array([exactly(exact.exact_value, [x], smeared_params) for x in edges])
    found = compiled(model, "value")(edges, np.array(params))
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12 * expected.max())


@pytest.mark.parametrize("density", [Exponential(), Plain()], ids=lambda d: type(d).__name__)
@pytest.mark.parametrize(
    ("tau", "resolution"),
    [(2.0, 0.4), (2.0, 1e-3), (2.0, 1e-7), (0.1, 0.1), (100.0, 0.1), (1e7, 0.1), (3e-3, 1.0)],
)
def test_a_smeared_exponential_is_exponentially_modified(density, tau, resolution):
    for length in (max(tau, resolution), resolution):
        edges = np.linspace(-3 * resolution, 5 * length, 30)
        params, modified = (1.0, tau, resolution), (1.0, 0.0, resolution, tau)
        assert_smeared(density, params, edges, "exponentially_modified_gaussian", modified)


@pytest.mark.parametrize("density", [Gaussian(), PlainPeak()], ids=lambda d: type(d).__name__)
@pytest.mark.parametrize(
    ("sigma", "resolution"), [(1.0, 1.0), (0.1, 1.0), (1e-3, 1.0), (1.0, 1e-3), (1e4, 1.0)]
)
def test_a_smeared_gaussian_is_a_wider_gaussian(density, sigma, resolution):
    wide = np.hypot(sigma, resolution)
    for length in (wide, resolution):
        edges = 0.3 + length * np.linspace(-5.0, 6.0, 37)
        params, wider = (1.0, 0.3, sigma, resolution), (1.0, 0.3, wide)
        assert_smeared(density, params, edges, "gaussian", wider)


@pytest.mark.parametrize(
    "model",
    [
        Mixture((PEAK, DECAY)),
        Product((PEAK, Polynomial(degree=1))),
        Smeared(density=Plain()),
        Smeared(density=Argus()),
        Smeared(density=padded_template(np.array([0.0, 1.0, 4.0]), np.array([1.0, 2.0]), 4)),
        Sum((PEAK, replace(DECAY, normalised="range"))),
    ],
    ids=lambda model: type(getattr(model, "density", model)).__name__,
)
def test_derivatives_are_finite_everywhere(model):
    values = {"amp": 100.0, "fraction": 0.3, "mu": 4.0, "sigma": 0.5, "tau": 2.0, "low": 0.0}
    values |= {"high": 8.0, "resolution": 0.3, "chi": 1.0, "c": 8.0, "c0": 1.0, "c1": 0.1}
    params = jnp.array([values[p.name.split("_")[-1]] for p in model.declare()])
    edges = jnp.array([-1e4, -40.0, -1.0, 0.0, 0.0, 1.0, 4.0, 8.0, 9.0, 60.0, 1e4])
    for method in (model.value, model.integral):
        for derivative in (jax.jacfwd, jax.jacrev, jax.hessian):
            found = jax.jit(derivative(lambda p, method=method: method(edges, *p)))(params)
            assert np.isfinite(np.asarray(found)).all(), (method, derivative)


@pytest.mark.parametrize("shape", [Gaussian, Exponential], ids=lambda s: s.__name__)
def test_a_density_on_a_range_has_all_its_events_there(shape):
    model, own = shape(normalised="range"), {Gaussian: (1.0, 2.0), Exponential: (3.0,)}[shape]
    twin = {Gaussian: stats.norm(1, 2), Exponential: stats.expon(scale=3)}[shape]
    low, high = 0.5, 6.0
    share = twin.cdf(high) - twin.cdf(low)
    edges = np.array([-2.0, 0.0, 0.5, 2.0, 4.0, 6.0, 6.5, 50.0])
    found = np.asarray(jax.jit(model.integral)(edges, 10.0, *own, low, high))
    expected = 10 * np.diff(twin.cdf(np.clip(edges, low, high))) / share
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)
    inside = (edges >= low) & (edges <= high)
    expected = np.where(inside, 10 * twin.pdf(edges) / share, 0)
    found = jax.jit(model.value)(edges, 10.0, *own, low, high)
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_compositions_of_many_different_parts_may_take_long_to_compile():
    """Equal terms of a sum are compiled once, factors one by one."""
    peaks = tuple(Gaussian(prefix=f"p{i}_") for i in range(MOST_QUICK + 1))
    curves = tuple(Polynomial(degree=i, prefix=f"c{i}_") for i in range(MOST_QUICK + 1))
    assert Sum(peaks).breadth == 1
    assert not Sum(peaks).is_custom
    assert Product(peaks[:-1]).breadth == MOST_QUICK
    assert not Product(peaks[:-1]).is_custom
    assert Product(peaks).is_custom
    assert Sum((Product(peaks), DECAY)).is_custom
    assert not Sum(curves[:-1]).is_custom
    assert Sum(curves).is_custom
