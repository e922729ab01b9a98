"""Names that stand twice in one object of a body: no client could know which of the two counts.

JSON leaves that open (RFC 8259, 4), and Pydantic takes the last.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from app.errors import InvalidRequest
from fitting.errors import Path

STRINGS = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"(\s*+:)?', re.DOTALL)
NUMBERS = re.compile(rb"\[[-+.0-9eE, \t\r\n]*+\]")
TWICE = "stands twice in this object; give it once"

Pairs = list[tuple[Any, Any]]
#: Reads a body, with a hook that makes an object of its pairs.
Reader = Callable[[Callable[[Pairs], Any]], Any]


def has_twice(text: bytes) -> bool:
    """Whether an object of this text, which is valid JSON, may have a name twice.

    Mostly no name stands twice in all of the text, which takes no time to see.
    """
    return _without_numbers(text)[1]


def refuse_twice(text: bytes) -> None:
    """InvalidRequest with the place, if an object of this text has a name twice."""
    found, twice = _without_numbers(text)
    place = _place(found) if twice else ()
    if any("[]" in str(part) for part in place):  # perhaps the name is another, and there is none
        read(_reader(text))
    elif twice:
        raise InvalidRequest([(place, TWICE)])


def read(reader: Reader) -> Any:
    """What it reads; or the same InvalidRequest."""
    found, twice = _read(reader)
    if twice:
        raise InvalidRequest([(_place(found), TWICE)])
    return found


def _without_numbers(text: bytes) -> tuple[Any, bool]:
    """What little is left of it, or nothing; and whether there may be a `_Twice` in it."""
    names = [name for name, colon in STRINGS.findall(text) if colon]
    if len({*names}) == len(names) and not any(b"\\" in name for name in names):
        return None, False
    # what stands in brackets in a name is lost, too
    return _read(_reader(NUMBERS.sub(b"[]", text)))


def _reader(text: bytes) -> Reader:
    # of integers Python reads 4300 digits at most
    return lambda hook: json.loads(text, object_pairs_hook=hook, parse_int=float)


class _Twice(dict[Any, Any]):
    """An object that has one of its names twice."""

    def __init__(self, pairs: Pairs):
        super().__init__(pairs)
        times = Counter(name for name, _ in pairs)
        self.name = next(name for name in times if times[name] > 1)


def _read(reader: Reader) -> tuple[Any, bool]:
    """What it reads, and whether there is a `_Twice` in it."""
    twice = False

    def to_object(pairs: Pairs) -> dict[Any, Any]:
        nonlocal twice
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        twice = True
        return _Twice(pairs)

    return reader(to_object), twice


def _place(value: Any) -> Path:
    """Of the first `_Twice`; () if there is none."""
    path: list[Any] = []
    levels: list[Iterator[tuple[Any, Any]]] = [iter([(None, value)])]  # what is left of each
    while levels:
        for part, one in levels[-1]:
            if isinstance(one, _Twice):
                return (*path, part, one.name)[1:]
            if isinstance(one, dict | list):
                path.append(part)
                levels.append(iter(one.items() if isinstance(one, dict) else enumerate(one)))
                break
        else:
            levels.pop()
            del path[-1:]
    return ()
