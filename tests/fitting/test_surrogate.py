"""Polynomials of all rows' costs: NumPy's own polynomials, and the costs that they stand for."""

from itertools import combinations_with_replacement

import numpy as np
import pytest
from numpy.polynomial import polynomial

from fitting.batch import surrogate
from fitting.batch.descent import Descent
from fitting.batch.fit import _objectives, fit_batch
from fitting.batch.objective import RowsObjective
from fitting.batch.polynomials import derivatives, exponents, terms
from fitting.batch.result import BatchResult
from fitting.batch.rows import PointsRows
from fitting.batch.scoring import Scoring
from fitting.batch.starts import origin_of, starts_of_rows
from fitting.problem import Knowledge
from models.formula.formula import Formula
from models.registry import SHAPES
from models.shapes.exponential import Exponential
from models.shapes.gaussian import Gaussian
from tests.fitting.problems import KERNELS, LINE, PEAK
from tests.fitting.test_batch import FIFTY, X, assert_as_single, batch, curves, toys

MANY = 150
EVALUATE = {
    1: polynomial.polyval,
    2: polynomial.polyval2d,
    3: polynomial.polyval3d,
}
CASES = {
    "counts": batch(PEAK, toys(PEAK, FIFTY, (1000, 0.2, 1.1), rows=MANY)),
    "two parameters": batch(
        Exponential(), toys(Exponential(), np.linspace(0, 5, 41), (800, 1.2), rows=MANY)
    ),
    "points": batch(PEAK, curves(PEAK, X, (20, 5, 1.2), 0.3, rows=MANY)),
    "constrained": batch(
        PEAK,
        toys(PEAK, FIFTY, (500, 0.2, 1.1), rows=MANY),
        mu=Knowledge(start=0.2, fixed=True),
        sigma=Knowledge(constraint=(1.1, 0.02)),
    ),
}


def objectives_of(asked):
    empty = BatchResult.empty(asked, covariance=False)
    rows, pooled = _objectives(asked, empty, KERNELS, float("inf"), None)
    return rows, pooled, origin_of(asked, pooled, KERNELS)


@pytest.mark.parametrize("variables", EVALUATE)
def test_derivatives_are_those_of_numpy_s_polynomials(variables):
    degree, rows = 4, 5
    rng = np.random.default_rng(2)
    own = exponents(variables, degree)
    coefficients = rng.normal(size=(len(own), rows))
    at = rng.uniform(-1, 1, size=(variables, rows))
    gradient, hessian = derivatives(coefficients, at, degree)
    for r in range(rows):
        cube = np.zeros((degree + 1,) * variables)
        cube[tuple(own.T)] = coefficients[:, r]

        def value(cube, r=r):
            return EVALUATE[variables](*at[:, r], cube)

        assert terms(at[:, r][None], degree) @ coefficients[:, r] == pytest.approx(value(cube))
        for j in range(variables):
            slope = polynomial.polyder(cube, axis=j)
            assert gradient[j, r] == pytest.approx(value(slope))
            for k in range(variables):
                bend = value(polynomial.polyder(slope, axis=k))
                assert hessian[j, k, r] == pytest.approx(bend)


def test_all_terms_up_to_a_degree():
    found = {tuple(row) for row in exponents(3, 4).tolist()}
    expected = {
        tuple(map(chosen.count, range(3)))
        for size in range(5)
        for chosen in combinations_with_replacement(range(3), size)
    }
    assert found == expected
    assert (np.diff(exponents(3, 4).sum(axis=1)) >= 0).all()


