"""The Faddeeva function and its derivatives against mpmath, near and far from the real axis."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy import special

from models.faddeeva import STEP, faddeeva
from tests.models.twins.hard_peaks import faddeeva_exact
from tests.models.twins.twin import DIGITS

ORDERS = 5
#: Of the modulus: the recurrence for the derivatives loses a digit each below |z| = 3.
TOLERANCES = (2e-15, 3e-14, 3e-13, 3e-12, 2e-11)


def points(rng):
    """Everywhere, near the axis, on and between the nodes, and where formulas change."""
    x = [*rng.uniform(0, 12, 60), *10 ** rng.uniform(-8, 8, 60), *rng.uniform(0, 8, 60)]
    y = [*10 ** rng.uniform(-12, 3, 60), *10 ** rng.uniform(-8, 8, 60), *rng.uniform(0, 8, 60)]
    nodes = [STEP * k / 8 for k in range(110)]
    for height in (0.0, 1e-6, 0.3, 2.9999, 3.0001, 6.13, 6.14):
        x, y = x + nodes, y + [height] * len(nodes)
    return np.array(x), np.array(y)


def exact(x, y):
    """w and its derivatives, which the recurrence gives in enough digits to lose some."""
    with mpmath.workdps(DIGITS + 100):
        z = mpmath.mpc(x, y)
        values = [faddeeva_exact(z)]
        if abs(z) > 1e3:  # the recurrence would cancel more than the asymptotic series has
            w = [sum_far(z, n) for n in range(1, ORDERS)]
            return [complex(v) for v in (*values, *w)]
        values.append(-2 * z * values[0] + 2j / mpmath.sqrt(mpmath.pi))
        for n in range(1, ORDERS - 1):
            values.append(-2 * z * values[n] - 2 * n * values[n - 1])
        return [complex(v) for v in values]


def sum_far(z, order):
    total, coefficient = mpmath.mpc(0), mpmath.mpf(1)
    for k in range(20):
        m = 2 * k + 1
        total += coefficient * (-1) ** order * mpmath.rf(m, order) / z ** (m + order)
        coefficient *= mpmath.mpf(m) / 2
    return 1j * total / mpmath.sqrt(mpmath.pi)


@pytest.fixture(scope="module")
def compared():
    x, y = points(np.random.default_rng(7))
    found = jax.jit(faddeeva, static_argnums=0)(ORDERS - 1, jnp.asarray(x), jnp.asarray(y))
    expected = np.array([exact(*point) for point in zip(x.tolist(), y.tolist(), strict=True)])
    return x, y, [np.asarray(re) + 1j * np.asarray(im) for re, im in found], expected.T


@pytest.mark.parametrize("order", range(ORDERS))
def test_w_and_its_derivatives(compared, order):
    x, y, found, expected = compared
    error = np.abs(found[order] - expected[order]) / np.abs(expected[order])
    worst = error.argmax()
    assert error[worst] < TOLERANCES[order], (x[worst], y[worst])


def test_the_real_part_keeps_its_digits_where_it_is_small(compared):
    """It is the Voigt profile: 1e-30 times the imaginary part far out on the real axis."""
    x, y, found, expected = compared
    real = expected[0].real
    normal = real > 1e-300
    error = np.abs(found[0].real - real)[normal] / real[normal]
    assert error.max() < 1e-14, (x[normal][error.argmax()], y[normal][error.argmax()])


def test_on_the_axis_it_is_a_gaussian():
    x = jnp.linspace(-26.0, 26.0, 801)
    ((real, _),) = faddeeva(0, x, jnp.zeros_like(x))
    np.testing.assert_allclose(real, np.exp(-(np.asarray(x) ** 2)), rtol=3e-13)


def test_left_half_plane_mirrors_the_right(rng):
    x, y = rng.uniform(-9, 9, 300), 10 ** rng.uniform(-6, 1, 300)
    ((real, imaginary),) = faddeeva(0, jnp.asarray(x), jnp.asarray(y))
    np.testing.assert_allclose(real + 1j * imaginary, special.wofz(x + 1j * y), rtol=3e-13)


def test_derivatives_by_jax_are_the_derivatives():
    """d/dx and d/dy of w, twice: the custom rule against the orders that it returns."""
    x, y = 0.7, 0.4
    values = jax.jit(faddeeva, static_argnums=0)(2, jnp.array(x), jnp.array(y))
    for mode in (jax.jacfwd, jax.jacrev):
        slope = jax.jit(mode(lambda p: jnp.stack(faddeeva(0, p[0], p[1])[0])))(jnp.array([x, y]))
        (a, b), (c, d) = values[1], values[2]
        np.testing.assert_allclose(slope, [[a, -b], [b, a]], rtol=1e-13)
        hessian = jax.jit(jax.hessian(lambda p: faddeeva(0, p[0], p[1])[0][0]))(jnp.array([x, y]))
        np.testing.assert_allclose(hessian, [[c, -d], [-d, -c]], rtol=1e-13)
