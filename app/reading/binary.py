"""MessagePack: JSON's objects, lists and texts, and arrays in the form of `schemas.arrays`."""

import sys
from collections.abc import Callable
from typing import Any

import msgpack
import numpy as np

from app.errors import InvalidRequest, NotMsgpack
from app.reading import names
from app.reading.crowded import too_many


def unpack(raw: bytes, most: int = sys.maxsize) -> Any:
    """What was sent; arrays stay in their written form. No object has a name twice.

    InvalidRequest for more names than `most`.
    """
    count = 0

    def read(hook: Callable[[names.Pairs], Any]) -> Any:
        def to_object(pairs: names.Pairs) -> Any:
            nonlocal count
            if (count := count + len(pairs)) > most:
                raise InvalidRequest([((), too_many(count, most))])
            return hook(pairs)

        return msgpack.unpackb(raw, object_pairs_hook=to_object)

    try:
        return names.read(read)
    except msgpack.ExtraData:
        # to MessagePack a brace is a number
        json = " Is it JSON? Then send Content-Type: application/json."
        looks = raw.lstrip().startswith((b"{", b"["))
        more = "After the end of the MessagePack object there are more bytes."
        raise NotMsgpack(more + json * looks) from None
    except msgpack.StackError:
        raise NotMsgpack("The MessagePack of the body is nested too deeply.") from None
    except (ValueError, msgpack.UnpackException):
        raise NotMsgpack(
            "The body is not MessagePack, or ends too early, or has names that are not text."
        ) from None


def pack(answer: dict[str, Any]) -> bytes:
    """An answer whose columns are arrays."""
    packed: bytes = msgpack.packb(answer, default=_written)
    return packed


def _written(array: Any) -> Any:
    if array.dtype == object:  # of texts
        return array.tolist()
    return {"dtype": array.dtype.str, "shape": list(array.shape), "data": array.tobytes()}


def to_lists(array: Any) -> Any:
    """For JSON, which has no arrays."""
    return array.tolist() if isinstance(array, np.ndarray) else str(array)
