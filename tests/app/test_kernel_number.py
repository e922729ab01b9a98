"""The numbers of kernels: equal for equal ones only."""

import itertools

import pytest

from app.workers.kernel_number import kernel_number
from fitting.kernels.key import KernelKey
from models.composition.sum import Sum
from models.formula.formula import Formula
from models.registry import SHAPES
from models.shapes.gaussian import Gaussian
from models.shapes.lorentzian import Lorentzian

MODELS = [
    *(shape() for shape in SHAPES.values()),
    Gaussian(normalised="range"),
    Sum((Gaussian(prefix="a_"), Gaussian(prefix="b_"))),
    Sum((Gaussian(prefix="a_"), Lorentzian(prefix="b_"))),
    Sum((Gaussian(prefix="a_"), Gaussian(prefix="b_", rename=(("mu", "a_mu"),)))),
    Formula.read("a*gaussian(x, m, s)", SHAPES),
    Formula.read("a*lorentzian(x, m, s)", SHAPES),
    Formula.read("a*exp(-x/t)", SHAPES),
]


def test_unlike_kernels_have_unlike_numbers():
    keys = [KernelKey("poisson", model, 64) for model in MODELS]
    keys += [KernelKey("least-squares", MODELS[0], 64), KernelKey("poisson", MODELS[0], 128)]
    for one, other in itertools.combinations([*keys, (keys[0], "rows")], 2):
        assert (kernel_number(one) == kernel_number(other)) == (one == other), (one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Gaussian(), Gaussian(prefix="p_")),
        (Formula.read("a*exp(-x/t)", SHAPES), Formula.read("n * exp(-(x/tau))", SHAPES)),
    ],
)
def test_names_and_spelling_do_not_count(one, other):
    assert one == other
    numbers = {kernel_number(KernelKey("poisson", model, 64)) for model in (one, other)}
    assert len(numbers) == 1
