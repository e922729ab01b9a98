"""What Pydantic finds wrong with one field, in our words: what is wrong, what would be right."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from app.errors import NOT_OFFERED, did_you_mean
from app.schemas.arrays import PARTS
from app.schemas.base import NAME
from app.schemas.fields import fields_at, whose
from app.schemas.models import FORMS
from models.registry import ALIASES, POLYNOMIALS, SHAPES

PAIRS = {"limits", "fit_range"}
NO_LIMIT = ", null where there is no limit"
SMALL = {"histogram", "constraint"}  # objects that are shown with all of their fields
NOT_YET = {"uhi_schema", "variances", "x_cov", "y_cov", "xy_corr"}
VALUES_NOT_YET = {
    "cost": {"multinomial", "neyman", "pearson"},
    "bin_content": {"center"},
    "method": {"odr"},
    "loss": {"soft_l1"},
}
ASYMMETRIC = f"errors of two sides are {NOT_OFFERED}; give one error for both"
NO_COLUMNS = f"batches take lists and matrices; several predictors in them are {NOT_OFFERED}"
UHI = f'UHI histograms are {NOT_OFFERED}; send {{"edges": [...], "counts": [...]}}'
LOOKED_THROUGH = 2000  # letters of a name that is none: it may be of any length
OPERATORS = set("+*/^()=")
WORD = re.compile(NAME)
WRITTEN = 'a formula is sent as {"formula": "a*x + b"}'
COMPOSED = (
    'shapes are added as {"sum": [{"name": "gaussian", "prefix": "sig_"}, '
    '{"name": "exponential", "prefix": "bkg_"}]}, multiplied as {"product": [...]}; '
)
LISTED = "GET /models lists the names"
#: How alike a name must be to that of a field: dy is not y.
ALIKE = 0.7
#: What fields are called elsewhere.
FIELDS = {
    **dict.fromkeys(("dx", "ex", "sx", "sigma_x", "x_sigma", "x_error", "x_errors"), "x_err"),
    **dict.fromkeys(("dy", "ey", "sy", "sigma_y", "y_sigma", "y_error", "y_errors"), "y_err"),
    **dict.fromkeys(("sigma", "err", "error", "errors", "yerr"), "y_err"),
    "bin_edges": "edges",
    **dict.fromkeys(("values", "contents", "entries"), "counts"),
}
#: What is sent in place of a field, but is something else.
INSTEAD = {
    **dict.fromkeys(
        ("centers", "centres", "bin_centers"),
        ("edges", "bins need edges, one more than there are counts, and not centres"),
    ),
    "events": ("counts", "events are fitted once they are in bins: send edges and counts"),
}
NO_QUOTES = "must be a number: without quotes, with a decimal point, without %"
NO_OPEN_END = "must be a number; for an open end give one beyond the data"
POINTS = {"x", "y", "x_err", "y_err"}
NO_COUNT = "null is no number; write 0, and leave a bin that was not counted out by fit_range"
NO_NULL = "null does not stand for the default here; leave the field out"
OPTIONAL = {"fixed", "prefix", "rename", "fractions"}  # of parameters and models
SIMPLE = {
    "missing": "this field is required",
    "finite_number": "must be a finite number; NaN and infinity are refused",
    "string_pattern_mismatch": "must be a name: a letter or _, then letters, digits and _",
    "invalid_key": "names of fields must be strings",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be an array",
    "tuple_type": "must be an array",
}


def describe(error: Mapping[str, Any], value: Any, whole: type[BaseModel]) -> str:
    """What to say of one of Pydantic's errors; `value` was sent there, in a request `whole`."""
    kind, context, loc = error["type"], error.get("ctx", {}), error["loc"]
    field = next((part for part in reversed(loc) if isinstance(part, str)), "")
    if kind == "extra_forbidden":
        return unknown_field(str(loc[-1]), fields_at(loc[:-1], whole), whole, top=len(loc) == 1)
    if value is None and kind != "missing" and may_be_left_out(loc, whole):
        return NO_NULL
    if kind == "model_type" and isinstance(value, str) and value in FORMS:
        return an_object(value)
    if kind == "model_type" and loc[-1:] == ("sum",):  # a list where a model should stand
        return f"a model is a name or an object; {COMPOSED}{WRITTEN}"
    if kind == "model_type" and field in SMALL:
        return an_object(*fields_at(loc, whole))
    if kind == "union_tag_invalid":
        return unknown_model(str(context["tag"]), value)
    if kind == "literal_error" and str(value) in VALUES_NOT_YET.get(field, ()):
        return f"{NOT_OFFERED}, which has {context['expected']}"
    if is_two_sided(value) and not {"x_err", "y_err"}.isdisjoint(loc):
        return ASYMMETRIC
    if kind == "missing" and isinstance(loc[-1], int):
        kind, context = "too_short", {"actual_length": loc[-1], "min_length": 2}
    if kind == "too_long" and field in ("sum", "product"):  # of one; of all there may be fewer
        context = {**context, "max_length": "max_components (GET /limits)"}
    if kind == "string_too_long":
        return f"must have at most {context['max_length']} characters"
    if kind in ("too_short", "too_long"):
        return wrong_length(context, pair=not PAIRS.isdisjoint(loc))
    if kind in ("list_type", "array") and loc[0] in ("x", "x_err") and is_columns(value):
        return NO_COLUMNS
    if kind in ("list_type", "tuple_type") and not PAIRS.isdisjoint(loc):
        return f"must be an array: [lower, upper]{NO_LIMIT * ('limits' in loc)}"
    if kind in ("float_type", "finite_number") and field == "limits":
        return f"{SIMPLE.get(kind, 'should be a valid number')}{NO_LIMIT}"
    if kind == "float_type":
        return no_number(value, loc)
    if kind == "bool_type" and loc[0] == "minos":
        return "must be true, false, or a list of names"
    return SIMPLE.get(kind) or str(error["msg"]).replace("Input should", "should")


