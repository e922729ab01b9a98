"""How a fit ended and what a client should know of it: the words alone, which all may import."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Status(StrEnum):
    """How a fit ended; `message` says what to do."""

    CONVERGED = "converged"
    NOT_CONVERGED = "not-converged"
    DEADLINE = "deadline"
    NOT_POSITIVE_DEFINITE = "not-positive-definite"
    UNDETERMINED = "undetermined"
    RUNAWAY = "runaway"
    AT_LIMIT_ONLY = "at-limit-only"
    UNDEFINED_COST = "undefined-cost"
    EMPTY_DATA = "empty-data"
    UNDER_DETERMINED = "under-determined"


WarningCode = Literal[
    "better-minimum-elsewhere",
    "corner",
    "corner-nearby",
    "deadline",
    "fractional-counts",
    "inexact-integral",
    "negative-fraction",
    "no-predictor",
    "no-weight",
    "poor-fit",
    "relative-errors",
    "sparse-bins",
    "undefined-start",
]


Algorithm = Literal["newton", "migrad"]


@dataclass(frozen=True)
class FitWarning:
    """Something that the client should know about an answer."""

    code: WarningCode
    message: str
