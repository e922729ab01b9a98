"""Estimated starts: inside the limits, and from them the same minimum as from the truth.

Random problems of fixed seeds, with x in any unit (1e-9 to 1e9) and with any offset. The peaks
stand at least six standard deviations above what is below them.
"""

import itertools

import numpy as np
import pytest
from scipy import optimize

from fitting.data import Histogram
from fitting.fit import fit
from fitting.problem import Knowledge
from fitting.search.coarse import coarsen
from fitting.search.starts import starting_values
from fitting.search.trials import inside
from fitting.status import Status
from models.composition.product import Product
from models.composition.sum import Sum
from models.shapes.exponential import Exponential
from models.shapes.gaussian import Gaussian
from models.shapes.logistic import Logistic
from models.shapes.polynomial import Polynomial
from tests.fitting.problems import (
    KERNELS,
    LINE,
    PEAK,
    PEAK_AND_DECAY,
    objective,
    points,
    problem,
    solve,
    toy,
)
from tests.oracles.random_problems import draw

TRIALS = 50
TRIALS_OF_SUMS = 200
ENOUGH = 0.98
DECAY, PARABOLA = Exponential(), Polynomial(degree=2)
DECAY_BEHIND_A_STEP = Product((Exponential(), Logistic()))
TWO_PEAKS = Sum((Gaussian(prefix="s_"), Gaussian(prefix="t_"), Polynomial(degree=1, prefix="b_")))


def polynomial(coefficients, scale, offset):
    """The polynomial in (x - offset) / scale, as coefficients of x."""
    inner = np.polynomial.Polynomial([-offset / scale, 1 / scale])
    return np.polynomial.Polynomial(coefficients)(inner).coef


def peak(rng, scale, offset):
    place, width = rng.uniform(-2, 2), 10 ** rng.uniform(-0.6, 0.3)
    truth = [10 ** rng.uniform(2, 5), place * scale + offset, width * scale]
    return PEAK, truth, np.linspace(-5, 5, rng.choice([30, 100, 700]) + 1)


def decay(rng, scale, offset):
    truth = [10 ** rng.uniform(2, 5), 10 ** rng.uniform(-0.6, 1) * scale]
    return DECAY, truth, np.linspace(0, 10, rng.choice([30, 100, 700]) + 1)


def parabola(rng, scale, offset):
    shape = [rng.uniform(80, 200), rng.uniform(-10, 10), rng.uniform(0, 2)]
    truth = polynomial(np.array(shape) / scale, scale, offset)
    return PARABOLA, truth, np.linspace(-4, 4, 101)


def decay_behind_a_step(rng, scale, offset):
    mu, width = rng.uniform(2, 4), rng.uniform(0.2, 0.8)
    height = 10 ** rng.uniform(4, 5)
    truth = [rng.uniform(2, 6) * scale, height, mu * scale, width * scale, 0.2 * height]
    return DECAY_BEHIND_A_STEP, truth, np.linspace(0, 12, 121)


def peak_and_decay(rng, scale, offset):
    truth = [10 ** rng.uniform(2.7, 4), rng.uniform(2, 8), rng.uniform(0.3, 0.8)]
    truth += [10 ** rng.uniform(3.3, 5), rng.uniform(2, 8)]
    units = [1, scale, scale, 1, scale]
    return PEAK_AND_DECAY, np.array(truth) * units, np.linspace(0, 12, 121)


def two_peaks(rng, scale, offset):
    peaks = []
    for low, high in ((-4, -0.8), (0.8, 4)):
        place, width = rng.uniform(low, high), rng.uniform(0.3, 0.8)
        peaks += [10 ** rng.uniform(2.7, 4), place * scale + offset, width * scale]
    line = np.array([rng.uniform(50, 200), rng.uniform(-8, 8)]) / scale
    truth = [*peaks, *polynomial(line, scale, offset)]
    return TWO_PEAKS, truth, np.linspace(-6, 6, 121)


def histogram_of(kind, seed):
    """(model, truth, data) of one random problem."""
    rng = np.random.default_rng([7, seed])
    scale = 10 ** rng.uniform(-9, 9)
    offset = scale * rng.choice([0, 0, 1, -3, 100])
    if kind in (decay, decay_behind_a_step, peak_and_decay):
        offset = 0.0  # an exponential has its origin at x = 0
    model, truth, edges = kind(rng, scale, offset)
    return model, truth, toy(model, edges * scale + offset, truth, seed)


def points_of(kind, seed):
    """The same shapes at points, with errors of 2 % of the highest."""
    rng = np.random.default_rng([8, seed])
    model, truth, data = histogram_of(kind, seed)
    x = np.sort(rng.uniform(data.edges[0], data.edges[-1], 40))
    y = np.array(model.value(x, *truth))
    error = 0.02 * np.abs(y).max()
    return model, truth, points(x, y + rng.normal(0, error, 40), error)


def lost_among(make, kind):
    """The seeds of which the fit missed the minimum, if these are more than 2 %."""
    trials = TRIALS_OF_SUMS if kind in (peak_and_decay, two_peaks) else TRIALS
    lost = [seed for seed in range(trials) if not same_minimum(*make(kind, seed))]
    return lost if len(lost) > (1 - ENOUGH) * trials else []


def same_minimum(model, truth, data):
    found, wanted = solve(model, data), solve(model, data, list(map(float, truth)))
    assert wanted.valid, "not even from the truth"
    return found.valid and found.cost <= wanted.cost * (1 + 1e-9) + 1e-9


@pytest.mark.parametrize(
    "kind", [peak, decay, parabola, decay_behind_a_step, peak_and_decay, two_peaks]
)
def test_histograms_are_fitted_from_estimated_starts(kind):
    assert lost_among(histogram_of, kind) == []


