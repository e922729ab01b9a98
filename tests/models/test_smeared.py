"""Densities smeared by a Gaussian, against integrals by other rules and by mpmath.

The oracle cuts the integral over the density at places of its own, and not over the smearing.
"""

from functools import cache, partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy import integrate, special, stats

from models.composition.smeared import Smeared
from models.composition.template import Template
from models.model import Density
from models.registry import SHAPES
from tests.models.twins import SCIPY_TWINS
from tests.models.twins.twin import DIGITS, exact_derivatives

#: Parameters, with the place and width of what is narrow, beside those of the twins.
NARROW = {
    "argus": [((1.0, 8.0, 10.0), 9.9, 0.1), ((1.0, 1e-3, 10.0), 7.0, 2.0)],
    "beta": [((1.0, 300.0, 700.0, 0.0, 10.0), 3.0, 0.15)],
    "bifurcated_gaussian": [((1.0, 0.5, 1.0, 0.02), 0.5, 0.02)],
    "crystal_ball": [((1.0, 0.5, 0.1, 3.0, 3.0), 0.5, 0.1)],
    "double_crystal_ball": [((1.0, 0.5, 0.1, 3.0, 3.0, 0.2, 2.0), 0.5, 0.1)],
    "gamma": [((1.0, 400.0, 0.0125), 5.0, 0.25), ((1.0, 1.0, 0.5), 0.0, 0.5)],
    "johnson_su": [
        ((1.0, 0.0, 1.0, 6.0, 2.0), -10.0, 5.0),
        ((1.0, 0.0, 1.0, 20.0, 10.0), -3.6, 0.4),
    ],
    "log_normal": [((1.0, np.log(5.0), 0.01), 5.0, 0.05), ((1.0, 0.0, 2.0), 0.1, 0.1)],
    "power_law": [((1.0, 30.0, 1.0, 10.0), 1.0, 0.03), ((1.0, -20.0, 1.0, 10.0), 10.0, 0.5)],
    "relativistic_breit_wigner": [((1.0, 1.0, 10.0), 0.0, 1.0), ((1.0, 91.0, 0.1), 91.0, 0.1)],
    "weibull": [((1.0, 40.0, 5.0), 5.0, 0.12), ((1.0, 1.5, 5.0), 0.0, 5.0)],
}
RESOLUTIONS = (0.05, 1.0, 20.0, 1000.0)  # in widths of the density
LONGEST = 32
DENSITIES = sorted(name for name in SHAPES if isinstance(SHAPES[name](), Density))


def cases(name):
    """(parameters, place, width)"""
    twin, model = SCIPY_TWINS[name], SHAPES[name]()
    params = (1.0, *twin.params(model)[1:])
    return [(params, *map(float, twin.frame(*params))), *NARROW.get(name, [])]


def special_places(name, params):
    """Edges and kinks."""
    named = dict(zip((p.name for p in SHAPES[name]().declare()), params, strict=True))
    places = [0.0, *(named[key] for key in ("low", "high", "c", "mu", "mass") if key in named)]
    for alpha, sign in (("alpha", -1), ("alpha_left", -1), ("alpha_right", 1)):
        if alpha in named and "sigma" in named:
            places.append(named["mu"] + sign * named[alpha] * named["sigma"])
    return places


def smeared(pdf, x, resolution, places, width, order=16):
    """Values at x and integrals between them, of a convolution by Gauss and Legendre's rule.

    In panels that begin at all `places`, small at first, and are no wider than the resolution.
    """
    growing = width * 2.0 ** np.arange(-44, 13)
    near = [place + sign * growing for place in places for sign in (-1, 1)]
    around = [at + resolution * np.arange(-14, 15) for at in x]
    ends = np.unique(np.concatenate([places, *near, *around]))
    ends = ends[(ends >= x[0] - 14 * resolution) & (ends <= x[-1] + 14 * resolution)]
    nodes, weights = np.polynomial.legendre.leggauss(order)
    half, middle = np.diff(ends) / 2, (ends[1:] + ends[:-1]) / 2
    t = (middle[:, None] + half[:, None] * nodes).ravel()
    mass = pdf(t) * (half[:, None] * weights).ravel()
    z = (x[:, None] - t) / resolution
    left, right = special.ndtr(z), special.ndtr(-z)
    inside = np.where(z[:-1] > 0, right[:-1] - right[1:], left[1:] - left[:-1])
    return stats.norm.pdf(z) @ mass / resolution, inside @ mass


