"""From a `BatchResult` to the bytes that a client gets: columns, as JSON or MessagePack.

Where a number is missing JSON has null, an array NaN.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic_core import to_json

from app.schemas.batches import BatchRequest
from app.translation.answer import milliseconds, model_as_sent
from fitting.batch.question import Batch
from fitting.batch.result import CONVERGED, DEADLINE, STATUSES, BatchResult

STATUS_NAMES = np.array([status.value for status in STATUSES], dtype=object)
PATHS = np.array(["batch", "single"], dtype=object)
PIECE = 2**14  # numbers of an array that are written at once


def to_columns(
    request: BatchRequest, batch: Batch, result: BatchResult, timing: dict[str, float]
) -> dict[str, Any]:
    """The answer, its columns arrays."""
    names = [p.name for p in batch.model.parameters]
    valid = result.status == CONVERGED
    late = result.status == DEADLINE
    path = PATHS[result.alone.astype(int)]
    path[late & ~result.alone] = None
    ndof = result.ndof.astype(int)
    return {
        "kind": request.kind,
        "model": model_as_sent(request),
        "rows": len(batch),
        "parameters": names,
        "values": dict(zip(names, result.values.T, strict=True)),
        "errors": dict(zip(names, result.errors.T, strict=True)),
        "fval": result.fval,
        "chi2": result.chi2,
        "ndof": int(ndof[0]) if (ndof == ndof[0]).all() else ndof,
        "valid": valid,
        "status": STATUS_NAMES[result.status],
        "messages": result.messages,
        "path": path,
        "edm": result.edm,
        "at_limit": {
            name: np.flatnonzero(held).tolist()
            for name, held in zip(names, result.held.T, strict=True)
            if held.any()
        },
        "warnings": result.warned,
        "covariance": covariance_of(batch, result, names),
        "timing_ms": {name: milliseconds(seconds) for name, seconds in timing.items()},
        "kernel": {"cache": result.usage.tier},
    }


def covariance_of(batch: Batch, result: BatchResult, names: list[str]) -> dict[str, Any] | None:
    """Matrices (rows, free, free) of the parameters that are not fixed, if they were asked for."""
    if result.covariance is None:
        return None
    free = np.flatnonzero(~batch.bounds.fixed)
    matrices = result.covariance[:, free[:, None], free]
    return {"parameters": [names[i] for i in free], "matrices": matrices}


def or_null(matrices: Any) -> list[Any]:
    """As lists, None in place of a matrix that is all NaN."""
    missing = np.isnan(matrices).all(axis=(1, 2)) & bool(matrices.shape[1])
    pairs = zip(missing.tolist(), matrices.tolist(), strict=True)
    return [None if none else matrix for none, matrix in pairs]


def to_bytes(answer: dict[str, Any]) -> bytes:
    """As JSON; a row without any covariance has null for its matrix.

    It is made of pieces, so that it can be done in a thread: none of them keeps others waiting.
    """
    return b"".join(_pieces(answer))


def _pieces(value: Any) -> Iterator[bytes]:
    if isinstance(value, dict):
        yield b"{"
        for i, (name, inner) in enumerate(value.items()):
            yield b"," * (i > 0) + to_json(name) + b":"
            yield from _pieces(inner)
        yield b"}"
    elif isinstance(value, np.ndarray):
        step = max(1, PIECE * len(value) // max(value.size, 1))
        parts = (value[first : first + step] for first in range(0, len(value), step))
        lists = (or_null(part) if part.ndim == 3 else part.tolist() for part in parts)
        texts = (to_json(one, inf_nan_mode="null")[1:-1] for one in lists)
        yield b"[" + next(texts, b"")
        yield from (b"," + text for text in texts)
        yield b"]"
    else:
        yield to_json(value, inf_nan_mode="null")
