"""The strictness that all requests share."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, FiniteFloat, Tag
from pydantic.types import Strict


class Request(BaseModel):
    """Unknown fields are refused; no string passes for a number, no NaN for either."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


Number = Annotated[FiniteFloat, Strict()]


def choose(**choices: Callable[[Any], bool]) -> Discriminator:
    """Tells the forms of a union apart by looking, so that errors speak of one form only.

    The last choice takes what no other recognises.
    """
    last = list(choices)[-1]

    def recognise(value: Any) -> str:
        return next((tag for tag, fits in choices.items() if fits(value)), last)

    return Discriminator(recognise)


def is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def is_object(value: Any) -> bool:
    return isinstance(value, dict | BaseModel)


NumberOrList = Annotated[
    Annotated[list[Number], Tag("list")] | Annotated[Number, Tag("number")],
    choose(list=is_list, number=lambda _: True),
]

Range = tuple[Number, Number]


def is_list_of_lists(value: Any) -> bool:
    return is_list(value) and any(is_list(entry) for entry in value)


FitRange = Annotated[
    Annotated[list[Range], Tag("ranges")] | Annotated[Range, Tag("range")],
    choose(ranges=is_list_of_lists, range=lambda _: True),
]

Minos = Annotated[
    Annotated[list[str], Tag("names")] | Annotated[bool, Tag("flag")],
    choose(names=is_list, flag=lambda _: True),
]
