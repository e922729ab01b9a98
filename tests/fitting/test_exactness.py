"""Integrals over bins that miss what is narrow are told of; those that do not are not."""

import numpy as np
import pytest
from scipy.stats import expon, norm

from fitting.data import Histogram
from fitting.problem import Knowledge
from fitting.status import Status
from models.composition.product import Product
from models.composition.sum import Sum
from models.formula.formula import Formula
from models.registry import SHAPES
from models.shapes.gaussian import Gaussian
from models.shapes.polynomial import Polynomial
from tests.fitting.problems import expected, solve

EDGES = np.linspace(0, 10, 11)
PEAK = Formula.read("a*exp(-((x-m)/s)^2/2)/s", SHAPES)
PRODUCT = Product((Gaussian(), Polynomial(degree=1, prefix="b_")))


def warned(model, edges, counts, **known):
    result = solve(model, Histogram(edges, counts.astype(float)), **known)
    assert result.valid
    return "inexact-integral" in [warning.code for warning in result.warnings]


def peak(edges, width, events=5000):
    return np.random.default_rng(3).poisson(events * np.diff(norm.cdf(edges, 5.45, width)))


@pytest.mark.parametrize(("width", "expected"), [(0.02, True), (0.5, False), (2.0, False)])
def test_a_peak_of_a_formula_that_is_narrower_than_a_bin(width, expected):
    known = {"s": Knowledge(width, fixed=True), "m": Knowledge(5.45, fixed=True)}
    assert warned(PEAK, EDGES, peak(EDGES, width), **known) is expected
    fine = np.linspace(5, 6, 101)  # other bins, none of them wider than the peak
    assert not warned(PEAK, fine, peak(fine, width), **known)


def test_a_product_whose_peak_is_narrower_than_a_bin():
    known = {"sigma": Knowledge(0.02, fixed=True), "mu": Knowledge(5.45, fixed=True)}
    known |= {"b_c1": Knowledge(0.0, fixed=True)}
    assert warned(PRODUCT, EDGES, peak(EDGES, 0.02), **known)


@pytest.mark.parametrize(("width", "expected"), [(0.003, True), (0.3, False)])
def test_a_small_peak_is_not_hidden_by_many_events_elsewhere(width, expected):
    """Twenty events of a million: a shape with a cdf finds 11, the formula 3.8."""
    model = Formula.read("n*exp(-x/t) + b/(s*sqrt(2*pi))*exp(-0.5*((x-m)/s)^2)", SHAPES)
    edges = np.linspace(0, 10, 21)
    decay = 1e6 * np.diff(expon.cdf(edges, scale=0.8))
    counts = np.round(decay + 20 * np.diff(norm.cdf(edges, 9.23, width)))
    known = {"s": Knowledge(width, fixed=True), "m": Knowledge(9.23, fixed=True)}
    assert warned(model, edges, counts, **known) is expected


@pytest.mark.parametrize("seed", range(8))
def test_an_oscillation_that_cancels_over_all_bins(seed):
    """Ten periods a bin and a fortieth: what one bin has too much another has too little, and all
    forty bins together have neither."""
    wave = Formula.read("n*(1 + b*sin(k*x))", SHAPES)
    edges = np.linspace(0, 10, 41)
    counts = np.random.default_rng(seed).poisson(25.0, 40)
    known = {"k": Knowledge(8 * np.pi * 10.025, fixed=True), "b": Knowledge(0.9, fixed=True)}
    assert warned(wave, edges, counts, **known)


def step(edges, n, m, w, c):
    """n (1 - tanh((x - m) / w)) + c, integrated over each bin."""
    return n * np.diff(-w * np.logaddexp(0, -2 * (edges - m) / w)) + c * np.diff(edges)


@pytest.mark.parametrize(
    ("width", "place", "counts", "ratio"),
    [
        # a node stands on the step: the place seems to be known forty times as well
        (3.3e-4, 5.561, "21 14 15 15 12 12 15 19 14 22 22 4 6 3 2 1 4 1 1 1", 1 / 40),
        # none does at the start, where the place is not determined; it ends beside one
        (6.34e-4, 2.91, "2 4 1 5 3 5 0 3 1 4 1 2 0 0 1 2 0 0 1 2", 1 / 5),
    ],
)
def test_expectations_that_are_right_with_errors_that_are_not(width, place, counts, ratio):
    model = Formula.read("n*(1 - tanh((x - m)/w)) + c", SHAPES)
    edges, counts = np.linspace(0, 10, 21), np.array(counts.split(), float)
    known = {"w": Knowledge(width, fixed=True), "m": Knowledge(place)}
    result = solve(model, Histogram(edges, counts), **known)
    n, m, w, c = result.values
    mu = step(edges, n, m, w, c)
    assert np.linalg.norm((mu - expected(model, edges, result.values)) / np.sqrt(mu)) < 0.05

    def slopes(i, size):
        ends = [step(edges, *(result.values + side * size * np.eye(4)[i])) for side in (1, -1)]
        return (ends[0] - ends[1]) / (2 * size)

    jacobian = np.array([slopes(0, 1e-3), slopes(1, 1e-3 * w), slopes(3, 1e-3)]).T
    exact = np.sqrt(np.linalg.inv(jacobian.T @ (jacobian / mu[:, None]))[1, 1])
    assert result.errors[1] / exact == pytest.approx(ratio, rel=0.5)
    assert [warning.code for warning in result.warnings] == ["inexact-integral"]


def test_a_place_that_only_the_nodes_leave_open():
    """That of a step of 18 in a bin of 12 is known to a tenth of the bin."""
    counts = np.array([20.0, 20.0, 20.0, 20.0, 12.0, 2.0, 2.0, 2.0])
    model = Formula.read("n*(1 - tanh((x - m)/w)) + c", SHAPES)
    known = {"w": Knowledge(1e-5, fixed=True), "m": Knowledge(4.55)}
    result = solve(model, Histogram(np.arange(9.0), counts), **known)
    assert result.status is Status.UNDETERMINED
    assert "determine m:" in result.message
    assert [warning.code for warning in result.warnings] == ["inexact-integral"]


@pytest.mark.parametrize("ranges", [(), ((0.0, 4.0), (6.0, 10.0))])
def test_what_is_smooth_is_integrated_exactly(ranges):
    decay = Formula.read("a*exp(-x/b) + c", SHAPES)
    edges = np.linspace(0, 10, 501)
    counts = np.round(300 * np.exp(-edges[:-1] / 3) + 20)
    result = solve(decay, Histogram(edges, counts, ranges))
    assert result.valid
    assert not result.warnings


def test_only_models_without_a_cdf_are_asked():
    assert not Gaussian().by_quadrature
    assert not Sum((Gaussian(prefix="s_"), Polynomial(degree=2, prefix="b_"))).by_quadrature
    assert Sum((Gaussian(prefix="s_"), PRODUCT)).by_quadrature
    assert SHAPES["gompertz"]().by_quadrature


@pytest.mark.parametrize("text", ["a*sqrt(x-0.004)", "a*log(x-0.003)+b"])
def test_bins_whose_halves_have_nodes_where_the_model_has_no_value(text):
    """A bin's first node is at 0.0053, that of its half at 0.0026."""
    edges = np.linspace(0, 10, 11)
    counts = np.round(100 * np.sqrt(edges[:-1] + 0.5))
    result = solve(Formula.read(text, SHAPES), Histogram(edges, counts))
    assert result.valid
    assert "inexact-integral" in [warning.code for warning in result.warnings]
