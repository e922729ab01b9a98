"""A fuzzer of the formula reader that is led by coverage: what reaches new lines is tried further.

`python -m tests.formula.fuzz -runs=N` or `-max_total_time=SECONDS` (`make fuzz`); other options
are libFuzzer's. An input is one byte that says how to make a text of it, and the rest: `RAW` is
the text itself, so that libFuzzer's own mutations and its dictionary work on it; `GROWN` decides
about a text of well-formed parts. What a text is checked for is in `check`.
"""

import pickle
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["models.formula"]):
    from models.formula.canonical import canonical
    from models.formula.dimensions import units
    from models.formula.elsewhere import CONDITIONS, ELSEWHERE, EXPRESSIONS
    from models.formula.errors import FormulaError
    from models.formula.formula import Formula
    from models.formula.functions import FUNCTIONS
    from models.formula.parse import Limits
    from models.formula.remedies import REMEDIES
    from models.formula.roles import roles
    from models.formula.tokens import LONGEST_NAME

from models.formula.tree import call_parameters
from models.registry import SHAPES
from tests.formula.test_parse import REFUSED, TAKEN

RAW, GROWN, DECLARED = b"rgd"
SLOWEST_S = 0.5
LONGEST_MESSAGE = 500
LIMITS = Limits()
RECURSION = 600  # of Python's 1000 frames; the rest are for what is on the stack of a server

ARGUMENTS = {name: max(2, f.least) if f.most is None else f.most for name, f in FUNCTIONS.items()}
ARGUMENTS |= {name: 1 + len(call_parameters(shape())) for name, shape in SHAPES.items()}
CALLS = sorted(ARGUMENTS)
NAMES = ["x", "a", "b", "c", "lambda", "pi", "e", "_", "x0", "gamma", "exp", "where", "if"]
NUMBERS = [
    "0",
    "1",
    "2",
    "3",
    "0.5",
    "1e-300",
    "5e-324",
    "1.7976931348623157e308",
    "9007199254740993",
]
NUMBERS += [
    "1e999",
    "0.1",
    "1000",
    "1001",
    "00",
    "0e0",
    ".5",
    "7.",
    "3.141592653589793238462643383",
]
ODD = ["é", "μ", "１", "٣", "ａ", "\u202e", "\0", "\n", "\ud800", "𝑥", "ǆ", "'", "_1", "x.y"]
ODD += ["(" * 60, "-" * 60, "7" * 60, "exp(" * 60, "a^" * 60, "x" * 60, "a+" * 400, *REMEDIES]
OPERATORS = ["+", "-", "*", "/", "^", "**", "+", "*"]


def text_and_names(data: bytes) -> tuple[str, list[str] | None]:
    """The text that an input stands for, and the declared names if it declares some."""
    kind, rest = data[:1], data[1:]
    if kind and kind[0] in (GROWN, DECLARED):
        source = atheris.FuzzedDataProvider(rest)
        text = expression(lambda n: source.ConsumeIntInRange(0, n - 1), 8)
        text = text[: 2 * LIMITS.length]
        if kind[0] == GROWN:
            return text, None
        return text, [pick for pick in NAMES if source.ConsumeBool()]
    return rest.decode("utf-8", "surrogateescape"), None


def expression(draw: Callable[[int], int], depth: int) -> str:
    """A text with the form of a formula, mostly; `draw(n)` decides between n ways.

    When the input is used up, every decision is for the first way.
    """

    def one_of(choices: list[str]) -> str:
        return choices[draw(len(choices))]

    def inner() -> str:
        return expression(draw, depth - 1)

    match draw(12) if depth else draw(2):
        case 0:
            return one_of(NAMES)
        case 1:
            return one_of(NUMBERS)
        case 2 | 3 | 4:
            return f"{inner()}{one_of(OPERATORS)}{inner()}"
        case 5:
            return f"({inner()} {one_of(OPERATORS)} {inner()})"
        case 6:
            return f"-{inner()}"
        case 7 | 8:
            name = one_of(CALLS)
            return f"{name}({', '.join(inner() for _ in range(ARGUMENTS[name]))})"
        case 9:
            compare = one_of(["<", "<=", ">", ">="])
            return f"where({inner()} {compare} {inner()}, {inner()}, {inner()})"
        case 10:  # the same part again, as sums and powers of equal things have it
            part = f"({inner()})"
            return one_of(OPERATORS).join([part] * (2 + draw(6)))
    return f"{one_of(ODD)}{inner()}"


def check(text: str, names: list[str] | None = None) -> None:
    """A text is read or refused, soon; it has one form; a refusal says where and repeats nothing.

    What a request asks of a formula before it is compiled is asked, too.
    """
    spent = []
    for _ in range(3):  # another process may have had the processor
        start = time.process_time()
        try:
            formula = Formula.read(text, SHAPES, names)
        except FormulaError as error:
            formula = None
            check_refusal(error, text)
        else:
            assert formula.declare()
            assert formula.parts
            units(formula.tree)
            roles(formula.tree)
            assert pickle.loads(pickle.dumps(formula)) == formula  # as it is sent to a worker
        spent.append(time.process_time() - start)
        if spent[-1] < SLOWEST_S:
            break
    assert min(spent) < SLOWEST_S, f"reading took {min(spent):.2f} s"
    if formula is not None:
        again = canonical(formula.tree)
        assert again == formula.tree, f"{formula.tree.key}\nbecomes\n{again.key}"


def check_refusal(error: FormulaError, text: str) -> None:
    message = str(error)
    assert 0 < len(message) <= LONGEST_MESSAGE, message
    assert message.isascii(), message
    assert message.isprintable(), message
    assert error.column is None or 1 <= error.column <= len(text) + 1, error.column
    longer_than_a_name = (text[i : i + LONGEST_NAME + 1] for i in range(len(text) - LONGEST_NAME))
    assert not any(part in message for part in longer_than_a_name), message


def try_one(data: bytes) -> None:
    text, names = text_and_names(data)
    try:
        check(text, names)
    except BaseException:
        print(f"the text, as Python writes it: {text!r}, parameters {names}", file=sys.stderr)
        raise


def seeds(folder: Path) -> None:
    """What the parser's own tests read, as inputs."""
    for number, text in enumerate([*TAKEN, *REFUSED]):
        (folder / f"{number}").write_bytes(bytes([RAW]) + text.encode())


def dictionary(path: Path) -> None:
    """The library's words, as libFuzzer reads them."""
    called = [*CALLS, "where", *ELSEWHERE, *CONDITIONS, *EXPRESSIONS]
    words = [*called, *NAMES, *NUMBERS, "**", "<=", ">="]
    path.write_text("".join(f'"{word}"\n' for word in words))


def main(arguments: list[str]) -> Any:
    with tempfile.TemporaryDirectory() as scratch:
        corpus, words = Path(scratch, "seeds"), Path(scratch, "words")
        corpus.mkdir()
        seeds(corpus)
        dictionary(words)
        # the given options come last, and of two the last counts
        given = [f"-dict={words}", "-max_len=2100", "-timeout=20", "-rss_limit_mb=4000", *arguments]
        one_input = any(not argument.startswith("-") for argument in arguments)  # a crash, again
        atheris.Setup([sys.argv[0], *given, *([] if one_input else [str(corpus)])], try_one)
        sys.setrecursionlimit(RECURSION)
        atheris.Fuzz()  # does not return: libFuzzer ends the process


if __name__ == "__main__":
    main(sys.argv[1:])