@cache
def compiled(model):
    return jax.jit(lambda x, params: (model.value(x, *params), model.integral(x, *params)))


#: An edge with a root, peaks of either skewness, jumps; the others take a minute.
OFTEN = {"argus", "landau", "log_normal", "weibull", "moyal", "jumps at both ends"}


def assert_smeared(model, params, x, pdf, places, width):
    """To 1e-10 of the largest; and the oracle knows it better than that."""
    exact = smeared(pdf, x, params[-1], places, width)
    rough = smeared(pdf, x, params[-1], places, width, order=12)
    found = compiled(model)(np.pad(x, (0, LONGEST - len(x)), "edge"), np.array(params))
    for got, want, other in zip(found, exact, rough, strict=True):
        np.testing.assert_allclose(other, want, rtol=0, atol=1e-11 * want.max())
        np.testing.assert_allclose(got[: len(want)], want, rtol=0, atol=1e-10 * want.max())


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[] if n in OFTEN else [pytest.mark.slow]) for n in DENSITIES],
)
def test_every_density_smeared(name):
    """Narrower and wider than the density, about its peak and its edges."""
    for params, place, width in cases(name):
        edges = special_places(name, params)
        for resolution in np.array(RESOLUTIONS) * width:
            wide = np.hypot(width, resolution)
            near = [edge + resolution * np.array([-1.5, 0.0, 0.3]) for edge in edges]
            x = np.unique(np.concatenate([place + wide * np.linspace(-3, 4, 10), *near]))
            x = x[np.abs(x - place) < 100 * wide]
            pdf = partial(lambda t, params: SCIPY_TWINS[name].value(t, *params), params=params)
            model = Smeared(density=SHAPES[name]())
            assert_smeared(model, (*params, resolution), x, pdf, [*edges, place], width)


@pytest.mark.parametrize("wide", [100.0, 1000.0])
def test_over_many_resolutions(wide):
    """So many that one rule for all bins would be too coarse: each has nodes of its own then."""
    twin, model = SCIPY_TWINS["moyal"], Smeared(density=SHAPES["moyal"]())
    params = (1.0, 0.5, 2.0)
    x = 0.5 + np.array([-4.0, -0.5, 0.0, 0.1, 3.0, wide / 10])
    pdf = partial(lambda t, params: twin.value(t, *params), params=params)
    assert_smeared(model, (*params, 0.1), x, pdf, [0.5], 2.0)


def argus_without_curvature(t):
    return 3 * t / 100 * np.sqrt(max(1 - t * t / 100, 0.0))


@pytest.mark.parametrize(
    ("name", "params", "pdf", "ends", "bin_"),
    [
        ("argus", (0.0, 10.0, 0.1), argus_without_curvature, (9.0, 10.0), (10.0, 10.02)),
        ("argus", (0.0, 10.0, 0.1), argus_without_curvature, (9.0, 10.0), (10.05, 10.06)),
        (
            *("log_normal", (np.log(5), 0.01, 0.5), partial(stats.lognorm.pdf, s=0.01, scale=5)),
            *((4.5, 4.8, 5.0, 5.2, 5.6), (5.0, 5.1)),
        ),
        (
            *("gamma", (400.0, 0.0125, 1.0), partial(stats.gamma.pdf, a=400, scale=0.0125)),
            *((2.5, 4.0, 5.0, 6.0, 8.0), (5.5, 6.0)),
        ),
    ],
)
def test_edges_and_peaks_that_are_not_called_mu(name, params, pdf, ends, bin_):
    """They were stepped over."""
    model, resolution = Smeared(density=SHAPES[name]()), params[-1]

    def of(kernel):
        return sum(
            integrate.quad(lambda t: pdf(t) * kernel(t), *pair, epsabs=0, epsrel=1e-12)[0]
            for pair in pairwise(ends)
        )

    value, area = compiled(model)(np.array(bin_), np.array([1.0, *params]))
    assert float(value[0]) == pytest.approx(
        of(partial(stats.norm.pdf, bin_[0], scale=resolution)), rel=1e-9
    )
    low, high = bin_
    assert float(area[0]) == pytest.approx(
        of(lambda t: np.diff(stats.norm.cdf([low, high], t, resolution))[0]), rel=1e-9
    )


