"""Arrays of numbers as the bytes that they are made of, in bodies that are not JSON.

`{"dtype": "<f8", "shape": [rows, columns], "data": bytes}`, rows one after the other: NumPy's
`frombuffer(data, dtype).reshape(shape)`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema

from fitting.padding import Floats

DTYPES = ("<f8", "<f4", "<i8", "<i4", "<i2", "<u8", "<u4", "<u2", "|i1", "|u1")
PARTS = {"dtype", "shape", "data"}
FORM = '{"dtype": "<f8", "shape": [...], "data": bytes}'


@dataclass(frozen=True)
class OrArray:
    """Annotates lists of numbers: an array of so many dimensions will do, too, but for JSON.

    It comes in its written form, or as what was read from JSON (`app.reading.arrays`).
    """

    dimensions: int
    least: int = 1  # rows

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        lists = handler(source)
        return core_schema.json_or_python_schema(
            lists, core_schema.no_info_wrap_validator_function(self._read, lists)
        )

    def _read(self, value: Any, as_lists: Callable[[Any], Any]) -> Any:
        if isinstance(value, np.ndarray) and value.ndim == self.dimensions:
            return value if len(value) >= self.least else as_lists(value.tolist())
        return to_array(value, self.dimensions) if isinstance(value, dict) else as_lists(value)


def is_written(value: Any) -> bool:
    """Whether it has the form of an array."""
    return isinstance(value, dict) and value.keys() == PARTS


def read(written: dict[Any, Any]) -> Floats:
    """Float64 of this shape, whatever the numbers are."""
    numbers = np.frombuffer(written["data"], written["dtype"])
    return numbers.reshape(written["shape"]).astype(np.float64)


def dimensions(value: Any) -> int:
    """Of something that may be an array in its written form; 0 if it is none."""
    shape = value.get("shape") if isinstance(value, dict) else None
    return len(shape) if isinstance(shape, list) else 0


def to_array(written: dict[Any, Any], dimensions: int) -> Floats:
    """Float64 of this shape, all finite; PydanticCustomError says what is wrong."""
    if not is_written(written):
        raise PydanticCustomError("array", "an array is {form}", {"form": FORM})
    dtype, shape, data = written["dtype"], written["shape"], written["data"]
    if dtype not in DTYPES:
        raise PydanticCustomError("array", "dtype must be one of {all}", {"all": ", ".join(DTYPES)})
    sizes = shape if isinstance(shape, list) else []
    if len(sizes) != dimensions or not all(type(n) is int and n > 0 for n in sizes):
        raise PydanticCustomError(
            "array", "shape must be a list of {n} positive numbers", {"n": dimensions}
        )
    bytes_asked = math.prod(sizes) * np.dtype(dtype).itemsize
    if not isinstance(data, bytes) or len(data) != bytes_asked:
        raise PydanticCustomError(
            "array", "data must be {n} bytes, by dtype and shape", {"n": bytes_asked}
        )
    array = read(written)
    if not np.isfinite(array).all():
        raise PydanticKnownError("finite_number")
    return array
