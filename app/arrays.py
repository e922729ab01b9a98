"""Large JSON bodies, their matrices read into arrays: no Python object for each number.

A second way that gives the same: whatever is not plainly right is left to Pydantic, which says
what is wrong with it. Pydantic makes an object of each number and looks at it; of a million that
took five times as long.
"""

from typing import Any

import numpy as np
import simdjson

from fitting.padding import Floats

LARGE = 2**14  # bytes; smaller bodies are read by Pydantic in no time


def with_matrices(raw: bytes, names: tuple[str, ...]) -> dict[str, Any] | None:
    """The body's fields, in which matrices with these names are arrays; None: read it otherwise."""
    # escapes could hide brackets, which are counted
    if not names or len(raw) < LARGE or not raw.startswith(b"{") or b"\\" in raw:
        return None
    try:
        document = simdjson.Parser().parse(raw)
        assert isinstance(document, simdjson.Object)  # it begins like one
        return _read(document, raw.count(b"["), names)
    except (ValueError, TypeError, LookupError, RuntimeError):  # not what was hoped for
        return None


def _read(
    document: simdjson.Object, brackets: int, names: tuple[str, ...]
) -> dict[str, Any] | None:
    fields: dict[str, Any] = {}
    for name in document:
        if name in fields:  # Pydantic takes the last one, simdjson the first
            return None
        value = document[name]
        matrix = _matrix(value) if name in names else None
        brackets -= name.count("[")
        if matrix is not None:
            brackets -= 1 + len(matrix)
        elif isinstance(value, simdjson.Array | simdjson.Object):
            text: Any = value.mini  # bytes, whatever its stub says
            brackets -= text.count(b"[")
        elif isinstance(value, str):
            brackets -= value.count("[")
        fields[name] = _plain(value) if matrix is None else matrix
    # what is nested deeper comes out of `as_buffer` as if it were not
    return fields if brackets == 0 else None


def _matrix(value: Any) -> Floats | None:
    """Of a list of lists of numbers, all of one length."""
    if not isinstance(value, simdjson.Array) or not isinstance(value[0], simdjson.Array):
        return None
    rows: Any = value
    sizes = {len(row) for row in rows}
    numbers = np.frombuffer(value.as_buffer(of_type="d"))
    if len(sizes) > 1 or len(value) * max(sizes) != len(numbers) or not len(numbers):
        return None
    return numbers.reshape(len(value), -1)


def _plain(value: Any) -> Any:
    """As Python's own lists and dictionaries."""
    if isinstance(value, simdjson.Array):
        return value.as_list()
    return value.as_dict() if isinstance(value, simdjson.Object) else value
