"""From text to words: every word of a formula, where it stands, and whether the order is right.

What this lets through is a well-formed expression of names, numbers, calls and operators, nested
no deeper than allowed. So Python's parser, which comes next, sees nothing that could hurt it.
"""

import keyword
import re
from dataclasses import dataclass
from typing import Literal

from models.formula.elsewhere import bare_call
from models.formula.errors import FormulaError
from models.formula.remedies import CONDITION, REMEDIES, remedy

Kind = Literal["number", "name", "operator"]

WORD = re.compile(
    r"(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<operator>\*\*|<=|>=|[-+*/^(),<>])"
)
OCTAL = re.compile(r"0[0-9]")
BINARY = {"+", "-", "*", "/", "**", "<", "<=", ">", ">="}
LONGEST_NUMBER = 40
LONGEST_NAME = 50

IN_PLACE_OF_WORDS = {"if": CONDITION, "else": CONDITION} | dict.fromkeys(
    ("and", "or", "not"), REMEDIES["&"]
)


@dataclass(frozen=True)
class Word:
    """A word and the column of its first character, counted from 1; `calls`: ( comes next."""

    kind: Kind
    text: str
    column: int
    calls: bool = False


def split(text: str, depth: int) -> list[Word]:
    """The words of a formula, in an order that makes sense."""
    words: list[Word] = []
    place = 0
    while place < len(text):
        if text[place] in " \t":
            place += 1
            continue
        words.append(_word(text, place))
        place += len(words[-1].text)
    if not words:
        raise FormulaError("the formula is empty; write for instance a*exp(-x/tau) + c", 1)
    following = [word.text for word in words[1:]] + [""]
    words = [
        Word(w.kind, "**" if w.text == "^" else w.text, w.column, w.kind == "name" and then == "(")
        for w, then in zip(words, following, strict=True)
    ]
    _Order(words, depth, text).check()
    return words


def _word(text: str, place: int) -> Word:
    found, column = WORD.match(text, place), place + 1
    if found is None or found.lastgroup is None:
        raise FormulaError(remedy(text, place), column)
    word = found.group()
    kind: Kind = "number" if found["number"] else "name" if found["name"] else "operator"
    if kind == "number" and len(word) > LONGEST_NUMBER:
        raise FormulaError(f"a number has at most {LONGEST_NUMBER} characters; shorten it", column)
    if OCTAL.match(word):
        what = "a number does not begin with 0, which is octal to some; write"
        raise FormulaError(f"{what} {word.lstrip('0') or 0}", column)
    if kind == "name":
        check_word(word, column)
    return Word(kind, word, column)


def check_word(name: str, column: int | None = None, entry: int | None = None) -> None:
    """Names are short, and no words of Python but lambda, the decay constant."""
    if len(name) > LONGEST_NAME:
        most = f"a name has at most {LONGEST_NAME} characters"
        raise FormulaError(f"{most}; shorten it", column, entry)
    if keyword.iskeyword(name) and name != "lambda":
        instead = IN_PLACE_OF_WORDS.get(name, "take another name")
        raise FormulaError(f"this word is reserved; {instead}", column, entry)


class _Order:
    """A scan over the words: values and operators in turn, parentheses in pairs."""

    def __init__(self, words: list[Word], depth: int, text: str):
        self.words = words
        self.depth = depth
        self.text = text
        self.open: list[Word] = []  # the name of a call, or the parenthesis of a group
        self.signs = 0

    def check(self) -> None:
        wants_value = True
        for before, word in zip([None, *self.words[:-1]], self.words, strict=True):
            wants_value = self._value(before, word) if wants_value else self._operator(before, word)
        if wants_value:
            raise FormulaError("a value is missing at the end", len(self.text) + 1)
        if self.open:
            raise FormulaError("this parenthesis is never closed; add )", self.open[-1].column)

    def _value(self, before: Word | None, word: Word) -> bool:
        """A value is due; whether it still is after this word."""
        if word.kind != "operator":
            self.signs = 0
            return False
        if word.text == "(":
            return self._opened(word)
        if word.text in "+-":
            self.signs += 1
            if self.signs > self.depth:
                raise FormulaError(
                    f"more than {self.depth} signs in a row; take some out", word.column
                )
            return True
        if word.text == ")" and before is not None and before.text == "(":
            raise FormulaError("there is nothing between these parentheses", before.column)
        raise FormulaError("a value is missing before this", word.column)

    def _operator(self, before: Word | None, word: Word) -> bool:
        """An operator is due; whether a value is after this word."""
        assert before is not None
        if word.text in BINARY:
            return True
        if word.text == ")":
            if not self.open:
                raise FormulaError("this parenthesis was never opened; take it out", word.column)
            self.open.pop()
            return False
        if word.text == ",":
            if not (self.open and self.open[-1].calls):
                raise FormulaError(
                    "a comma stands between the arguments of a function only; "
                    "write a decimal point as .",
                    word.column,
                )
            return True
        if word.text == "(" and before.kind == "name":
            return self._opened(before)
        if before.kind == "number" and word.text.startswith("_"):
            raise FormulaError("write the digits of a number without _ between them", word.column)
        instead = bare_call(self.text[: word.column - 1]) or "write * for a product"
        raise FormulaError(f"an operator is missing before this; {instead}", word.column)

    def _opened(self, word: Word) -> bool:
        self.open.append(word)
        if len(self.open) > self.depth:
            raise FormulaError(
                f"nested deeper than {self.depth} parentheses; simplify the formula", word.column
            )
        self.signs = 0
        return True
