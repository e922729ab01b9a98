"""A factor beside a parameter, or the size of y, says how large the parameter is.

Oracle: SciPy's least squares, begun at the truth.
"""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from fitting.problem import Knowledge
from models.formula.dimensions import units
from models.formula.formula import Formula
from models.registry import SHAPES
from tests.fitting.problems import points, solve


def read(text):
    return Formula.read(text, SHAPES)


def assert_found(model, x, y, y_err, function, truth, **known):
    twin, covariance = curve_fit(function, x, y, truth, y_err, absolute_sigma=True)
    found = solve(model, points(x, y, y_err), **known)
    assert found.valid
    off = np.abs(found.values - twin) / np.sqrt(np.diag(covariance))
    assert off.max() < 1e-2, (found.values, twin)


NUMBERS = {
    "sin(1000*k/x)^2": 1e-3,
    "a*exp(5e6/(x*k))": 5e6,
    "a/(1 + 400*k*x)": 1 / 400,
    "a/(1 + k*x/400)": 400,
    "a*exp(-(x - m)^2/(2*k^2))": 1,  # a width is one of a normal distribution
    "a*exp(-(x - m)^2/(1e4*k^2))": 1e-2,
    "a/(1e200 + 1e200*1e200*1e200*k*x)": 1,  # no number of that size
}


@pytest.mark.parametrize("text", NUMBERS)
def test_the_number_that_goes_with_a_parameter(text):
    formula = read(text)
    unit = units(formula.tree)[formula.names.index("k")]
    assert unit.number == pytest.approx(NUMBERS[text], rel=1e-12)


def survival(energy, s2, dm2):
    return 1 - s2 * np.sin(1.267 * dm2 * 1300 / energy) ** 2


@pytest.mark.parametrize("limits", [None, (0.0, 0.01)], ids=["free", "limited"])
def test_an_oscillation_in_the_units_of_its_field(limits):
    """Its mass difference was sought between 1 and 12, or all at the upper limit."""
    energy = np.linspace(1, 12, 23)
    y = survival(energy, 0.95, 2.45e-3) + np.random.default_rng(808).normal(0, 0.03, 23)
    model = read("1 - s2*sin(1.267*dm2*1300/x)^2")
    known = {} if limits is None else {"dm2": Knowledge(limits=limits)}
    assert_found(model, energy, y, np.full(23, 0.03), survival, (0.95, 2.45e-3), **known)


def test_a_temperature_in_nanometres():
    def planck(x, a, t):
        return a * (1000 / x) ** 5 / np.expm1(14387769 / (x * t))

    x = np.linspace(400, 1700, 40)
    y = planck(x, 15000.0, 2800.0) + np.random.default_rng(5).normal(0, 1, 40)
    model = read("a*(1000/x)^5/(exp(14387769/(x*T))-1)")
    assert_found(model, x, y, np.ones(40), planck, (15000.0, 2800.0))


def test_a_dead_time_at_rates_over_five_decades():
    def recorded(x, eps, tau):
        return eps * x / (1 + eps * x * tau)

    x = np.array([10, 30, 100, 300, 1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6])
    noise = np.random.default_rng(909).normal(size=11)
    y = x / (1 + x * 2.5e-6) * np.exp(-x * 1e-7) * (1 + 0.01 * noise)
    assert_found(read("eps*x/(1+eps*x*tau)"), x, y, 0.01 * y, recorded, (1.0, 2.5e-6))


def test_a_floor_of_the_size_of_the_data():
    x, y = [0.5, 1, 2, 3, 4, 5], [1.3, 2.1, 4.2, 5.8, 8.1, 9.9]
    found = solve(read("max(a, b*x)"), points(x, y, 0.2))
    assert found.valid
    assert found.values[0] == pytest.approx(1.3, abs=1e-6)  # the only point of the floor
    slope = np.dot(x[1:], y[1:]) / np.dot(x[1:], x[1:])
    assert found.values[1] == pytest.approx(slope, rel=1e-9)