def exponential_on_a_range(t, tau, low, high):
    """Zero below 0, where it jumps, as below low."""
    total = mpmath.exp(-max(low, 0) / tau) - mpmath.exp(-high / tau)
    return mpmath.exp(-t / tau) / tau / total if max(low, 0) <= t <= high else mpmath.mpf(0)


def uniform(t, low, high):
    return 1 / (high - low)


def shape(name):
    return lambda t, *params: SCIPY_TWINS[name].exact_value(t, 1, *params)


#: Density, parameters, its pdf, where it begins, has a kink or peak and ends, the bin.
MOVING = {
    "a jump at 0": (
        *(SHAPES["exponential"](normalised="range"), (2.0, -1.0, 3.0, 0.3), exponential_on_a_range),
        *(lambda tau, low, high: (0, high), (0.1, 0.4)),
    ),
    "jumps at both ends": (
        *(SHAPES["uniform"](), (0.5, 4.25, 0.4), uniform),
        *(lambda low, high: (low, high), (4.0, 4.5)),
    ),
    "a root at its end": (
        *(SHAPES["argus"](), (0.7, 10.0, 0.1), shape("argus")),
        *(lambda chi, c: (0, c - 2, c), (9.95, 10.1)),
    ),
    "a kink": (
        *(SHAPES["bifurcated_gaussian"](), (0.5, 0.1, 0.3, 0.2), shape("bifurcated_gaussian")),
        *(lambda mu, left, right: (mu - 12 * left, mu, mu + 12 * right), (0.3, 0.6)),
    ),
    "a narrow peak": (
        *(SHAPES["gamma"](), (30.0, 0.01, 1.0), shape("gamma")),
        *(lambda k, theta: (0, k * theta, 3 * k * theta, 2), (0.2, 0.9)),
    ),
}


@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=[] if c in OFTEN else [pytest.mark.slow]) for c in MOVING]
)
def test_derivatives_follow_what_moves(case):
    """The nodes go with an edge, or a jump there would have no slope."""
    density, params, pdf, ends, (low, high) = MOVING[case]
    model = Smeared(density=density)

    def of(kernel, *p):
        *own, resolution = p
        rule = "tanh-sinh" if case == "a root at its end" else "gauss-legendre"
        return mpmath.quad(lambda t: pdf(t, *own) * kernel(t, resolution), ends(*own), method=rule)

    def value(*p):
        return of(lambda t, r: mpmath.npdf(mpmath.mpf(low), t, r), *p)

    def area(*p):
        return of(
            lambda t, r: mpmath.ncdf(mpmath.mpf(high), t, r) - mpmath.ncdf(mpmath.mpf(low), t, r),
            *p,
        )

    x = jnp.array([low, high])
    for method, exact in (("value", value), ("integral", area)):

        def ours(p, method=method):
            return getattr(model, method)(x, 1.0, *p)[0]

        gradient, hessian = exact_derivatives(exact, params)
        p = jnp.array(params)
        scale = np.abs(params)
        for found, want, size in (
            (jax.jit(jax.grad(ours))(p), gradient, scale),
            (jax.jit(jax.hessian(ours))(p), hessian, np.outer(scale, scale)),
        ):
            largest = np.abs(want * size).max()
            np.testing.assert_allclose(found * size, want * size, rtol=0, atol=1e-8 * largest)


EDGES, COUNTS = np.array([0.0, 1.0, 1.001, 2.0, 4.0, 8.0]), np.array([1.0, 0.3, 5.0, 0.0, 2.0])


def template(size=8, **options):
    more = size - len(COUNTS)
    below = np.pad(np.concatenate([[0], np.cumsum(COUNTS)]), (0, more), "edge")
    return Template(size=size, edges=np.pad(EDGES, (0, more), "edge"), below=below, **options)


