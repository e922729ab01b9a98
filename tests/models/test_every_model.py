"""Every shape of the registry against its twin: a new shape is tested by existing.

Values and bin integrals are held to 1e-10 relative, far tails included: a bin of 1e-300 events is
as wrong at 0 as at twice that.
"""

import os
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fitting.kernels.compiling import LIGHTLY, THOROUGHLY
from models.model import Density
from models.registry import SHAPES
from tests.models.twins import SCIPY_TWINS, every_sixth, sparing
from tests.models.twins.twin import exact_integrals, exactly

SHAPE_NAMES = sorted(SHAPES)
RELATIVE = 1e-10
#: In units of the shape's length from its origin; each list rises.
BINS = {
    "around": [-3.0, -2.0, -1.0, -0.3, 0.2, 0.9, 1.7, 3.0],
    "one edge at the origin": [-1.0, 0.0, 1.0],
    "right tail": [5.0, 8.0, 8.5, 20.0, 30.0, 36.0],
    "left tail": [-36.0, -30.0, -20.0, -8.5, -8.0, -5.0],
    "wide": [-1e6, -50.0, 70.0, 1e6],
    "everything in one": [-1e3, 1e3],
    "from the origin on": [0.0, 1e3, 1e6],
    "width 1e-4": [-6.0001, -6.0, 0.7, 0.7001, 6.0, 6.0001],
    "widths about 1e-3": [-9.0005, -9.0, 0.0, 0.0009, 0.002, 0.7, 0.7005, 0.702, 12.0, 12.00007],
    "width 1e-9": [-6.000000001, -6.0, 0.7, 0.700000001, 6.0, 6.000000001],
}
LONGEST = max(map(len, BINS.values()))
POSITIONS = 121
#: Those that heavy shapes, too, are always compared in.
FIRST = ("around", "right tail", "width 1e-9", "everything in one", "from the origin on")


def cases(name, rng, number):
    """(twin, model, parameters), `number` of them for each model of a shape."""
    twin = SCIPY_TWINS[name]
    for model in twin.models:
        for _ in range(number):
            yield twin, model, tuple(map(float, twin.draw(rng, model)))


@cache
def compiled(model, method):
    """One compilation for bins, or positions, of every kind, which are padded to one length.

    As the service compiles few entries; in `make test-full` as it does many.
    """
    options = THOROUGHLY if "TEST_THOROUGHLY" in os.environ else LIGHTLY
    return jax.jit(lambda x, params: getattr(model, method)(x, *params), compiler_options=options)


def padded(x, length):
    return np.pad(x, (0, length - len(x)), "edge")


def assert_close(found, expected, where):
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    wrong = np.abs(found - expected) > RELATIVE * np.abs(expected)
    assert not wrong.any(), (where, found[wrong], expected[wrong])


def test_every_shape_has_a_twin_of_its_own():
    assert set(SCIPY_TWINS) == set(SHAPES)
    for name, twin in SCIPY_TWINS.items():
        assert all(type(model) is SHAPES[name] for model in twin.models)


@pytest.mark.parametrize("name", SHAPE_NAMES)
def test_value_is_that_of_scipy(name, rng):
    for twin, model, params in cases(name, rng, 20):
        origin, length = twin.frame(*params)
        positions = twin.within([0.0, *rng.uniform(-36, 36, 100), *rng.uniform(0, 1, 20)])
        x = origin + length * np.array(positions)
        found = compiled(model, "value")(padded(x, POSITIONS), np.array(params))[: len(x)]
        assert_close(found, twin.value(x, *params), params)


@pytest.mark.parametrize(
    ("name", "bins"),
    [
        *((name, bins) for name in SHAPE_NAMES for bins in FIRST),
        *sparing((name, bins) for name in SHAPE_NAMES for bins in BINS if bins not in FIRST),
    ],
)
def test_integral_is_exact(name, bins, rng):
    for twin, model, params in cases(name, rng, 1 if SCIPY_TWINS[name].slow else 8):
        origin, length = twin.frame(*params)
        edges = origin + length * np.array(twin.within(BINS[bins]))
        if len(edges) < 2 or (np.diff(edges) <= 0).any():
            continue  # this origin is too far off for so narrow a bin to exist in a double
        expected = exact_integrals(twin, edges.tolist(), params)
        found = compiled(model, "integral")(padded(edges, LONGEST), np.array(params))
        assert_close(found[: len(expected)], expected, (params, edges))


def test_gaussian_far_bins_are_not_empty():
    """A difference of cdfs is 0 there; A&S 26.2: Q(20) - Q(30) = 2.7536e-89."""
    gaussian = SHAPES["gaussian"]()
    ten_to_twenty = np.array([10.0, 20.0])
    right = gaussian.integral(jnp.asarray(ten_to_twenty), 1.0, 0.0, 1.0)
    left = gaussian.integral(jnp.asarray(-ten_to_twenty[::-1]), 1.0, 0.0, 1.0)
    np.testing.assert_allclose([right[0], left[0]], 7.619853024160527e-24, rtol=RELATIVE)


