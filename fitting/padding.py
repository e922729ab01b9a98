"""Bucketed lengths: arrays are padded, so that few kernels serve data of every length."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.intp]

SMALLEST_BUCKET = 32
BLOCK = 4096  # entries that one call of a kernel takes; longer data are summed block by block


def bucket_length(size: int) -> int:
    """The padded length for `size` entries: the next power of two, at least 32."""
    return max(SMALLEST_BUCKET, 1 << (size - 1).bit_length())


def pad(array: Floats | Flags, length: int) -> NDArray[np.generic]:
    """`array` lengthened by repeating its last entry, which every model can be evaluated at.

    Of several predictors, (inputs, entries), each is.
    """
    size = array.shape[-1]
    padded = np.empty((*array.shape[:-1], length), array.dtype)
    padded[..., :size] = array
    padded[..., size:] = array[..., -1:]
    return padded
