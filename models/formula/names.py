"""Which names of a formula are predictors, which are parameters, and which are neither."""

import math
from collections.abc import Mapping, Sequence

from models.formula.errors import FormulaError
from models.formula.functions import FUNCTIONS
from models.formula.tokens import Word, check_word
from models.formula.tree import call_parameters
from models.model import Model

#: What the predictor is called where nobody says otherwise.
PREDICTOR = "x"
CONSTANTS = {"pi": math.pi}
#: All that may stand in a formula, for who writes one.
GRAMMAR = (
    f"An expression in {PREDICTOR} with + - * /, powers by ^ or ** (-x^2 is -(x^2)), parentheses, "
    f"the functions {', '.join(FUNCTIONS)} (log is natural, angles are in radians), conditions by "
    f"where({PREDICTOR} < a, b, c), the constant {', '.join(CONSTANTS)}, and shapes as functions "
    "of x and their parameters in order, densities without their amp, as in "
    "n*gaussian(x, mu, sigma); those with a degree have their default one. Every other name is a "
    "parameter, but those of functions, and what looks like a number, PI or nan, only if "
    "`parameters` lists them. What is fitted, y or counts, is not part of it."
)
NO_NUMBERS = frozenset({"inf", "infinity", "nan"})


def check_predictor(name: str) -> None:
    """FormulaError for what cannot be the name of a predictor."""
    check_name(name)
    if name in FUNCTIONS or name == "where":
        raise FormulaError("this is the name of a function; give the column another one")
    if name in CONSTANTS:
        raise FormulaError("this is the name of a constant; give the column another one")


def check_name(name: str, entry: int | None = None) -> None:
    """FormulaError for what no name can be, of a predictor or in the list of parameters."""
    if not (name.isascii() and name.isidentifier()):
        raise FormulaError(
            "this is no name: use letters, digits and _, no digit first", entry=entry
        )
    check_word(name, entry=entry)


def used_predictors(words: Sequence[Word], columns: Sequence[str]) -> tuple[str, ...]:
    """The columns that a formula uses, in order of appearance."""
    used = dict.fromkeys(w.text for w in words if w.kind == "name" and not w.calls)
    return tuple(name for name in used if name in columns)


def check_declared(
    words: Sequence[Word], parameters: Sequence[str], predictors: Sequence[str]
) -> None:
    """FormulaError unless all that the client lists are names, and used."""
    used = {w.text for w in words if w.kind == "name" and not w.calls}
    for i, name in enumerate(parameters):
        check_name(name, entry=i)
        if name in predictors:
            predictor = "the predictor" if name == PREDICTOR else "a predictor"
            raise FormulaError(f"{name} is {predictor}; take it out", entry=i)
        if name in parameters[:i]:
            raise FormulaError(f"{name} repeats an earlier one; take it out", entry=i)
        if name not in used:
            raise FormulaError(f"{name} does not occur in the formula; take it out", entry=i)


def found_parameters(
    words: Sequence[Word], predictors: Sequence[str], shapes: Mapping[str, type[Model]]
) -> tuple[str, ...]:
    """The names in order of appearance."""
    names: dict[str, None] = {}
    has_input = bool(used_predictors(words, predictors))
    for word, after in zip(words, [*words[1:], None], strict=True):
        if word.kind != "name" or word.calls or word.text in (*predictors, *CONSTANTS):
            continue
        power = after is not None and after.text == "**"
        meant = other_meaning(word.text, power=power)
        if word.text == PREDICTOR:  # where the columns have other names
            meant = "x is none of the columns here: write one of their names"
        if not has_input:  # with x in the formula, linear or gamma is a parameter like any other
            meant = meant or meant_shape(word.text, shapes)
        if meant:
            declare = f'{word.text} may be a parameter if "parameters" beside the formula lists all'
            raise FormulaError(f"{meant}; {declare}", word.column)
        names[word.text] = None
    return tuple(names)


def meant_shape(name: str, shapes: Mapping[str, type[Model]]) -> str:
    """What to write for the name of a shape; nothing for another."""
    if name not in shapes:
        return ""
    called = ", ".join((PREDICTOR, *(p.name for p in call_parameters(shapes[name]()))))
    return f"{name} is a shape: write {name}({called})"


def other_meaning(name: str, *, power: bool) -> str:
    """What a name that nobody declared was rather meant for than for a parameter; or nothing."""
    if name in FUNCTIONS or name == "where":
        return f"{name} is a function: write {name}(...)"
    if name.lower() in CONSTANTS:
        return f"write {name.lower()} for the constant"
    if name.lower() in NO_NUMBERS:
        return "a formula has finite numbers only; take this out"
    if name == "e" and power:
        return "write exp(...) for a power of Euler's number"
    return ""
