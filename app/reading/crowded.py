"""Names and texts of a body: of more than any model needs none is looked at.

Each becomes a Python object, and perhaps a mistake to tell, which costs hundreds of times what it
costs to send. Numbers, which come in arrays, are limited where their arrays are.
"""

from typing import Any

import simdjson
from pydantic_core import from_json

from app.errors import InvalidRequest
from app.reading.arrays import MOST_FIELDS
from app.reading.validation import not_json
from app.settings import Settings
from fitting.errors import Path

ANYWAY = 200  # fields of the request, columns
EACH = 20  # the fields of a parameter or a component, its name where that stands, its options


def most_names(settings: Settings) -> int:
    """How many names and texts a body may have."""
    return ANYWAY + EACH * (settings.max_parameters + settings.max_components)


def count_names(text: bytes, most: int) -> int:
    """Of JSON, or 0 where there are certainly no more than `most`."""
    return text.count(b'"') // 2 if len(text) > 2 * most else 0


def too_many(count: int, most: int) -> str:
    """What is said of them."""
    return (
        f"{count} names and texts; at most {most} are allowed, {EACH} for each of max_parameters "
        "and max_components (GET /limits). Numbers have no quotes"
    )


def refuse_crowded(raw: bytes, most: int) -> None:
    """InvalidRequest for JSON of more names, at the field that has most of them."""
    if (count := count_names(raw, most)) > most:
        raise InvalidRequest([(_fullest(raw), too_many(count, most))])


def _fullest(raw: bytes) -> Path:
    """The field with most names; () where it cannot be told at a glance."""
    try:
        document = simdjson.Parser().parse(raw)
    except (ValueError, RuntimeError):  # or a number is too large for it
        try:
            from_json(raw)
        except ValueError as invalid:
            raise not_json(raw, invalid) from None
        return ()
    if not isinstance(document, simdjson.Object) or len(document) > MOST_FIELDS:
        return ()
    return (max(document, key=lambda name: _names_in(document[name])),)


def _names_in(value: Any) -> int:
    """Or twice as many."""
    inner = isinstance(value, simdjson.Array | simdjson.Object)
    return value.mini.count(b'"') if inner else 0