@pytest.mark.parametrize("name", SHAPE_NAMES)
def test_integral_is_the_quadrature_of_value(name):
    """Over the shape's own example, so that shape and example belong together, too."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    for model in {SHAPES[name](), *SCIPY_TWINS[name].models}:
        values = model.example.values
        if len(values) != len(model.declare()):
            values = SCIPY_TWINS[name].params(model)
        bins = 40
        edges = np.linspace(*model.example.x_range, bins + 1)
        half, middle = np.diff(edges) / 2, (edges[1:] + edges[:-1]) / 2
        x = middle[:, None] + half[:, None] * nodes
        expected = np.asarray(model.value(x.ravel(), *values)).reshape(x.shape) @ weights * half
        found = [  # in pieces of the one length that is compiled
            compiled(model, "integral")(padded(edges[first:][:LONGEST], LONGEST), np.array(values))
            for first in range(0, bins, LONGEST - 1)
        ]
        np.testing.assert_allclose(np.concatenate(found)[:bins], expected, rtol=RELATIVE)


@pytest.mark.parametrize("name", SHAPE_NAMES)
def test_densities_are_normalised(name):
    model = SHAPES[name]()
    if not isinstance(model, Density):
        pytest.skip("not a density")
    low, high = model.example.x_range
    far = 1e4 * (high - low)
    edges = np.array([low - far, low, high, high + far])
    values = model.example.values
    total = compiled(model, "integral")(padded(edges, LONGEST), np.array(values)).sum()
    twin = SCIPY_TWINS[name]
    if twin.slow:  # a quadrature over so wide a bin is none
        assert float(total) == pytest.approx(values[0], rel=1e-5)
        return
    expected = exactly(twin.exact_integral, (float(edges[0]), float(edges[-1])), values)
    assert float(total) == pytest.approx(expected, rel=1e-11)
    assert expected == pytest.approx(values[0], rel=1e-3)  # heavy tails reach farther


@pytest.mark.parametrize("name", every_sixth(SHAPE_NAMES))
def test_jit_equals_eager(name, rng):
    for _, model, params in cases(name, rng, 2):
        twin = SCIPY_TWINS[name]
        origin, length = twin.frame(*params)
        x = jnp.asarray(origin + length * np.array(twin.within(np.linspace(-6, 6, 49))))
        for method in (model.value, model.integral):
            eager = np.asarray(method(x, *params))
            compiled = np.asarray(jax.jit(method)(x, *params))
            assert (np.abs(compiled - eager) <= 1e-12 * np.abs(eager)).all()


@pytest.mark.parametrize("name", SHAPE_NAMES)
def test_everything_is_float64_and_of_the_shape_of_x(name):
    model = SHAPES[name]()
    x = jnp.linspace(*model.example.x_range, 7)
    for method, length in ((model.value, 7), (model.integral, 6)):
        found = jax.eval_shape(method, x, *model.example.values)
        assert found.dtype == np.float64
        assert found.shape == (length,)


@pytest.mark.parametrize("name", SHAPE_NAMES)
def test_shapes_say_what_they_are(name):
    shape = SHAPES[name]
    model = shape()
    assert shape.__doc__
    assert shape.formula
    assert shape.reference
    assert len(model.example.values) == len(model.declare()) == len(set(model.parameters))
    for parameter, value in zip(model.declare(), model.example.values, strict=True):
        lower, upper = parameter.limits(counting=True)
        assert lower is None or value > lower
        assert upper is None or value < upper


def test_exponential_is_zero_below_its_origin():
    exponential = SHAPES["exponential"]()
    assert not exponential.value(jnp.array([-1e-300, -1.0, -1e6]), 5.0, 2.0).any()
    assert not exponential.integral(jnp.array([-9.0, -1.0, 0.0]), 5.0, 2.0).any()
    across = exponential.integral(jnp.array([-3.0, 4.0]), 5.0, 2.0)
    assert float(across[0]) == pytest.approx(5 * -np.expm1(-2.0), rel=1e-14)


@pytest.mark.parametrize("name", ["bernstein", "chebyshev", "legendre"])
def test_a_series_of_degree_0_is_a_constant_on_an_interval_of_no_width(name):
    """Points all at one x, say: the polynomial of degree 0 is 1 everywhere."""
    constant, x = SHAPES[name](degree=0), jnp.full(3, 2.0)
    np.testing.assert_array_equal(constant.value(x, 5.0, 2.0, 2.0), [5.0, 5.0, 5.0])
    slopes = jax.jacfwd(lambda p: constant.value(x, *p))(jnp.array([5.0, 2.0, 2.0]))
    np.testing.assert_array_equal(slopes, [[1.0, 0.0, 0.0]] * 3)


def test_twins_agree_with_each_other(rng):
    """SciPy and mpmath: an oracle that is wrong proves nothing."""
    for name in SHAPE_NAMES:
        for twin, _, params in cases(name, rng, 3):
            origin, length = twin.frame(*params)
            for x in (origin + length * np.array(twin.within(rng.uniform(0.01, 5, 8)))).tolist():
                expected = exactly(twin.exact_value, [x], params)
                assert float(twin.value(x, *params)) == pytest.approx(expected, rel=1e-12)
