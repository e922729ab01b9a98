"""A constraint on a parameter that is fixed counts as one on a parameter that is free."""

import numpy as np
import pytest
from iminuit import Minuit
from iminuit.cost import ExtendedBinnedNLL, NormalConstraint
from scipy.stats import norm

from fitting.batch.fit import fit_batch
from fitting.batch.question import Batch
from fitting.batch.rows import HistogramRows, PointsRows
from fitting.errors import InvalidProblem
from fitting.problem import Knowledge
from fitting.status import Status
from models.shapes.polynomial import Polynomial
from tests.fitting.problems import KERNELS, LINE, PEAK, assert_near, points, problem, solve, toy

EDGES = np.linspace(-5, 8, 40)
DATA = toy(PEAK, EDGES, (1000, 3, 1), seed=1)
X, Y = np.arange(5.0), np.array([1.1, 2.9, 5.2, 7.1, 8.8])


def twin(value, constraint):
    def counts(edges, amp, mu, sigma):
        return amp * norm.cdf(edges, mu, sigma)

    cost = ExtendedBinnedNLL(DATA.counts, EDGES, counts) + NormalConstraint("mu", *constraint)
    m = Minuit(cost, amp=1000, mu=value, sigma=1)
    m.fixed["mu"] = True
    m.limits["amp", "sigma"] = (1e-3, None)
    m.strategy = 2
    m.migrad()
    return m


@pytest.mark.parametrize(("value", "constraint"), [(3.0, (10.0, 0.1)), (3.1, (3.0, 0.05))])
def test_cost_and_degrees_of_freedom_are_iminuits(value, constraint):
    known = Knowledge(start=value, fixed=True, constraint=constraint)
    found = solve(PEAK, DATA, mu=known, minos=("amp",))
    plain = solve(PEAK, DATA, mu=Knowledge(start=value, fixed=True), minos=("amp",))
    m = twin(value, constraint)
    assert found.valid
    assert found.cost == pytest.approx(m.fval, abs=2e-3)
    assert found.chi2 == pytest.approx(m.fval, abs=2e-3)
    assert found.ndof == m.ndof == len(EDGES) - 1 + 1 - 2
    assert_near(found.values[[0, 2]], np.array(m.values)[[0, 2]], np.array(m.errors)[[0, 2]], 1e-2)
    assert found.minos["amp"].upper == pytest.approx(plain.minos["amp"].upper, rel=1e-9)
    assert found.effort.nfcn == plain.effort.nfcn


def test_of_relative_errors_the_covariance_is_scaled_by_all_of_chi2():
    """A line through the origin: slope sum(xy)/sum(x^2), variance chi2/ndof/sum(x^2)."""
    known = Knowledge(start=0.0, fixed=True, constraint=(0.5, 0.25))
    found = solve(LINE, points(X, Y), absolute_sigma=False, c0=known)
    slope = X @ Y / (X @ X)
    chi2 = np.sum((Y - slope * X) ** 2) + 4.0
    assert found.values[1] == pytest.approx(slope, rel=1e-12)
    assert (found.chi2, found.ndof) == (pytest.approx(chi2, rel=1e-12), 5)
    assert found.errors[1] == pytest.approx(np.sqrt(chi2 / 5 / (X @ X)), rel=1e-9)
    assert [one.code for one in found.warnings] == ["relative-errors"]


def test_a_constraint_far_away_takes_no_digits_from_the_rest():
    known = Knowledge(start=3.0, fixed=True, constraint=(10.0, 1e-9))
    found = solve(PEAK, DATA, mu=known)
    plain = solve(PEAK, DATA, mu=Knowledge(start=3.0, fixed=True))
    assert found.cost == pytest.approx(4.9e19, rel=1e-6)
    np.testing.assert_array_equal(found.values, plain.values)


def test_one_that_no_number_holds_is_refused():
    with pytest.raises(InvalidProblem, match="leave the constraint out"):
        problem(PEAK, DATA, mu=Knowledge(3.0, fixed=True, constraint=(10.0, 1e-150)))


def test_it_determines_nothing_else():
    """One point and a constraint on what is fixed are two numbers, and no two free parameters."""
    known = Knowledge(start=0.0, fixed=True, constraint=(0.5, 0.25))
    found = solve(Polynomial(degree=2), points([1.0], [2.0]), c0=known)
    assert found.status is Status.UNDER_DETERMINED


@pytest.mark.parametrize("absolute_sigma", [True, False])
def test_rows_of_a_batch_are_as_single_fits(absolute_sigma):
    """Each fixed at a value of its own, as for a profile."""
    y = np.stack([Y, Y + 0.1, 2 * Y])
    rows = PointsRows(X[None], y, np.zeros((1, 5)), np.ones((1, 5)))
    starts = np.array([[0.0, np.nan], [0.5, np.nan], [1.0, np.nan]])
    known = (Knowledge(fixed=True, constraint=(0.5, 0.25)), Knowledge())
    asked = Batch(LINE, rows, known, starts, absolute_sigma)
    found = fit_batch(asked, KERNELS)
    assert not found.alone.any()
    for i, (here, c0) in enumerate(zip(y, starts[:, 0], strict=True)):
        slope = X @ (here - c0) / (X @ X)
        chi2 = np.sum((here - c0 - slope * X) ** 2) + ((c0 - 0.5) / 0.25) ** 2
        scale = 1.0 if absolute_sigma else chi2 / 5
        assert found.fval[i] == pytest.approx(chi2, rel=1e-9)
        assert (found.chi2[i], found.ndof[i]) == (pytest.approx(chi2, rel=1e-9), 5)
        assert found.errors[i, 1] == pytest.approx(np.sqrt(scale / (X @ X)), rel=1e-9)


def test_rows_of_counts_go_together_far_from_a_constraint():
    rows = HistogramRows(EDGES, np.tile(DATA.counts, (3, 1)))
    known = (Knowledge(), Knowledge(3.0, fixed=True, constraint=(10.0, 0.1)), Knowledge())
    found = fit_batch(Batch(PEAK, rows, known, np.full((3, 3), np.nan)), KERNELS)
    assert not found.alone.any()
    np.testing.assert_allclose(found.fval, twin(3.0, (10.0, 0.1)).fval, atol=2e-3)
