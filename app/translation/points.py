"""From the fields of a request to `Points`: x is a list, or an object of named columns.

Columns are put in the order in which the formula names them, so that the order of a JSON object,
which means nothing, decides nothing. A single column is a plain x.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.errors import InvalidRequest
from app.reading.wording import ASYMMETRIC, is_two_sided
from app.schemas.base import is_list
from app.schemas.requests import PointsRequest
from app.settings import Settings
from app.translation.refusals import refuse_many, refuse_unknown
from fitting.data import Points
from fitting.entries import Ranges
from fitting.errors import Path
from fitting.padding import Floats
from models.formula.formula import Formula
from models.model import Model


def to_points(request: PointsRequest, model: Model, settings: Settings) -> Points:
    """The data, within the limits."""
    if isinstance(request.x, dict):
        assert isinstance(model, Formula)
        return in_columns(request, request.x, model.predictors, settings)
    refuse_columns(request)
    ranges = to_ranges(request.fit_range)
    refuse_many(("x",), len(request.x), settings.max_points)
    x = np.asarray(request.x)
    refuse_no_error(("x_err",), request.x_err, exact=True)
    refuse_no_error(("y_err",), request.y_err)
    return Points(
        x=x,
        y=np.asarray(request.y),
        x_err=filled(request.x_err, len(x), 0.0),
        y_err=filled(request.y_err, len(x), 1.0),
        berkson=request.x_error_model == "berkson",
        ranges=ranges,
    )


def in_columns(
    request: PointsRequest,
    columns: dict[str, list[float]],
    names: Sequence[str],
    settings: Settings,
) -> Points:
    """The same of columns, in the order of `names`."""
    size = len(request.y)
    refuse_many(("y",), size, settings.max_points)
    wrong = [name for name in names if len(columns[name]) != size]
    if wrong:
        raise InvalidRequest(
            [(("x", name), f"{len(columns[name])} values for {size} in y") for name in wrong]
        )
    refuse_no_error(("y_err",), request.y_err)
    ranges = {
        name: to_ranges(given, path)
        for name, path, given in by_column(request.fit_range, "fit_range", names)
    }
    limits = tuple(ranges.get(name, ()) for name in names)
    single = len(names) == 1
    return Points(
        x=stacked([np.array(columns[name]) for name in names]),
        y=np.asarray(request.y),
        x_err=column_errors(request, names),
        y_err=filled(request.y_err, size, 1.0),
        berkson=request.x_error_model == "berkson",
        ranges=limits[0] if single else (),
        box=() if single else limits,
    )


def column_errors(request: PointsRequest, names: Sequence[str]) -> Floats:
    """Errors of each column; those that are not named are exact."""
    size = len(request.y)
    found: dict[str, Floats] = {}
    for name, path, error in by_column(request.x_err, "x_err", names):
        refuse_no_error(path, error, exact=True)
        found[name] = filled(error, size, 0.0)
        if len(found[name]) != size:
            raise InvalidRequest([(path, f"{len(found[name])} values for {size} in y")])
    return stacked([found.get(name, np.zeros(size)) for name in names])


def by_column(given: Any, field: str, names: Sequence[str]) -> list[tuple[str, Path, Any]]:
    """What a field says of columns, and where; without their names it can speak of an only one."""
    if given is None:
        return []
    if isinstance(given, dict):
        refuse_unknown((((field, name), name) for name in given), names, "x has no such column")
        return [(name, (field, name), value) for name, value in given.items()]
    if len(names) > 1:
        message = f'x has several columns: say of which this is, as in {{"{names[0]}": ...}}'
        raise InvalidRequest([((field,), message)])
    return [(names[0], (field,), given)]


def stacked(columns: Sequence[Floats]) -> Floats:
    """(columns, points); of a single column (points,)."""
    return columns[0] if len(columns) == 1 else np.stack(columns)


def refuse_columns(request: PointsRequest) -> None:
    """InvalidRequest for fields that speak of columns where x has none."""
    if is_two_sided(request.x_err):
        raise InvalidRequest([(("x_err",), ASYMMETRIC)])
    for field in ("x_err", "fit_range"):
        if isinstance(getattr(request, field), dict):
            message = "names columns, but x is a list: leave the names out, or give x columns"
            raise InvalidRequest([((field,), message)])


def refuse_no_error(path: Path, error: Any, *, exact: bool = False) -> None:
    """InvalidRequest for a number that is no error; `exact`: 0 is one."""
    if error is None or is_list(error) or error > 0 or (exact and error == 0):
        return
    remedy = "be positive, or 0 for none" if exact else "be positive; leave it out if there is none"
    raise InvalidRequest([(path, f"must {remedy}")])


def filled(error: Any, size: int, default: float) -> Floats:
    """An error for each point."""
    if is_list(error):
        return np.asarray(error)
    return np.full(size, default if error is None else error)


def to_ranges(given: Any, where: Path = ("fit_range",)) -> Ranges:
    """The ranges to fit; none means all."""
    if given is None:
        return ()
    several = bool(given) and isinstance(given, list)
    for i, (low, high) in enumerate(given if several else [given]):
        if low >= high:
            path: Path = (*where, i) if several else where
            raise InvalidRequest([(path, f"range [{low:g}, {high:g}] does not rise")])
    return tuple(given) if several else (given,)


def as_sent(path: Path, request: PointsRequest, model: Model) -> Path:
    """A path into `Points` as a path into the body, where the columns have names."""
    field, *rest = path
    if field != "x_err" or not isinstance(request.x_err, dict) or not isinstance(model, Formula):
        return path
    names = model.predictors
    if len(names) == 1:
        return (field, names[0], *rest)
    return (field, names[int(rest[0])], *rest[1:])
