"""Sums add, names carry prefixes, and names alone make no new kernel."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from models.composition.sum import Sum
from models.composition.template import Template
from models.shapes.exponential import Exponential
from models.shapes.gaussian import Gaussian
from models.shapes.polynomial import Polynomial
from models.shapes.voigt import Voigt

PEAK, DECAY, LINE = Gaussian(prefix="s_"), Exponential(prefix="b_"), Polynomial(degree=1)
NESTED = Sum((Sum((PEAK, LINE), prefix="left_"), DECAY))
PARAMS = {PEAK: (300.0, 2.0, 0.4), LINE: (5.0, -0.25), DECAY: (900.0, 3.0)}
X = jnp.linspace(-1.0, 9.0, 31)


def together(*terms):
    return tuple(p for term in terms for p in PARAMS[term])


@pytest.mark.parametrize(
    "terms", [(PEAK,), (PEAK, DECAY), (DECAY, PEAK), (PEAK, LINE, DECAY)], ids=len
)
def test_value_and_integral_add(terms):
    total, params = Sum(terms), together(*terms)
    for name in ("value", "integral"):
        found = getattr(total, name)(X, *params)
        parts = [np.asarray(getattr(term, name)(X, *PARAMS[term])) for term in terms]
        np.testing.assert_allclose(found, np.sum(parts, axis=0), rtol=1e-14)


@pytest.mark.parametrize("shape", [Gaussian, pytest.param(Voigt, marks=pytest.mark.slow)])
def test_many_equal_terms_add_with_their_derivatives(shape):
    """They are one call: with another term among them, in some bins that need their panels."""
    terms = [replace(shape(), prefix=f"p{i}_") for i in range(4)]
    terms.insert(2, DECAY)
    params = [
        (100.0 + i, 0.7 * i, *(0.4 + 0.1 * i,) * (len(terms[0].declare()) - 2)) for i in range(5)
    ]
    params[2] = PARAMS[DECAY]
    sizes = [len(term.declare()) for term in terms]
    flat = jnp.concatenate([jnp.array(own) for own in params])

    def added(p, name):
        own = jnp.split(p, np.cumsum(sizes)[:-1])
        return sum(getattr(t, name)(X, *values) for t, values in zip(terms, own, strict=True))

    for name in ("value", "integral"):
        total = partial(getattr(Sum(tuple(terms)), name), X)
        found, expected = jax.jit(total)(*flat), jax.jit(partial(added, name=name))(flat)
        np.testing.assert_allclose(found, expected, rtol=1e-14)
        for derivative in (jax.jacfwd, jax.jacrev):
            found = jax.jit(derivative(lambda p, total=total: total(*p)))(flat)
            expected = jax.jit(derivative(partial(added, name=name)))(flat)
            np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


def test_equal_templates_keep_their_contents():
    """Templates of one size are equal as models, and different as data."""
    edges = np.array([0.0, 1.0, 2.0])
    terms = tuple(
        Template(size=2, edges=jnp.array(edges), below=jnp.array([0.0, i, 4.0]), prefix=f"t{i}_")
        for i in range(4)
    )
    found = Sum(terms).integral(jnp.array(edges), *[8.0] * 4)
    np.testing.assert_allclose(found, [12.0, 20.0], rtol=1e-15)


def test_nested_sums_add_and_flatten():
    params = together(PEAK, LINE, DECAY)
    flat = Sum((PEAK, LINE, DECAY))
    np.testing.assert_allclose(NESTED.value(X, *params), flat.value(X, *params), rtol=1e-14)
    assert tuple(part for part, _ in NESTED.parts) == (PEAK, LINE, DECAY)
    assert [p.name for p in NESTED.parameters] == [
        *("left_s_amp", "left_s_mu", "left_s_sigma", "left_c0", "left_c1", "b_amp", "b_tau")
    ]


def test_parameters_keep_order_limits_and_roles():
    total = Sum((DECAY, PEAK))
    assert [p.name for p in total.parameters] == ["b_amp", "b_tau", "s_amp", "s_mu", "s_sigma"]
    assert [p.linear for p in total.parameters] == [True, False, True, False, False]
    assert [p.limits(counting=True) for p in total.parameters] == [
        *((0.0, None), (0.0, None), (0.0, None), (None, None), (0.0, None))
    ]
    assert total.parameters[0].limits(counting=False) == (None, None)


@pytest.mark.parametrize("shape", [Gaussian, Exponential, Polynomial])
def test_prefix_changes_names_but_not_the_kernel(shape):
    plain, named = shape(), shape(prefix="x_")
    assert plain == named
    assert hash(plain) == hash(named)
    assert [p.name for p in named.parameters] == [f"x_{p.name}" for p in plain.parameters]
    assert Sum((named, plain), prefix="y_") == Sum((plain, named))
    assert hash(Sum((named, plain), prefix="y_")) == hash(Sum((plain, named)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Gaussian(), Exponential()),
        (Polynomial(degree=1), Polynomial(degree=2)),
        (Sum((PEAK, DECAY)), Sum((DECAY, PEAK))),
        (Sum((PEAK,)), Sum((PEAK, PEAK))),
        (Sum((PEAK,)), PEAK),
    ],
)
def test_what_computes_something_else_is_another_kernel(one, other):
    assert one != other
    assert len({one, other}) == 2
