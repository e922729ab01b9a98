"""What Pydantic finds wrong with a body, in our words, with pointers into what was sent."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from app.errors import InvalidRequest, NotJson, Problem, nearest
from app.schemas.base import Number
from app.schemas.fields import fields_at
from app.schemas.models import FORMS
from fitting.entries import MOST_REPORTED
from fitting.errors import Path
from models.registry import SHAPES

LOOKED_AT = 1000  # entries after a wrong one
NUMBER: TypeAdapter[float] = TypeAdapter(Number)
NO_NUMBER = {"float_type", "finite_number"}
PAIRS = {"limits", "fit_range"}  # of which Pydantic tells everything, and null may be right


def from_json_validation(error: ValidationError, body: bytes) -> Problem:
    """The same of a JSON body, which may not be JSON at all."""
    try:
        sent = from_json(body)
    except ValueError as invalid:
        return NotJson(f"The body is not valid JSON: {invalid}. Send one JSON object in UTF-8.")
    return from_validation(error, sent)


def from_validation(error: ValidationError, sent: Any) -> Problem:
    """Pydantic's errors in our words, with pointers into the body as it was sent."""
    errors: Sequence[Mapping[str, Any]] = error.errors(include_url=False, include_input=False)
    first = ([e for e in errors if not is_of_other_form(e, sent)] or errors)[:MOST_REPORTED]
    found = [
        one for e in first for one in ((where(e, sent), describe(e, sent)), *more_like(e, sent))
    ]
    return InvalidRequest(found[:MOST_REPORTED])


def more_like(error: Mapping[str, Any], sent: Any) -> Iterator[tuple[Path, str]]:
    """What else is wrong in a list of numbers, not far after its first wrong entry.

    Pydantic tells that one alone (`schemas.base.Numbers`).
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
            yield (*path[:-1], i), describe(other, sent)


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


NOT_YET = {"uhi_schema", "variances", "x_cov", "y_cov", "xy_corr"}


def describe(error: Mapping[str, Any], sent: Any) -> str:
    """What is wrong with one field and what would be right."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        name = str(error["loc"][-1])
        if name in NOT_YET:
            return "not offered yet by this version of the service; leave it out"
        known = fields_at(error["loc"][:-1])
        return f"unknown field{nearest(difflib.get_close_matches(name, known, n=1))}"
    if kind == "union_tag_invalid":
        return unknown_model(str(context["tag"]), sent, error["loc"])
    if kind == "missing":
        return "this field is required"
    if kind == "finite_number":
        return "must be a finite number; NaN and infinity are refused"
    return str(error["msg"]).replace("Input should", "should")


def unknown_model(tag: str, sent: Any, loc: Sequence[str | int]) -> str:
    """A model that cannot be recognised."""
    sent = found_at(sent, sent_path(loc, sent))
    if isinstance(sent, str) or (isinstance(sent, dict) and isinstance(sent.get("name"), str)):
        close = difflib.get_close_matches(tag, SHAPES, n=1)
        return f"unknown model{nearest(close)}; GET /models lists them: {', '.join(SHAPES)}"
    forms = ", ".join(f'{{"{form}": ...}}' for form in FORMS)
    return f'a model is a name, {{"name": ...}} or one of {forms}; GET /models lists the names'
