"""What is no minimum is never called valid, and each way to miss one has words of its own."""

import numpy as np
import pytest

from fitting.data import Histogram
from fitting.problem import Knowledge
from fitting.search.verdict import is_certain, rounding_edm
from fitting.status import Status
from models.formula.formula import Formula
from models.registry import SHAPES
from models.shapes.polynomial import Polynomial
from tests.fitting.problems import LINE, PEAK, Points, at, points, problem, solve

X = np.linspace(0.2, 3, 15)
RNG = np.random.default_rng(11)


def formula(text):
    return Formula.read(text, SHAPES)


def test_a_saturation_that_the_data_do_not_show_runs_away():
    """a (1 - exp(-b x)) is a straight line for a to infinity with a b fixed."""
    result = solve(formula("a*(1 - exp(-b*x))"), points(X, 2 * X, 0.1), [10.0, 0.5])
    assert not result.valid
    assert result.status in (Status.RUNAWAY, Status.UNDETERMINED)
    assert "a" in result.message
    assert result.errors == [None, None]


@pytest.mark.parametrize("text", ["a*b*x", "a*x + b*x", "(a + b)*x", "a*exp(b + x)"])
def test_parameters_that_are_one_are_undetermined(text):
    result = solve(formula(text), points(X, 2 * X + 0.1 * RNG.normal(size=15), 0.1), [1.0, 2.0])
    assert result.status is Status.UNDETERMINED, result.message
    assert "a, b" in result.message
    assert result.errors == [None, None]


def test_a_parameter_is_determined_that_the_cost_bounds_as_expected_on_one_side():
    """exp(b) = 1 +- 3: at b = -3 and 3 the cost rises by 0.1 and by 40, where a parabola does by 1.
    So far from one the rise upwards would speak of a parameter that the data do not determine."""
    result = solve(formula("exp(b*x)"), points([1.0], [1.0], 3.0), [0.5])
    assert result.status is Status.CONVERGED, result.message
    assert result.values[0] == pytest.approx(0.0, abs=1e-9)
    assert result.errors[0] == pytest.approx(3.0, rel=1e-9)


@pytest.mark.parametrize(("off", "expected"), [(0.0, True), (2.0, False)])
def test_where_residuals_are_rounding_half_a_standard_deviation_is_no_rounding(off, expected):
    """Rounded predictions would leave an EDM of 1; that at 2 is 4 (2 / 8)^2 = 0.25."""
    asked = problem(Polynomial(degree=0), points(np.arange(4.0), np.full(4, 1e16), 8.0))
    minimum = at(asked, [1e16 + off])
    assert minimum.edm == pytest.approx(off**2 / 16)
    assert rounding_edm(minimum, asked) > 1
    assert is_certain(minimum, asked) is expected


def test_a_parameter_that_nothing_depends_on_is_undetermined():
    data = points(X, 2 * X, 0.1)
    result = solve(formula("a*x + where(x < 100, 0, b)"), data, [1.0, 1.0])
    assert result.status is Status.UNDETERMINED
    assert "b" in result.message


def test_two_terms_that_merged_are_not_the_end():
    """Both exponentials at one rate are a valid minimum of MIGRAD's, with absurd amplitudes."""
    model = formula("c + a*exp(-x*p) + b*exp(-x*q)")
    x = np.linspace(0, 320, 33)
    y = 0.375 + 1.94 * np.exp(-0.0129 * x) - 1.46 * np.exp(-0.0221 * x)
    noisy = y + 0.002 * np.random.default_rng(1).normal(size=33)
    truth = [0.375, 1.94, -1.46, 0.0129, 0.0221]
    near = solve(model, points(x, noisy, 0.002), truth)
    far = solve(model, points(x, noisy, 0.002), [0.4, 100.0, -100.0, 0.0166, 0.0168])
    assert near.valid
    assert far.valid
    assert far.cost == pytest.approx(near.cost, rel=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_errors_in_x_that_swallow_the_data_are_told(seed):
    """A steep exponential with errors in x of half its length.

    Its chi-square has a valid minimum near 0 at absurd slopes; what is called valid here is near
    the truth, and at a chi-square that such data have.
    """
    rng = np.random.default_rng(seed)
    true = np.linspace(0, 3, 12)
    x, y = true + 0.6 * rng.normal(size=12), np.exp(true) + 0.2 * rng.normal(size=12)
    result = solve(formula("a*exp(b*x)"), points(x, y, 0.2, 0.6))
    assert result.status in (Status.CONVERGED, Status.RUNAWAY), result.message
    assert abs(result.values[1] - 1) < 0.6
    if result.valid:
        assert 2 < result.chi2 < 25
    else:
        assert "errors in x" in result.message


@pytest.mark.slow
def test_moderate_errors_in_x_end_where_small_ones_do():
    for seed in range(6):
        rng = np.random.default_rng(seed)
        true = np.linspace(0, 3, 12)
        x, y = true + 0.1 * rng.normal(size=12), np.exp(2 * true) + 0.2 * rng.normal(size=12)
        result = solve(formula("a*exp(b*x)"), points(x, y, 0.2, 0.1))
        assert result.valid
        assert abs(result.values[1] - 2) < 4 * result.errors[1]


def test_all_parameters_at_limits_and_one_beyond():
    """Held at its limit a parameter has no error, and the others those of a fit without it."""
    data = points(X, 1 - 0.5 * X, 0.1)
    result = solve(formula("a + b*x"), data, b=Knowledge(limits=(0.0, None)))
    assert result.valid
    assert result.held.tolist() == [False, True]
    assert result.errors == [pytest.approx(0.1 / np.sqrt(15), rel=1e-10), None]


@pytest.mark.parametrize("seed", [1, 5, 6])
def test_a_line_that_errors_in_x_have_flattened_is_found_again(seed):
    """Deming's closed form; without the errors in x the slope is a third."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 1, 100)
    x, y = truth + rng.normal(0, 1.5, 100), truth + rng.normal(0, 0.1, 100)
    result = solve(LINE, Points(x, y, np.full(100, 1.5), np.full(100, 0.1)))
    off_x, off_y, ratio = x - x.mean(), y - y.mean(), (0.1 / 1.5) ** 2
    more = off_y @ off_y - ratio * (off_x @ off_x)
    both = off_x @ off_y
    slope = (more + np.sqrt(more**2 + 4 * ratio * both**2)) / (2 * both)
    assert result.status is Status.CONVERGED
    assert result.values[1] == pytest.approx(slope, rel=1e-8)


FLAT = np.linspace(0, 10, 31)
NARROW = Formula.read("a*gaussian(x, m, s) + c", SHAPES)


@pytest.mark.parametrize(
    ("model", "data", "status"),
    [
        (PEAK, points(FLAT, 0 * FLAT + 5), Status.RUNAWAY),
        (NARROW, points(FLAT, 0 * FLAT + 5), Status.UNDETERMINED),
        (NARROW, Histogram(FLAT, 0 * FLAT[1:] + 150), Status.UNDETERMINED),
    ],
    ids=["ever broader peak", "peak of height 0", "the same in counts"],
)
def test_what_is_the_same_everywhere_is_described_and_no_other_start_is_tried(model, data, status):
    """To rounding; that of a cost may curve downwards, and be no saddle."""
    found = solve(model, data, absolute_sigma=isinstance(data, Histogram))
    assert found.status is status, found.message
    assert found.effort.nfcn < 1000
