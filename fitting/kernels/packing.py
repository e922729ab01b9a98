"""Data and constraints as one vector: one transfer to the device instead of one an array.

Handing over an array costs as much as evaluating a small kernel. The
vector is float64 whatever the data were, cast here and nowhere else: another dtype would be
another compile.
"""

import math
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from fitting.data import Bins, Leaf, Marks
from fitting.padding import Floats

SHORT = 10_000
VARYING = ("x", "y", "x_err", "y_err", "x_slope", "used")  # of Marks, from row to row of a batch


class Prior(NamedTuple):
    """Gaussian constraints: adds sum(weight (params - center)^2); weight 0 is none."""

    center: Leaf
    weight: Leaf


def pack(data: Bins | Marks, prior: Prior, tables: tuple[Leaf, ...]) -> Array | Floats:
    """Everything that a kernel takes besides the parameters; `tables` are data of the model."""
    vector: Floats = np.concatenate((*data, *prior, *tables), axis=None, dtype=np.float64)
    # a short one is copied by each call in less time than it takes to put it on the device once
    return vector if len(vector) < SHORT else jnp.asarray(vector)


def pack_blocks(
    data: Bins | Marks, prior: Prior, tables: tuple[Leaf, ...], length: int
) -> list[Array | Floats]:
    """The same of each block of so many entries; what is known of parameters counts once."""
    nothing = prior._replace(weight=np.zeros_like(prior.weight))
    return [
        pack(data.block(first, length), nothing if first else prior, tables)
        for first in range(0, len(data.used), length)
    ]


def unpack(
    vector: Array,
    kind: type[Bins] | type[Marks],
    length: int,
    inputs: int,
    parameters: int,
    table_sizes: tuple[int, ...],
) -> tuple[Bins | Marks, Prior, list[Array]]:
    """The arrays again, inside a kernel; `inputs` is the number of predictors."""
    leaves, first = [], 0
    own = kind.shapes(length, inputs)
    for shape in (*own, (parameters,), (parameters,), *((size,) for size in table_sizes)):
        size = math.prod(shape)
        leaf = vector[first : first + size]
        leaves.append(leaf if len(shape) == 1 else leaf.reshape(shape))
        first += size
    data, rest = kind(*leaves[: len(own)]), leaves[len(own) :]
    # the only flags, and the only scalar
    data = data._replace(used=data.used != 0)
    if isinstance(data, Marks):
        data = data._replace(log_weight=data.log_weight[0])
    return data, Prior(*rest[:2]), rest[2:]


def with_row(data: Bins | Marks, row: Any) -> Bins | Marks:
    """The data of one row, inside a kernel: those of all with the row's own in their place."""
    if isinstance(data, Bins):
        return data._replace(counts=row)
    fields = dict(zip(VARYING, row.reshape(len(VARYING), -1), strict=True))
    return data._replace(**(fields | {"used": fields["used"] != 0}))
