"""What is wrong with a body: pointers into what was sent, each with words (`wording`)."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import from_json

from app.errors import InvalidRequest, NotJson, Problem
from app.reading.wording import PAIRS, UHI, describe, is_uhi
from app.schemas.arrays import is_written, read
from app.schemas.base import Number
from app.schemas.models import FORMS, SumModel
from fitting.entries import MOST_REPORTED
from fitting.errors import Path

LOOKED_AT = 1000  # entries after a wrong one
UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # how it begins; or, as no JSON does, with a zero
TOO_LONG = "number out of range"  # what is said of integers of thousands of digits
NUMBER: TypeAdapter[float] = TypeAdapter(Number)
NO_NUMBER = {"float_type", "finite_number"}


def from_json_validation(error: ValidationError, body: bytes, whole: type[BaseModel]) -> Problem:
    """The same of a JSON body, which may not be JSON at all."""
    try:
        sent = from_json(body)
    except ValueError as invalid:
        return not_json(body, invalid)
    return from_validation(error, sent, whole)


def not_json(body: bytes, invalid: ValueError) -> NotJson:
    """What is said of a body that is none; `invalid` has the place."""
    if is_utf_16(body):
        return NotJson("The body is in UTF-16. Send one JSON object in UTF-8.")
    if str(invalid).startswith(TOO_LONG):
        place = str(invalid).removeprefix(TOO_LONG)
        return NotJson(f"The number{place} has too many digits; no double holds so many.")
    return NotJson(f"The body is not valid JSON: {invalid}. Send one JSON object in UTF-8.")


def is_utf_16(body: bytes) -> bool:
    """Whether it is text in another encoding than JSON has."""
    return body[:2] in UTF_16 or 0 in body[:2]


def from_validation(error: ValidationError, sent: Any, whole: type[BaseModel]) -> Problem:
    """Pydantic's errors in our words, with pointers into the body of a request `whole`."""
    errors: Sequence[Mapping[str, Any]] = error.errors(include_url=False, include_input=False)
    found: dict[tuple[Path, str], None] = {}  # a set in order
    if is_uhi(found_at(sent, ("histogram",))):
        found[("histogram",), UHI] = None
        errors = [e for e in errors if e["loc"][0] != "histogram"]
    errors = ([e for e in errors if not is_of_other_form(e, sent)] or errors)[:MOST_REPORTED]
    for e in errors:
        path = where(e, sent)
        for place in not_finite(e, path, sent) or [path]:
            found[place, describe(e, found_at(sent, path), whole)] = None
        found.update((one, None) for one in more_like(e, sent, whole))
    # a term may have many mistakes; the others are looked at once
    for term in dict.fromkeys(term for e in errors for term in terms_of(e)):
        for other in islice(in_other_terms(term, sent), MOST_REPORTED):
            path = where(other, sent)
            found[path, describe(other, found_at(sent, path), whole)] = None
    return InvalidRequest(list(found)[:MOST_REPORTED])


def not_finite(error: Mapping[str, Any], path: Path, sent: Any) -> list[Path]:
    """The entries of an array in its written form that are no numbers."""
    written = found_at(sent, path)
    if error["type"] != "finite_number" or not is_written(written):
        return []
    places = np.argwhere(~np.isfinite(read(written)))[:MOST_REPORTED]
    return [(*path, *place) for place in places.tolist()]


def more_like(
    error: Mapping[str, Any], sent: Any, whole: type[BaseModel]
) -> Iterator[tuple[Path, str]]:
    """What else is wrong in a list of numbers, not far after its first wrong entry.

    Pydantic tells that one alone (`schemas.base.Numbers`), but of pairs, in which null may be
    right, it tells everything.
    """
    path = sent_path(error["loc"], sent, absent=False)
    numbers = found_at(sent, path[:-1])
    alone = error["type"] in NO_NUMBER and PAIRS.isdisjoint(path)
    if not alone or not isinstance(numbers, list):
        return
    first = int(path[-1]) + 1
    for i, number in enumerate(numbers[first : first + LOOKED_AT], first):
        try:
            NUMBER.validate_python(number)
        except ValidationError as wrong:
            (other,) = wrong.errors(include_url=False, include_input=False)
            yield (*path[:-1], i), describe({**other, "loc": error["loc"]}, number, whole)


def terms_of(error: Mapping[str, Any]) -> Iterator[tuple[str | int, ...]]:
    """Pydantic's locations of the terms of sums and products in which a mistake is."""
    loc = error["loc"]
    for stop in range(1, len(loc) + 1):
        if isinstance(loc[stop - 1], int) and stands_for_model(loc[:stop]):
            yield loc[:stop]


def in_other_terms(first: Sequence[str | int], sent: Any) -> Iterator[Mapping[str, Any]]:
    """What else is wrong in a sum or a product after its first wrong term, which Pydantic tells."""
    *place, index = first
    terms, start = found_at(sent, sent_path(place, sent)), int(index) + 1
    for i, term in enumerate(terms[start : start + LOOKED_AT], start):
        try:
            SumModel.model_validate({"sum": [term]})
        except ValidationError as wrong:
            for other in wrong.errors(include_url=False, include_input=False):
                yield {**other, "loc": (*place, i, *other["loc"][2:])}


def is_of_other_form(error: Mapping[str, Any], sent: Any) -> bool:
    """Whether it says that x, sent as a list, is no object, or the other way round."""
    other = "list_type" if isinstance(found_at(sent, ("x",)), dict) else "dict_type"
    return error["type"] == other and error["loc"][0] == "x" and len(error["loc"]) == 2


def where(error: Mapping[str, Any], sent: Any) -> Path:
    """The path to what is wrong in the body as it was sent."""
    # only of what is missing the last part does not exist; else it is the tag of a union
    path: Any = sent_path(error["loc"], sent, absent=error["type"] == "missing")
    if error["type"] == "union_tag_invalid":
        found = found_at(sent, path)
        if isinstance(found, dict) and "name" in found:
            return (*path, "name")
    return tuple(path)


def found_at(sent: Any, path: Path) -> Any:
    """What was sent at this path; None if nothing."""
    for part in path:
        if not holds(sent, part):
            return None
        sent = sent[part]
    return sent


def sent_path(loc: Sequence[str | int], sent: Any, *, absent: bool = True) -> Path:
    """The part of Pydantic's location that exists in the body; tags of unions do not.

    `absent`: its last part may name what does not exist.
    """
    path: list[str | int] = []
    is_tag = False
    for i, part in enumerate(loc):
        # after the tag of a form its field, perhaps of the same name
        is_tag = not is_tag and part in FORMS and stands_for_model(loc[:i])
        if is_tag:
            continue
        if holds(sent, part):
            sent = sent[part]
        elif not (absent and isinstance(sent, dict) and i == len(loc) - 1 and part != "[key]"):
            continue
        path.append(part)
    return tuple(path)


def stands_for_model(loc: Sequence[str | int]) -> bool:
    """Whether a model is what Pydantic's location leads to."""
    place, index = ("", "", *loc)[-2:]
    return index in ("model", "convolve") or (
        isinstance(index, int) and place in ("sum", "product")
    )


def holds(sent: Any, part: str | int) -> bool:
    """Whether `sent[part]` exists."""
    if isinstance(sent, list):
        return isinstance(part, int) and part < len(sent)
    return isinstance(sent, dict) and part in sent
