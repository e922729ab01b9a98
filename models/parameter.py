"""A parameter as its shape declares it: written once, used by minimiser, API and docs."""

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class Parameter:
    """Name, natural limits and role of one parameter.

    `lower` and `upper` are the natural limits (None: unbounded). `linear`: the model is
    linear in it, so its start is solved for rather than searched. `events`: it counts events
    when the data are a histogram, and is non-negative there; for points it is an area of
    either sign. `place`: it is a point of the axis of x, so that its distance from 0 says nothing
    of how well the data determine it. `end`: it is the low or high end of the range on which the
    shape is defined, and unless the client says otherwise it is fixed at the end of the fitted
    data, of the predictor number `column` if there are several.
    """

    name: str
    lower: float | None = None
    upper: float | None = None
    linear: bool = False
    events: bool = False
    place: bool = False
    end: Literal["low", "high"] | None = None
    column: int = 0

    def limits(self, *, counting: bool) -> tuple[float | None, float | None]:
        """Natural limits; `counting` is true for histograms."""
        return (0.0 if self.events and counting else self.lower), self.upper


#: The interval of shapes that need one, the last two parameters of such a shape.
ENDS = (Parameter("low", end="low"), Parameter("high", end="high"))


def merge(one: Parameter, other: Parameter) -> Parameter:
    """What two parameters are that are one: within the limits of both.

    It ends a range where both end one in the same way: else nothing says that the data end there.
    """
    if one == other:
        return one
    lowers = [p.lower for p in (one, other) if p.lower is not None]
    uppers = [p.upper for p in (one, other) if p.upper is not None]
    is_end = (one.end, one.column) == (other.end, other.column)
    return replace(
        one,
        lower=max(lowers, default=None),
        upper=min(uppers, default=None),
        linear=one.linear and other.linear,
        events=one.events or other.events,
        end=one.end if is_end else None,
    )
