"""Numbers and multiples of parameters, however they are written."""

import pytest

from models.formula.affine import affine
from models.formula.formula import Formula
from models.registry import SHAPES


@pytest.mark.parametrize(
    ("text", "number", "factors"),
    [
        ("2*p - 3", -3, {"p": 2}),
        ("(p + 2*q)/4 + 1", 1, {"p": 0.25, "q": 0.5}),
        ("p/3", 0, {"p": 1 / 3}),
        ("q*(1 + p/q)", 0, {"p": 1, "q": 1}),
        ("q*(1 - (p - q)/q)", 0, {"q": 2, "p": -1}),
        ("5 + 0*p", 5, {}),
    ],
)
def test_what_is_affine_once_it_is_multiplied_out(text, number, factors):
    formula = Formula.read(text, SHAPES)
    found = affine(formula.tree)
    assert found is not None
    assert found[0] == number
    assert {formula.names[i]: f for i, f in found[1].items()} == factors


@pytest.mark.parametrize("text", ["p*q", "p/q", "1/p", "p^2", "exp(p)", "x - p", "q/(1 + p)"])
def test_what_is_not(text):
    assert affine(Formula.read(text, SHAPES).tree) is None