def may_be_left_out(loc: Sequence[str | int], whole: type[BaseModel]) -> bool:
    """Whether that is a field of a request `whole`, or of a part of it, which has a default."""
    if len(loc) != 1:
        return bool(loc) and loc[-1] in OPTIONAL
    field = whole.model_fields.get(str(loc[0]))
    return field is not None and not field.is_required()


def an_object(*names: str) -> str:
    """What is said where one with these fields should stand."""
    fields = ", ".join(f'"{name}": ...' for name in names)
    return f"must be an object: {{{fields}}}"


def no_number(value: Any, loc: Sequence[str | int]) -> str:
    """What is said where a number should stand, at this location in the request."""
    if isinstance(value, str):
        return NO_QUOTES
    field = next((part for part in loc if isinstance(part, str)), "")
    if value is None and (field == "counts" or loc[:2] == ("histogram", "counts")):
        return NO_COUNT
    if value is None and field == "fit_range":
        return NO_OPEN_END
    if value is None and field in POINTS:
        what = "point out, in all lists" if isinstance(loc[-1], int) else "column out"
        return f"null is no number; leave this {what}"
    if isinstance(value, list) and field == "parameters":
        return 'must be a number, the start, or an object: {"limits": [lower, upper], ...}'
    return "should be a valid number"


def is_columns(value: Any) -> bool:
    """Whether it is an object and no array in its written form, whatever its columns are called."""
    texts = (str, bytes)
    return isinstance(value, dict) and not any(isinstance(value.get(p), texts) for p in PARTS)


def is_two_sided(value: Any) -> bool:
    """Whether it is an error with a lower and an upper side."""
    return isinstance(value, dict) and bool(value) and value.keys() <= {"lower", "upper"}


def is_uhi(histogram: Any) -> bool:
    """Whether it is a histogram as boost-histogram and hist write it."""
    return isinstance(histogram, dict) and ("uhi_schema" in histogram or "axes" in histogram)


def unknown_field(name: str, known: list[str], whole: type[BaseModel], *, top: bool) -> str:
    """A field that is not known there; at the `top` it may be that of another request.

    Further in it may be one of the request itself.
    """
    if name in NOT_YET:
        return f"{NOT_OFFERED}; leave it out"
    if top and (others := whose(name)):
        return f"unknown field here; it belongs to {' and '.join(others)}"
    if name in whole.model_fields:
        return "unknown field here; it stands at the top of the request"
    field, why = INSTEAD.get(name.lower(), ("", ""))
    if field in known:
        return f"unknown field; {why}"
    usual = FIELDS.get(name.lower())
    close = did_you_mean(*(usual, [usual]) if usual in known else (name, known), ALIKE)
    return f"unknown field{close or '; there are ' + ', '.join(known)}"


def wrong_length(context: Mapping[str, Any], *, pair: bool) -> str:
    """A list with too few or too many entries."""
    if pair and 2 in (context.get("min_length"), context.get("max_length")):
        return "must be a pair: [lower, upper]"
    count = context["actual_length"]
    has = "has more" if count is None else f"has {count} entr{'y' if count == 1 else 'ies'}"
    if "min_length" in context:
        least = context["min_length"]
        return f"{has}; at least {least} {'is' if least == 1 else 'are'} needed"
    most = context["max_length"]
    return f"{has}; at most {most} {'is' if most == 1 else 'are'} allowed"


def unknown_model(tag: str, sent: Any) -> str:
    """A model that cannot be recognised."""
    tag = tag[:LOOKED_THROUGH]
    if isinstance(sent, str) or (isinstance(sent, dict) and isinstance(sent.get("name"), str)):
        usual, degree = ALIASES.get(tag.lower()), POLYNOMIALS.get(tag.lower())
        if degree is not None:
            return f'unknown model, did you mean {{"name": "polynomial", "degree": {degree}}}?'
        if not OPERATORS.isdisjoint(tag):
            shapes = not (SHAPES.keys() | ALIASES.keys()).isdisjoint(WORD.findall(tag.lower()))
            return f"unknown model; {COMPOSED * shapes}{WRITTEN}; {LISTED}"
        close = did_you_mean(*(usual, [usual]) if usual else (tag, SHAPES))
        return f"unknown model{close}; GET /models lists them: {', '.join(SHAPES)}"
    forms = ", ".join(f'{{"{form}": ...}}' for form in FORMS)
    return f'a model is a name, {{"name": ...}} or one of {forms}; {LISTED}'