@pytest.mark.parametrize("name", CASES)
def test_costs_are_linear_in_the_data(name):
    asked = CASES[name]
    rows, pooled, origin = objectives_of(asked)
    scoring = Scoring(asked, pooled, rows, origin)
    nodes = origin + np.linspace(-2, 2, 7)[:, None] * np.sqrt(
        1 / scoring.information.diagonal()
    ) * np.where(asked.bounds.fixed, 0.0, 1.0)
    common, of_data = surrogate.costs_at(np.vstack([origin, nodes]), scoring, pooled)
    found = common[:, None] + of_data @ scoring.targets.T
    places = np.arange(len(asked))
    expected = [rows.costs(places, np.tile(node, (len(asked), 1))) for node in (origin, *nodes)]
    np.testing.assert_allclose(
        found[1:] - found[0], np.array(expected[1:]) - expected[0], rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("name", CASES)
def test_one_evaluation_certifies_most_rows(name, monkeypatch):
    asked, evaluated = CASES[name], []
    call = RowsObjective._call

    def counted(self, function, places, params):
        if function == "derivatives_of_rows":
            evaluated.append(len(places))
        return call(self, function, places, params)

    monkeypatch.setattr(RowsObjective, "_call", counted)
    result = fit_batch(asked, KERNELS)
    assert result.done.all()
    assert result.alone.mean() < 0.05
    assert sum(evaluated) <= 1.5 * len(asked)


def test_starts_are_within_a_thousandth_of_the_errors():
    asked = CASES["counts"]
    rows, pooled, origin = objectives_of(asked)
    descent = Descent(rows, asked.bounds)
    starts = starts_of_rows(asked, pooled, descent, origin, float("inf")).points
    there = rows.derivatives(np.arange(len(asked)), starts)
    steps = np.linalg.solve(there.hessian.transpose(2, 0, 1), there.gradient.T[:, :, None])
    squares = np.einsum("jr,rj->r", there.gradient, steps[:, :, 0]) / 2
    assert squares.max() < 1e-6  # in squared standard deviations


@pytest.mark.parametrize(
    ("params", "known"),
    [
        ((12, 0.2, 1.1), {}),  # amp is as near to its limit as its error
        ((1000, 0.2, 1.1), {"sigma": Knowledge(limits=(1.09, 2.0))}),
    ],
)
def test_limits_within_reach_leave_the_starts_alone(params, known):
    asked = batch(PEAK, toys(PEAK, FIFTY, params, rows=MANY), **known)
    rows, pooled, origin = objectives_of(asked)
    scoring = Scoring(asked, pooled, rows, origin)
    points = np.tile(origin, (MANY, 1))
    free = ~asked.bounds.fixed
    surrogate.refine(points, np.arange(MANY), free, scoring, pooled, asked.bounds)
    assert (points >= asked.bounds.lower).all()
    assert (points <= asked.bounds.upper).all()


def test_few_rows_and_long_ones_are_not_worth_the_nodes():
    assert surrogate.degree_for(free=3, rows=10, length=64) is None
    assert surrogate.degree_for(free=3, rows=1000, length=64) == 6
    assert surrogate.degree_for(free=12, rows=1000, length=64) is None
    assert surrogate.degree_for(free=3, rows=1000, length=2**16) == 3
    assert surrogate.degree_for(free=3, rows=1000, length=2**20) is None


def test_rows_of_two_kinds_are_fitted_as_well():
    """The mean is like none of them: no polynomial reaches their minima."""
    one, other = (toys(PEAK, FIFTY, (1000, mu, 1.0), rows=MANY).counts for mu in (-1.5, 1.5))
    rows = toys(PEAK, FIFTY, (1000, 0.0, 1.0), rows=2 * MANY)
    asked = batch(Gaussian(), type(rows)(FIFTY, np.concatenate([one, other])))
    result = fit_batch(asked, KERNELS)
    assert result.done.all()
    np.testing.assert_allclose(np.abs(result.values[:, 1]), 1.5, atol=0.2)


def test_starts_of_all_that_is_free_leave_nothing_to_refine():
    model = Gaussian(normalised="range")
    rows = toys(PEAK, FIFTY, (1000, 0.2, 1.1), rows=MANY)
    asked = batch(model, rows, starts={"amp": 900.0, "mu": 0.1, "sigma": 1.0})
    result = fit_batch(asked, KERNELS)
    assert result.done.all()
    assert not result.alone.any()


def test_a_model_that_is_undefined_nearby_is_not_refined():
    """The power of a negative number: half of the nodes have no cost."""
    model = Formula.read("a * (x - b)^1.5", SHAPES)
    x = np.linspace(0.02, 1, 40)
    rng = np.random.default_rng(3)
    y = 5 * x**1.5 + rng.normal(0, 0.5, (40, 40))
    rows = PointsRows(x[None], y, np.zeros((1, 40)), np.full((1, 40), 0.5))
    asked = batch(model, rows)
    result = fit_batch(asked, KERNELS)
    assert result.done.all()
    assert_as_single(asked, result, least_together=0.0)


def test_a_straight_line_is_known_from_its_sums():
    asked = batch(LINE, curves(LINE, X, (1, 2), 0.3, rows=MANY))
    result = fit_batch(asked, KERNELS)
    expected = np.linalg.lstsq(np.vander(X, 2, increasing=True), asked.rows.y.T, rcond=None)[0].T
    np.testing.assert_allclose(result.values, expected, rtol=1e-9)
