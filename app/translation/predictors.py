"""Several predictors: the columns of an x that is an object, and the formula in their names."""

from collections.abc import Mapping, Sequence
from string import ascii_letters
from typing import Any

from app.errors import InvalidRequest
from app.schemas.models import FormulaModel
from app.schemas.requests import PointsRequest
from app.settings import Settings
from app.translation.build import to_formula
from app.translation.refusals import refuse_many
from fitting.errors import Path
from models.formula.errors import FormulaError
from models.formula.formula import Formula
from models.formula.names import check_predictor


def model_in_columns(request: PointsRequest, settings: Settings) -> Formula:
    """The formula in the columns of x, all of which it uses."""
    columns = request.x
    assert isinstance(columns, dict)
    refuse_names(columns, settings)
    if not isinstance(request.model, FormulaModel):
        raise InvalidRequest(
            [
                (
                    ("model",),
                    "where x has columns the model is a formula in their names, all of them, as in "
                    f'{{"formula": "{plane(list(columns))}"}}; shapes may be called in it',
                )
            ]
        )
    model = to_formula(request.model, settings, ("model",), tuple(columns))
    unused = [name for name in columns if name not in model.predictors]
    if unused:
        message = "the formula does not use this column; write its name there, or leave it out"
        raise InvalidRequest([(("x", name), message) for name in unused])
    return model


def plane(columns: Sequence[str]) -> str:
    """The simplest formula in these columns, whose parameters have other names than they."""
    free = (one for one in ascii_letters if not any(name.startswith(one) for name in columns))
    letter = next(free, max(columns, key=len) + "_")
    terms = [f"{letter}{i}*{name}" for i, name in enumerate(columns, 1)]
    return " + ".join([f"{letter}0", *terms])


def refuse_names(columns: Mapping[str, Any], settings: Settings) -> None:
    """InvalidRequest for too many columns, or for what is no name of a predictor."""
    if not columns:
        raise InvalidRequest([(("x",), "there is no column; give at least one, by its name")])
    refuse_many(("x",), len(columns), settings.max_predictors, "columns")
    wrong: list[tuple[Path, str]] = []
    for name in columns:
        try:
            check_predictor(name)
        except FormulaError as error:
            wrong.append((("x", name), error.message))
    if wrong:
        raise InvalidRequest(wrong)