@pytest.mark.parametrize("resolution", [1e-6, 0.01, 0.5, 3.0, 30.0])
@pytest.mark.parametrize("ends", [(), (0.5, 5.0), (-1.0, 9.0)])
def test_a_smeared_template(ends, resolution):
    """Bins wide and narrow, in tails relative to what is there."""
    twin = stats.rv_histogram((COUNTS, EDGES), density=False)
    low, high = ends or (-1.0, 9.0)
    share = twin.cdf(high) - twin.cdf(low)
    model = Smeared(density=template(normalised="range" if ends else "line"))

    def pdf(t):
        return np.where((t > low) & (t < high), twin.pdf(t), 0.0) / share

    x = np.sort([-7.0, -1.0, 0.0, 0.5, 0.9, 1.0, 1.0 + 1e-7, 2.5, 2.500001, 4.0, 7.9, 8.2, 11.0])
    x = np.concatenate([x, x[-1:] + 5.0])
    exact = smeared(pdf, x, resolution, [*EDGES, low, high], 1.0)
    found = compiled(model)(x, np.array([1.0, *ends, resolution]))
    for got, want in zip(found, exact, strict=True):
        # at a jump a digit of x counts, and where the histogram is empty those of its neighbours
        floor = max(1e-16 / resolution, 1e-14) * want.max()
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=floor)


def test_tails_of_a_smeared_template():
    """Relative to what is there: nothing cancels."""
    model = Smeared(density=template())
    for x in (np.array([-3.5, -3.0, -2.9]), np.array([11.0, 11.1, 12.0])):
        exact = smeared(stats.rv_histogram((COUNTS, EDGES), density=False).pdf, x, 0.4, EDGES, 1.0)
        found = compiled(model)(x, np.array([1.0, 0.4]))
        assert exact[0].max() < 1e-12
        for got, want in zip(found, exact, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-10)


@pytest.mark.slow
def test_derivatives_of_a_smeared_template():
    model, low, high = Smeared(density=template(normalised="range")), 1.9, 2.0
    params = (0.5, 5.0, 0.5)

    def of(kernel, low, high, resolution):
        bins = zip(pairwise(EDGES), COUNTS, strict=True)
        total, area = mpmath.mpf(0), mpmath.mpf(0)
        for (a, b), count in bins:
            density = mpmath.mpf(count) / (mpmath.mpf(b) - mpmath.mpf(a))
            a, b = max(mpmath.mpf(a), low), min(mpmath.mpf(b), high)
            if a < b:
                total += density * (b - a)
                area += density * mpmath.quad(lambda t: kernel(t, resolution), [a, b])
        return area / total

    def value(*p):
        return of(lambda t, r: mpmath.npdf(mpmath.mpf(low), t, r), *p)

    def area(*p):
        return of(
            lambda t, r: mpmath.ncdf(mpmath.mpf(high), t, r) - mpmath.ncdf(mpmath.mpf(low), t, r),
            *p,
        )

    x, p = jnp.array([low, high]), jnp.array(params)
    with mpmath.workdps(DIGITS):
        for method, exact in (("value", value), ("integral", area)):
            gradient, hessian = exact_derivatives(exact, params)

            def ours(p, method=method):
                return getattr(model, method)(x, 1.0, *p)[0]

            np.testing.assert_allclose(jax.jit(jax.grad(ours))(p), gradient, rtol=1e-9)
            np.testing.assert_allclose(
                jax.jit(jax.hessian(ours))(p), hessian, rtol=1e-8, atol=1e-12
            )


@pytest.mark.parametrize("name", ["gamma", "crystal_ball"])
def test_at_the_nodes_of_a_quadrature_it_is_the_same(name):
    """Which are rows and columns, as in a product with something else."""
    model = Smeared(density=SHAPES[name]())
    params = jnp.array([*SHAPES[name].example.values[1:], 0.4])
    x = jnp.linspace(0.5, 9, 12)
    found = jax.jit(lambda x: model.pdf(x, *params))(x.reshape(3, 4))
    np.testing.assert_allclose(
        found.ravel(), jax.jit(lambda x: model.pdf(x, *params))(x), rtol=1e-14
    )


def test_bins_that_are_integrals_themselves_take_no_gigabytes():
    """Of one node after the other; all at once, 200 bins took 32."""
    model = Smeared(density=SHAPES["student_t"]())
    params, edges = jnp.array([1e4, 0.1, 1.0, 3.0, 0.5]), jnp.linspace(-10, 10, 201)
    slopes = jax.jit(jax.jacfwd(lambda p: model.integral(edges, *p)))
    assert slopes.lower(params).compile().memory_analysis().temp_size_in_bytes < 2**30