@pytest.mark.parametrize("kind", [peak, decay, parabola, decay_behind_a_step])
def test_points_are_fitted_from_estimated_starts(kind):
    assert lost_among(points_of, kind) == []


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", [peak, decay, parabola, peak_and_decay, two_peaks])
def test_starts_are_finite_inside_the_limits_and_defined(kind, seed):
    model, _, data = histogram_of(kind, seed)
    asked = problem(model, data)
    bound = objective(asked)
    start = starting_values(asked, bound, KERNELS)
    assert (start > asked.bounds.lower).all()
    assert (start < asked.bounds.upper).all()
    assert bound.is_defined(start)


def test_starts_obey_the_clients_limits_and_keep_what_is_given():
    data = toy(PEAK, np.linspace(-5, 5, 41), (1000.0, 0.5, 1.0), 1)
    narrow = Knowledge(limits=(1.5, 1.6))
    asked = problem(PEAK, data, mu=narrow, sigma=Knowledge(start=0.7))
    start = starting_values(asked, objective(asked), KERNELS)
    assert 1.5 < start[1] < 1.6
    assert start[2] == 0.7
    fixed = problem(PEAK, data, mu=Knowledge(start=-2.5, fixed=True))
    assert starting_values(fixed, objective(fixed), KERNELS)[1] == -2.5


def test_starts_at_a_limit_are_moved_a_little_inside():
    known = {"c0": Knowledge(start=0.0, limits=(0.0, 10.0)), "c1": Knowledge(limits=(None, 3.0))}
    asked = problem(LINE, points([0, 1, 2], [0, 1, 2]), **known)
    assert inside(np.array([0.0, 3.0]), asked) == pytest.approx([0.1, 2.97])
    assert inside(np.array([10.0, -7.0]), asked) == pytest.approx([9.9, -7.0])


def test_linear_models_start_at_their_least_squares_solution():
    x = np.linspace(0, 3, 20)
    y = 1 + x - np.random.default_rng(3).normal(0, 0.2, 20)
    asked = problem(LINE, points(x, y, 0.2))
    start = starting_values(asked, objective(asked), KERNELS)
    np.testing.assert_allclose(start, np.polynomial.polynomial.polyfit(x, y, 1), rtol=1e-10)


@pytest.mark.parametrize("power", [-1, 1])
def test_units_of_any_size_find_the_same_minimum(power):
    """x in 2^100 and y in 2^500, or the other way: y^2 times the spacing is beyond any double."""
    x = np.linspace(-3, 5, 60)
    y = 2 + x + np.random.default_rng(4).normal(0, 0.3, 60)
    plain = solve(LINE, points(x, y, 0.3))
    unit = 2.0 ** (100 * power)
    large = solve(LINE, points(unit * x, unit**5 * y, 0.3 * unit**5))
    assert large.status is plain.status is Status.CONVERGED
    scales = unit ** np.array([5.0, 4.0])
    np.testing.assert_allclose(large.values / scales, plain.values, rtol=1e-9)
    np.testing.assert_allclose(np.array(large.errors) / scales, plain.errors, rtol=1e-9)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_limits_that_are_one_number_in_the_unit_of_the_search():
    """Scaled by the prediction's size, both limits of the amplitude are infinite."""
    known = {"amp": Knowledge(limits=(1e300, 2e300)), "mu": Knowledge(start=0.0, fixed=True)}
    data = points(np.linspace(-1, 1, 20), np.full(20, 1e290), 1e-20)
    result = solve(PEAK, data, **known)
    assert result.status in (Status.UNDEFINED_COST, Status.AT_LIMIT_ONLY)


def test_a_start_refined_to_a_limit_keeps_its_unit():
    """Fringes whose envelope is wider than the data: the slit, of 1e-4 per x, is refined to 0."""
    rng = np.random.default_rng(20261129)
    drawn = [draw("double_slit", rng) for _ in range(24)][-1]
    result = fit(drawn.from_nothing(), KERNELS)
    assert result.valid
    assert result.chi2 < result.ndof + 5 * np.sqrt(2 * result.ndof)


def test_a_decay_far_from_its_origin():
    """Nothing is left of the density there, and its share of each bin was 0 / 0.

    A geometric series, by the mean number of its bin.
    """
    edges, counts = np.arange(2000.0, 2011.0), [3935, 2387, 1447, 878, 533, 323, 196, 119, 72, 44]
    counts, number = np.array(counts, float), np.arange(10)

    def excess(ratio):
        share = ratio**number / np.sum(ratio**number)
        return number @ (share - counts / counts.sum())

    tau = -1 / np.log(optimize.brentq(excess, 0.1, 0.9, xtol=1e-15))
    ends = {"low": Knowledge(2000.0, fixed=True), "high": Knowledge(2010.0, fixed=True)}
    result = solve(Exponential(normalised="range"), Histogram(edges, counts), **ends)
    assert result.valid
    np.testing.assert_allclose(result.values[:2], [counts.sum(), tau], rtol=1e-10)


@pytest.mark.parametrize("count", [1, 50, 64, 100])
def test_bins_in_many_ranges_are_merged_within_them(count):
    """Touching ranges, whose common ends no merged bin may cover."""
    edges = np.linspace(0, 2000, 2001)
    ends = np.linspace(0, 2000, count + 1).round()
    data = Histogram(edges, np.arange(2000.0), tuple(itertools.pairwise(ends.tolist())))
    coarse = coarsen(data)
    assert coarse.length <= 256
    assert coarse.used.all()
    assert coarse.counts.sum() == data.counts[data.span][data.used].sum()
    assert coarsen(coarse).length < coarse.length or coarsen(coarse) is coarse
