"""Overlapping peaks of one width on a background, from nothing: none covers two of them.

The wrong minimum, where one broad peak covers both and the other stands on a fluctuation, describes
the data well. Oracle: iminuit's minimum, begun at the truth.
"""

import numpy as np
import pytest
from iminuit import Minuit
from scipy.special import xlogy
from scipy.stats import cauchy, norm

from fitting.batch.fit import fit_batch
from fitting.batch.rows import HistogramRows
from fitting.data import Histogram
from models.composition.mixture import Mixture
from models.composition.sum import Sum
from models.formula.formula import Formula
from models.registry import SHAPES
from tests.fitting.problems import KERNELS, solve
from tests.fitting.test_batch import batch

EDGES = np.linspace(0, 20, 81)
SEEDS = range(4)
LINE = SHAPES["linear"](prefix="k_")
DECAY = SHAPES["exponential"](prefix="k_")
LEVEL = SHAPES["polynomial"](degree=0, prefix="k_")


def area(density, mu, width):
    return np.diff(density.cdf(EDGES, mu, width))


def line(slope, level):
    return np.diff(slope * EDGES**2 / 2 + level * EDGES)


BACKGROUNDS = {
    "exponential": (DECAY, lambda a, t: -a * np.diff(np.exp(-EDGES / t)), (600.0, 15.0)),
    "linear": (LINE, line, (-1.0, 30.0)),
    "polynomial": (LEVEL, lambda c: line(0.0, c), (20.0,)),
}


def peak(prefix, shape="gaussian", width="sigma", of=None):
    """One that has its width of another, if that is given."""
    return SHAPES[shape](prefix=prefix, rename=((width, of),) if of else ())


def doublet(density, background):
    def mean(a, m, s, b, m2, *rest):
        return a * area(density, m, s) + b * area(density, m2, s) + background(*rest)

    return mean


def drawn(mean, truth, seed):
    return np.random.default_rng(seed).poisson(mean(*truth)).astype(float)


def lowest(mean, truth, counts):
    """By iminuit from the truth."""

    def cost(params):
        mu = mean(*params)
        return 2 * np.sum(mu - counts + xlogy(counts, counts / mu)) if (mu > 0).all() else 1e10

    minuit = Minuit(cost, truth)
    minuit.errordef = 1
    return minuit.migrad(ncall=3000).fval


def missed(model, mean, truth, seeds=SEEDS):
    """Of which seeds the fit ends above the minimum."""
    draws = {seed: drawn(mean, truth, seed) for seed in seeds}
    costs = {seed: solve(model, Histogram(EDGES, counts)).cost for seed, counts in draws.items()}
    return [s for s, cost in costs.items() if cost > lowest(mean, truth, draws[s]) + 1e-3]


@pytest.mark.parametrize(
    ("background", "distance"), [("exponential", 2.5), ("linear", 2.0), ("polynomial", 2.0)]
)
def test_two_peaks_of_one_width_on_a_background_are_not_taken_for_one(background, distance):
    """Half to nine tenths of them were."""
    below, function, rest = BACKGROUNDS[background]
    model = Sum((peak("a_"), peak("b_", of="a_sigma"), below))
    truth = (400.0, 9.0, 1.02, 250.0, 9.0 + distance, *rest)
    assert missed(model, doublet(norm, function), truth) == []


def test_nor_are_they_in_a_mixture():
    _, function, rest = BACKGROUNDS["exponential"]
    model = Mixture((peak("a_"), peak("b_", of="a_sigma"), DECAY))
    truth = (400.0, 9.0, 1.0, 250.0, 11.0, *rest)
    assert missed(model, doublet(norm, function), truth) == []


def test_nor_in_a_formula():
    model = Formula.read("n*gaussian(x,m,w) + k*gaussian(x,m2,w) + s*x + i", SHAPES)
    truth = (400.0, 9.0, 1.0, 250.0, 11.0, -1.0, 30.0)
    assert missed(model, doublet(norm, line), truth) == []


def test_nor_are_lorentzians():
    shape = ("lorentzian", "gamma")
    model = Sum((peak("a_", *shape), peak("b_", *shape, "a_gamma"), LINE))
    truth = (400.0, 9.0, 1.0, 250.0, 11.0, -1.0, 30.0)
    assert missed(model, doublet(cauchy, line), truth) == []


def test_a_third_peak_of_its_own_width_is_not_exchanged_for_one_of_the_two():
    model = Sum((peak("a_"), peak("b_", of="a_sigma"), peak("c_"), LINE))
    truth = (400.0, 8.0, 0.8, 250.0, 11.0, 300.0, 3.0, 0.5, -1.0, 30.0)

    def mean(a, m, s, b, m2, c, m3, s3, *rest):
        pair = doublet(norm, line)(a, m, s, b, m2, *rest)
        return pair + c * area(norm, m3, s3)

    assert missed(model, mean, truth, range(4)) == []


def test_rows_of_a_batch_find_them_too():
    """Each row misses what their mean does."""
    _, function, rest = BACKGROUNDS["linear"]
    mean, truth = doublet(norm, function), (400.0, 9.0, 1.02, 250.0, 11.0, *rest)
    counts = np.array([drawn(mean, truth, seed) for seed in range(12)])
    model = Sum((peak("a_"), peak("b_", of="a_sigma"), LINE))
    rows = HistogramRows(EDGES, counts)
    result = fit_batch(batch(model, rows), KERNELS)
    expected = [lowest(mean, truth, row) for row in counts]
    assert (result.fval < np.array(expected) + 1e-3).all()
