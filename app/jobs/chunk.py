"""A chunk: from rows to bytes and back, to the question that it is, and to lines of the answer."""

import io
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from pydantic_core import to_json

from app.batch.answer import or_null, to_columns
from app.deadlines import tell_rows
from app.schemas.batches import BatchHead, BatchRequest
from app.schemas.kinds import Kind
from app.settings import Settings
from app.translation.build import build_model
from fitting.batch.question import Batch
from fitting.batch.result import BatchResult
from fitting.padding import Floats

MOST_ROWS = 2**13
MOST_ENTRIES = 2**20
QUICK = 1  # zlib's level: the higher ones take ten times as long to save a tenth
STARTS = "starts/"

#: What differs from row to row: matrices by the name of their field, and columns of starts by
#: that of their parameter, `STARTS` before it. All have an entry for each row.
Fields = Mapping[str, Floats]


def rows_of(width: int, head: BatchHead, settings: Settings) -> int:
    """How many rows of this width a chunk has, with the matrices that are asked for."""
    if head.covariance:
        width = max(width, len(build_model(head.model, settings).declare()) ** 2)
    entries = min(MOST_ENTRIES, settings.max_batch_entries)
    return max(1, min(MOST_ROWS, settings.max_batch_rows, entries // width))


def pack(fields: Fields) -> bytes:
    """As short as is quick; whole counts need no eight bytes."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **{name: shortest(a) for name, a in fields.items()})
    return zlib.compress(file.getbuffer(), QUICK)


def shortest(array: Floats) -> Any:
    """The same numbers in the shortest form that holds them all."""
    for form in (np.int16, np.float32):
        with np.errstate(invalid="ignore", over="ignore"):
            short = array.astype(form)
        if (short == array).all():
            return short
    return array


def unpack(data: bytes) -> Fields:
    """What `pack` was given."""
    with np.load(io.BytesIO(zlib.decompress(data)), allow_pickle=False) as found:
        return {name: found[name].astype(np.float64) for name in found.files}


def to_request(kind: Kind, head: BatchHead, fields: Fields) -> BatchRequest:
    """The request that asks for these rows only, as if it had been sent alone."""
    values: dict[str, Any] = dict(head)
    values |= {name: array for name, array in fields.items() if not name.startswith(STARTS)}
    values["starts"] = {
        name.removeprefix(STARTS): array
        for name, array in fields.items()
        if name.startswith(STARTS)
    }
    return kind.request.model_construct(**values)


def without_limits(settings: Settings) -> Settings:
    """For what was accepted: limits may have been lowered since."""
    return settings.model_copy(update=dict.fromkeys(settings.limits(), math.inf))


def to_lines(
    request: BatchRequest, batch: Batch, result: BatchResult, first: int, settings: Settings
) -> bytes:
    """The answer, a line a row, compressed; `first` is the number of the first row."""
    messages = tell_rows(result, request, settings)
    lines = answers(to_columns(request, batch, result, {}), messages, first)
    text = b"".join(to_json(line, inf_nan_mode="null") + b"\n" for line in lines)
    return zlib.compress(text, QUICK)


def answers(
    columns: Mapping[str, Any], messages: Sequence[str], first: int
) -> Iterator[dict[str, Any]]:
    """The columns of a batch, row by row, each with what is said of it."""
    rows, names = columns["rows"], columns["parameters"]
    per_row = {
        name: np.broadcast_to(columns[name], rows).tolist()
        for name in ("fval", "chi2", "ndof", "valid", "status", "path", "edm")
    }
    held, warned = by_row(columns["at_limit"]), by_row(columns["warnings"])
    covariance = columns["covariance"]
    matrices = None if covariance is None else or_null(covariance["matrices"])
    values = zip(*(column.tolist() for column in columns["values"].values()), strict=True)
    errors = zip(*(column.tolist() for column in columns["errors"].values()), strict=True)
    rest = zip(*per_row.values(), strict=True)
    for i, (value, error, row) in enumerate(zip(values, errors, rest, strict=True)):
        line = {
            "row": first + i,
            "values": dict(zip(names, value, strict=True)),
            "errors": dict(zip(names, error, strict=True)),
            **dict(zip(per_row, row, strict=True)),
        }
        if not line["valid"]:
            line["message"] = messages[i]
        if i in held:
            line["at_limit"] = held[i]
        if i in warned:
            line["warnings"] = warned[i]
        if matrices is not None:
            line["covariance"] = {"parameters": covariance["parameters"], "matrix": matrices[i]}
        yield line


def by_row(rows: Mapping[str, Sequence[int]]) -> dict[int, list[str]]:
    """The names under which a row stands, by row."""
    found: dict[int, list[str]] = {}
    for name, places in rows.items():
        for i in places:
            found.setdefault(i, []).append(name)
    return found
