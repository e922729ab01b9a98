"""Large JSON bodies, their numbers read into arrays: no Python object for each.

A second way that gives the same: whatever is not plainly right is left to Pydantic, which says
what is wrong with it. Pydantic makes an object of each number and looks at it; of a million that
took five times as long.
"""

from typing import Any

import numpy as np
import simdjson

from app.reading.names import has_twice
from fitting.padding import Floats

LARGE = 2**14  # bytes; smaller bodies are read by Pydantic in no time
MOST_FIELDS = 32  # of an object, in which each is looked for from the first; no request has more


def with_arrays(raw: bytes, names: tuple[str, ...]) -> dict[str, Any] | None:
    """The body's fields, in which lists and matrices with these names are arrays.

    `outer.inner` names a field of an object. None: read it otherwise.
    """
    # escapes could hide brackets, which are counted
    if not names or len(raw) < LARGE or not raw.startswith(b"{") or b"\\" in raw:
        return None
    try:
        document = simdjson.Parser().parse(raw)
        assert isinstance(document, simdjson.Object)  # it begins like one
        fields, brackets = _read(document, names)
    except (ValueError, TypeError, LookupError, RuntimeError):  # not what was hoped for
        return None
    # what is nested deeper comes out of `as_buffer` as if it were not
    return fields if brackets == raw.count(b"[") else None


def _read(
    document: simdjson.Object, names: tuple[str, ...], outer: str = ""
) -> tuple[dict[str, Any], int]:
    """The fields of an object, and how many opening brackets it has."""
    if len(document) > MOST_FIELDS:
        raise LookupError
    fields: dict[str, Any] = {}
    brackets = 0
    for key in document:
        if key in fields:  # it stands twice
            raise LookupError(key)
        value, name = document[key], outer + key
        brackets += key.count("[")
        if name in names and (array := _array(value)) is not None:
            brackets += 1 + (len(array) if array.ndim > 1 else 0)
            fields[key] = array
        elif isinstance(value, simdjson.Object) and any(n.startswith(f"{name}.") for n in names):
            fields[key], inside = _read(value, names, f"{name}.")
            brackets += inside
        else:
            if isinstance(value, simdjson.Array | simdjson.Object):
                text: Any = value.mini  # bytes, whatever its stub says
                brackets += text.count(b"[")
                if has_twice(text):
                    raise LookupError(key)
            elif isinstance(value, str):
                brackets += value.count("[")
            fields[key] = _plain(value)
    return fields, brackets


def _array(value: Any) -> Floats | None:
    """Of a list of numbers, or of lists of numbers that are all of one length."""
    if not isinstance(value, simdjson.Array):
        return None
    numbers = np.frombuffer(value.as_buffer(of_type="d"))
    if not isinstance(value[0], simdjson.Array):
        return numbers
    rows: Any = value
    sizes = {len(row) for row in rows}
    if len(sizes) > 1 or len(value) * max(sizes) != len(numbers) or not len(numbers):
        return None
    return numbers.reshape(len(value), -1)


def _plain(value: Any) -> Any:
    """As Python's own lists and dictionaries."""
    if isinstance(value, simdjson.Array):
        return value.as_list()
    return value.as_dict() if isinstance(value, simdjson.Object) else value
