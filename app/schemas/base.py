"""The strictness that all requests share."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Discriminator, Field, FiniteFloat, Tag
from pydantic.types import Strict

from app.schemas.arrays import OrArray


class Request(BaseModel):
    """Unknown fields are refused; no string passes for a number, no NaN for either."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)

    #: Fields of many numbers, which are taken as arrays, too.
    arrays: ClassVar[tuple[str, ...]] = ()


Number = Annotated[FiniteFloat, Strict()]
#: Rules that OpenAPI tells; whoever takes the numbers applies them, to whole arrays at once.
NotNegative = Annotated[Number, Field(json_schema_extra={"minimum": 0})]
Positive = Annotated[Number, Field(json_schema_extra={"exclusiveMinimum": 0})]
N = TypeVar("N")  # one of these

#: A million wrong entries are not worth a million errors: `reading.validation` looks for some more.
Numbers = Annotated[list[N], Field(fail_fast=True)]
OneOrMore = Annotated[Numbers[N], Field(min_length=1)]
Row = Annotated[OneOrMore[N], OrArray(1)]
Edges = Annotated[Numbers[Number], Field(min_length=2), OrArray(1, least=2)]

MOST_RANGES = 100

#: What a name looks like, of a parameter or of a column.
NAME = r"[A-Za-z_][A-Za-z0-9_]*"


def choose(**choices: Callable[[Any], bool]) -> Discriminator:
    """Tells the forms of a union apart by looking, so that errors speak of one form only.

    The last choice takes what no other recognises.
    """
    last = list(choices)[-1]

    def recognise(value: Any) -> str:
        return next((tag for tag, fits in choices.items() if fits(value)), last)

    return Discriminator(recognise)


def is_list(value: Any) -> bool:
    return isinstance(value, list | tuple | np.ndarray)


def is_object(value: Any) -> bool:
    return isinstance(value, dict | BaseModel)


NumberOrList = Annotated[
    Annotated[Row[N], Tag("list")] | Annotated[N, Tag("number")],
    choose(list=is_list, number=lambda _: True),
]

#: A tag of an object whose names are the client's: none of them can be this.
BY_COLUMN = "by column"


_COLUMNS = Field(json_schema_extra={"propertyNames": {"pattern": f"^{NAME}$"}})

Columns = Annotated[dict[str, OneOrMore[Number]], _COLUMNS]

#: A list will do where the body is not JSON.
Range = Annotated[tuple[Number, Number], Strict(False)]
Ranges = Annotated[list[Range], Field(fail_fast=True, min_length=1, max_length=MOST_RANGES)]


def is_list_of_lists(value: Any) -> bool:
    return is_list(value) and any(is_list(entry) for entry in value)


FitRange = Annotated[
    Annotated[Ranges, Tag("ranges")] | Annotated[Range, Tag("range")],
    choose(ranges=is_list_of_lists, range=lambda _: True),
]

PointsRange = Annotated[
    Annotated[dict[str, FitRange], _COLUMNS, Tag(BY_COLUMN)]
    | Annotated[Ranges, Tag("ranges")]
    | Annotated[Range, Tag("range")],
    choose(**{BY_COLUMN: is_object, "ranges": is_list_of_lists, "range": lambda _: True}),
]

XErrors = Annotated[
    Annotated[dict[str, NumberOrList[NotNegative]], _COLUMNS, Tag(BY_COLUMN)]
    | Annotated[Row[NotNegative], Tag("list")]
    | Annotated[NotNegative, Tag("number")],
    choose(**{BY_COLUMN: is_object, "list": is_list, "number": lambda _: True}),
]

Minos = Annotated[
    Annotated[list[str], Field(fail_fast=True), Tag("names")] | Annotated[bool, Tag("flag")],
    choose(names=is_list, flag=lambda _: True),
]
