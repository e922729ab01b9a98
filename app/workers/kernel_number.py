"""A number for each kernel, by which workers are found that have it compiled."""

from dataclasses import fields, is_dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any


@lru_cache(maxsize=256)
def kernel_number(key: Any) -> int:
    """One for equal keys, and the same in all services before a cluster.

    Python's own hash will not do: that of a dataclass leaves its class out, so that all shapes
    without options have the same.
    """
    return int.from_bytes(blake2b(text_of(key).encode(), digest_size=8).digest(), "big")


def text_of(key: Any) -> str:
    """The classes and all that counts when keys are compared."""
    if is_dataclass(key):
        parts = [text_of(getattr(key, f.name)) for f in fields(key) if f.compare]
        return f"{type(key).__name__}({', '.join(parts)})"
    return f"({', '.join(map(text_of, key))})" if isinstance(key, tuple) else repr(key)
