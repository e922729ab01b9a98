"""What is a minimum that describes the data badly, after which other starts are tried."""

import numpy as np
import pytest
from iminuit import Minuit
from iminuit.cost import ExtendedBinnedNLL
from scipy.stats import norm

from fitting.batch.fit import fit_batch
from fitting.batch.question import Batch
from fitting.batch.rows import PointsRows
from fitting.problem import Knowledge
from fitting.search.verdict import left_by_constant
from models.composition.sum import Sum
from models.shapes.gaussian import Gaussian
from models.shapes.polynomial import Polynomial
from models.shapes.sine import Sine
from tests.fitting.problems import KERNELS, assert_near, points, solve, toy

WAVE = Sine()
TRUTH = np.array([3.0, 0.45, 0.3, 20.0])
X = np.linspace(0, 20, 60)


@pytest.mark.parametrize("unit", [1.0, 1e150, 1e-150], ids=["1", "1e150", "1e-150"])
def test_what_a_constant_leaves_of_points_of_unequal_errors_is_the_weighted_variance(unit):
    rng = np.random.default_rng(2)
    y_err = rng.uniform(0.3, 3, (4, 60)) * np.array([[1.0], [1.0], [1e-3], [1e3]])
    y, used = 20 + 3 * rng.normal(size=(4, 60)), rng.random((4, 60)) < 0.8
    found = left_by_constant(y * unit, y_err * unit, used)
    for row, (here, weight) in enumerate(zip(y, np.where(used, y_err**-2, 0), strict=True)):
        mean = np.average(here, weights=weight)
        assert found[row] == pytest.approx(weight @ (here - mean) ** 2, rel=1e-9)


def waves(seed):
    rng = np.random.default_rng(seed)
    y_err = rng.uniform(0.3, 3, 60)
    y = np.array(WAVE.value(X, *TRUTH)) + 0.3 * y_err * rng.normal(size=60)
    return y, y_err


@pytest.mark.parametrize("seed", range(5))
def test_of_relative_unequal_errors_a_wrong_minimum_is_seen_to_be_poor(seed):
    """On an offset the mean of y / y_err is no level: all a constant seemed to leave was its
    scatter, and from a wrong frequency a fit that explained nothing was the answer."""
    y, y_err = waves(seed)
    found = solve(WAVE, points(X, y, y_err), [1.0, 0.3, 0.0, 20.0], absolute_sigma=False)
    near = solve(WAVE, points(X, y, y_err), TRUTH, absolute_sigma=False)
    assert near.values[1] == pytest.approx(0.45, abs=0.01)
    assert found.values[1] == pytest.approx(near.values[1], rel=1e-8)


def test_rows_of_a_batch_that_no_wave_of_this_frequency_describes_are_fitted_alone():
    y, y_err = (np.array(rows) for rows in zip(*map(waves, range(5)), strict=True))
    rows = PointsRows(X[None], y, np.zeros((1, 60)), y_err)
    known = tuple(
        Knowledge(start=0.3, fixed=True) if name == "frequency" else Knowledge()
        for name in (parameter.name for parameter in WAVE.parameters)
    )
    starts = np.tile([np.nan, 0.3, np.nan, np.nan], (5, 1))
    assert fit_batch(Batch(WAVE, rows, known, starts, absolute_sigma=False), KERNELS).alone.all()


PEAK_ON_FLAT = Sum((Gaussian(prefix="s_"), Polynomial(degree=0, prefix="b_")))
SPARSE = np.linspace(0, 10, 401)


def test_a_peak_on_the_wrong_fluctuation_of_sparse_bins_is_surprising():
    """A quarter of an event a bin: chi2 is less than the degrees of freedom, and yet too large.

    From the truth iminuit's own cost with SciPy's densities has the peak at 7, by far lower.
    """
    data = toy(PEAK_ON_FLAT, SPARSE, (40, 7, 0.2, 6.0), seed=10)

    def counts(edges, amp, mu, sigma, level):
        return amp * norm.cdf(edges, mu, sigma) + level * edges

    twin = Minuit(ExtendedBinnedNLL(data.counts, SPARSE, counts), 40, 7, 0.2, 6)
    twin.migrad()
    found = solve(PEAK_ON_FLAT, data, [40.0, 3.0, 0.3, 6.0])
    assert found.valid
    assert_near(found.values, np.array(twin.values), np.array(twin.errors), 1e-2)
    assert found.chi2 == pytest.approx(twin.fval, abs=1e-3)
