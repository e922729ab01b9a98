"""Names that were mistyped are found again, unless to look for them would take long."""

import difflib

import pytest

from models.nearest import nearest
from models.registry import SHAPES

LONG = [f"{'a' * 97}{i:03}" for i in range(400)]  # as many and as long as a client may give


@pytest.mark.parametrize(
    ("name", "found"), [("gausian", "gaussian"), ("exponental", "exponential"), ("zzz", None)]
)
def test_the_nearest_is_found(name: str, found: str | None) -> None:
    assert nearest(name, SHAPES) == found


@pytest.mark.parametrize(
    ("name", "known"),
    [("gaussian" * 10**4, list(SHAPES)), ("a" * 100, LONG), ("mu" * 10**6, ["mu", "sigma"])],
    ids=["model", "long names", "parameter"],
)
def test_long_names_are_not_looked_for(
    name: str, known: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(difflib, "SequenceMatcher", None)
    assert nearest(name, known) is None


def test_of_four_hundred_parameters_the_nearest_is_found() -> None:
    assert nearest("backgruond_c17", [f"background_c{i}" for i in range(400)]) == "background_c17"
