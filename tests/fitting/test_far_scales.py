"""Scales that follow from the other parameters: exponentials and powers far from x = 0.

The amplitude at x = 0 is e^30 or e^200 times what is seen, and changes by as much with t. SciPy is
asked where the curve has its amplitude among the data, which is the same minimum.
"""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from fitting.batch.fit import fit_batch
from fitting.batch.question import Batch
from fitting.batch.rows import PointsRows
from fitting.problem import Knowledge
from models.formula.formula import Formula
from models.registry import SHAPES
from tests.fitting.problems import KERNELS, points, solve

EARLY, LATE = np.linspace(1000, 1100, 40), np.linspace(1990, 2020, 31)
MIDDLE = np.linspace(100, 200, 40)
#: formula, x, what it is with its amplitude among the data, and ranges of its second parameter
FORMULAS = {
    "a*exp(-x/t)": (EARLY, lambda x, t: np.exp((1050 - x) / t), (20, 60), (5, 500)),
    "a*exp(-x/u)": (LATE, lambda x, u: np.exp((2000 - x) / u), (8, 15), (4, 100)),
    "a*x^b": (MIDDLE, lambda x, b: (x / 150) ** b, (-3, 4), (-8, 8)),
}


def data(text, count):
    x, curve, likely, _ = FORMULAS[text]
    rng = np.random.default_rng(7)
    rows = [30 * curve(x, rng.uniform(*likely)) + rng.normal(size=len(x)) for _ in range(count)]
    return x, np.array(rows)


def lowest(text, x, y):
    """The least cost, and the second parameter there."""
    _, curve, _, (low, high) = FORMULAS[text]

    def cost(second):
        column = curve(x, second)
        return np.sum((y - column * (column @ y) / (column @ column)) ** 2)

    found = minimize_scalar(cost, bounds=(low, high), method="bounded", options={"xatol": 1e-9})
    return found.fun, found.x


@pytest.mark.parametrize("text", FORMULAS)
def test_a_far_scale_is_found_in_few_steps(text):
    x, rows = data(text, 5)
    for y in rows:
        found = solve(Formula.read(text, SHAPES), points(x, y))
        assert found.valid
        cost, second = lowest(text, x, y)
        assert found.cost == pytest.approx(cost, rel=1e-9)
        assert found.values[1] == pytest.approx(second, rel=1e-6)
        assert found.effort.nfcn < 70  # it took up to 1700


@pytest.mark.parametrize(("text", "alone"), [*zip(FORMULAS, (2, 8, 2), strict=True)])
def test_most_rows_with_a_far_scale_are_fitted_together(text, alone):
    x, rows = data(text, 40)
    model = Formula.read(text, SHAPES)
    nothing = np.zeros((1, len(x)))
    asked = Batch(
        model,
        PointsRows(x[None], rows, nothing, nothing + 1),
        (Knowledge(), Knowledge()),
        np.full((40, 2), np.nan),
    )
    found = fit_batch(asked, KERNELS)
    assert found.alone.sum() <= alone
    for i in range(0, 40, 5):
        single = solve(model, points(x, rows[i]))
        assert found.fval[i] == pytest.approx(single.cost, rel=1e-9)
        assert found.values[i, 1] == pytest.approx(single.values[1], rel=1e-9)
        np.testing.assert_allclose(found.errors[i], single.errors, rtol=1e-5)


@pytest.mark.parametrize(
    ("text", "truth", "error", "seed", "start"),
    [
        ("a*exp(-x/t)+c", lambda x: 5 * np.exp(-x / 2) + 1, 0.1, 101, [6.64, 10.08, 0.574]),
        ("a*exp(-x/t)+c", lambda x: 5 * np.exp(-x / 2) + 1, 0.1, 111, [4.20, 6.51, 1.114]),
    ],
    ids=["101", "111"],
)
def test_a_long_first_step_does_not_lead_into_another_valley(text, truth, error, seed, start):
    x = np.linspace(0, 10, 31)
    y = truth(x) + np.random.default_rng([seed, 5]).normal(0, error, 31)
    found = solve(Formula.read(text, SHAPES), points(x, y, error), start)
    assert found.valid
    assert found.effort.nfcn < 50
