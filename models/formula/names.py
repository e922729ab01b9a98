"""Which names of a formula are predictors, which are parameters, and which are neither."""

import math
from collections.abc import Sequence

from models.formula.errors import FormulaError
from models.formula.functions import FUNCTIONS
from models.formula.tokens import Word, check_name

#: What the predictor is called where nobody says otherwise.
PREDICTOR = "x"
CONSTANTS = {"pi": math.pi}


def check_predictor(name: str) -> None:
    """FormulaError for what cannot be the name of a predictor."""
    if not (name.isascii() and name.isidentifier()):
        raise FormulaError("this is no name: use letters, digits and _, no digit first")
    check_name(name, None)
    if name in FUNCTIONS or name == "where":
        raise FormulaError("this is the name of a function; give the column another one")
    if name in CONSTANTS:
        raise FormulaError("this is the name of a constant; give the column another one")


def used_predictors(words: Sequence[Word], columns: Sequence[str]) -> tuple[str, ...]:
    """The columns that a formula uses, in order of appearance."""
    used = dict.fromkeys(w.text for w in words if w.kind == "name" and not w.calls)
    return tuple(name for name in used if name in columns)


def declared_parameters(
    words: Sequence[Word], parameters: Sequence[str], predictors: Sequence[str]
) -> tuple[str, ...]:
    """The client's names, if all of them are names, and used."""
    if len(parameters) > 1000:
        raise FormulaError(f"{len(parameters)} parameters are too many")
    used = {w.text for w in words if w.kind == "name" and not w.calls}
    for i, name in enumerate(parameters):
        where = f"entry {i} of the parameters"
        if not (name.isascii() and name.isidentifier()):
            raise FormulaError(f"{where} is no name: use letters, digits and _, no digit first")
        check_name(name, None)
        if name in predictors:
            predictor = f"{PREDICTOR}, the predictor" if name == PREDICTOR else "a predictor"
            raise FormulaError(f"{where} is {predictor}; take it out")
        if name in parameters[:i]:
            raise FormulaError(f"{where} repeats an earlier one; take it out")
        if name not in used:
            raise FormulaError(f"{where} does not occur in the formula; take it out")
    return tuple(parameters)


def found_parameters(words: Sequence[Word], predictors: Sequence[str]) -> tuple[str, ...]:
    """The names in order of appearance."""
    names: dict[str, None] = {}
    for word, after in zip(words, [*words[1:], None], strict=True):
        if word.kind != "name" or word.calls or word.text in (*predictors, *CONSTANTS):
            continue
        if word.text in FUNCTIONS or word.text == "where":
            raise FormulaError(
                f"{word.text} is a function: write {word.text}(...), "
                'or declare it in "parameters" if it is one',
                word.column,
            )
        if word.text == "e" and after is not None and after.text == "**":
            raise FormulaError(
                "write exp(...) for a power of Euler's number, "
                'or declare e in "parameters" if it is one',
                word.column,
            )
        names[word.text] = None
    return tuple(names)
