"""From a valid request to a `Batch`: matrices, what is common to all rows, starts of each row."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.errors import InvalidRequest
from app.schemas.base import is_list
from app.schemas.batches import BatchRequest, HistogramBatchRequest, PointsBatchRequest
from app.settings import Settings
from app.translation.build import build_model
from app.translation.points import refuse_no_error, to_ranges
from app.translation.problem import (
    is_absolute,
    of_parameter,
    refuse_large,
    to_knowledge,
    to_known,
)
from app.translation.refusals import refuse_many, refuse_unknown
from fitting.batch.question import Batch
from fitting.batch.rows import HistogramRows, PointsRows, Rows
from fitting.errors import InvalidProblem, Path
from fitting.padding import Floats


def to_batch(request: BatchRequest, settings: Settings) -> Batch:
    """The question that a request asks; InvalidRequest says what is wrong with it."""
    model = build_model(request.model, settings)
    names = [p.name for p in model.parameters]
    try:
        rows = to_rows(request, settings)
        refuse_large(model, int(rows.sizes.max()), settings)
        if request.covariance:
            refuse_many_matrices(len(rows), len(names), settings.max_batch_entries)
        return Batch(
            model=model,
            rows=rows,
            knowledge=to_knowledge(request, names),
            starts=to_starts(request, names, len(rows)),
            absolute_sigma=is_absolute(request),
        )
    except InvalidProblem as invalid:
        raise InvalidRequest(
            [(as_sent(path, request), message) for path, message in invalid.problems]
        ) from invalid


def as_sent(path: Path, request: BatchRequest) -> Path:
    """A path into the question as a path into the body."""
    match path:
        case ("parameters", *_):
            return of_parameter(path, request)
        case ("x_err" | "y_err" as field, _, place) if not has_rows(getattr(request, field)):
            return (field, place)
    return path


def has_rows(given: Any) -> bool:
    """Whether it is a list, or an array, for each row rather than one for all."""
    return is_list(given) and is_list(given[0])


def refuse_many_matrices(rows: int, size: int, most: int) -> None:
    """InvalidRequest for covariances that memory would not hold."""
    if rows * size**2 > most:
        message = (
            f"{rows} matrices of {size} by {size} numbers; at most {most} numbers are allowed: "
            "leave the matrices out, or send fewer rows at once"
        )
        raise InvalidRequest([(("covariance",), message)])


def to_rows(request: BatchRequest, settings: Settings) -> Rows:
    """The data, within the limits."""
    assert isinstance(request, HistogramBatchRequest | PointsBatchRequest)
    ranges = to_ranges(request.fit_range)
    if isinstance(request, HistogramBatchRequest):
        size = len(request.edges) - 1
        refuse_many(("edges",), size, settings.max_bins)
        counts = to_matrix("counts", request.counts, size, f"{size + 1} edges need", settings)
        return HistogramRows(np.array(request.edges), counts, ranges)
    size = len(request.y[0])
    refuse_many(("y", 0), size, settings.max_points)
    y = to_matrix("y", request.y, size, "the first row has", settings)
    return PointsRows(
        x=filled("x", request.x, y, 0.0),
        y=y,
        x_err=filled("x_err", request.x_err, y, 0.0),
        y_err=filled("y_err", request.y_err, y, 1.0),
        berkson=request.x_error_model == "berkson",
        ranges=ranges,
    )


def to_matrix(
    field: str, rows: Sequence[Sequence[float]], size: int, of: str, settings: Settings
) -> Floats:
    """(rows, size), unless it is beyond the limits or not of this shape."""
    refuse_many((field,), len(rows), settings.max_batch_rows)
    if len(rows) * size > settings.max_batch_entries:
        most = settings.max_batch_entries
        message = f"{len(rows)} rows of {size}; at most {most} entries are allowed"
        raise InvalidRequest([((field,), message)])
    refuse_ragged(field, rows, size, of)
    return np.asarray(rows, dtype=np.float64)


def refuse_ragged(field: str, rows: Sequence[Sequence[float]], size: int, of: str) -> None:
    """InvalidRequest for rows of another length."""
    wrong = [(i, len(row)) for i, row in enumerate(rows) if len(row) != size]
    if wrong:
        raise InvalidRequest([((field, i), f"{counted(found)}; {of} {size}") for i, found in wrong])


def counted(entries: int) -> str:
    """How many there are."""
    return "1 entry" if entries == 1 else f"{entries} entries"


def filled(field: str, given: Any, y: Floats, default: float) -> Floats:
    """(1, points) of what is common to all rows, or (rows, points)."""
    size = y.shape[1]
    if not is_list(given):
        refuse_no_error((field,), given, exact=field == "x_err")
        return np.full((1, size), default if given is None else given)
    if not has_rows(given):
        if len(given) != size:
            message = f"{len(given)} values for {size} in each row of y"
            raise InvalidRequest([((field,), message)])
        return np.array([given], dtype=np.float64)
    if len(given) != len(y):
        rows = "1 row" if len(given) == 1 else f"{len(given)} rows"
        raise InvalidRequest([((field,), f"{rows} for {len(y)} in y")])
    refuse_ragged(field, given, size, "each row of y has")
    return np.asarray(given, dtype=np.float64)


def refuse_two_starts(request: BatchRequest) -> None:
    """InvalidRequest for what comes in; of what was stored before, each row's own start counts."""
    known = {name: to_known(request.parameters.get(name)) for name in request.starts}
    if twice := [name for name in known if known[name].start is not None]:
        message = "has a start in parameters, too; give it once"
        raise InvalidRequest([(("starts", name), message) for name in twice])


def to_starts(request: BatchRequest, names: list[str], rows: int) -> Floats:
    """Each row's own starts (rows, parameters), NaN where there is none."""
    refuse_unknown(((("starts", name), name) for name in request.starts), names)
    found = np.full((rows, len(names)), np.nan)
    wrong: list[tuple[Path, str]] = []
    for name, starts in request.starts.items():
        if len(starts) == rows:
            found[:, names.index(name)] = starts
        else:
            wrong.append((("starts", name), f"{len(starts)} starts for {rows} rows"))
    if wrong:
        raise InvalidRequest(wrong)
    return found
