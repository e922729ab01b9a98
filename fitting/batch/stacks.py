"""Small linear algebra on many matrices at once, in NumPy; the last axis counts the matrices.

For matrices this small one call of LAPACK each would take longer than the fit; operations on all
of them take a hundredth of it.
"""

import numpy as np

from fitting.padding import Flags, Floats

PIVOT = 1e-13  # of a matrix of unit diagonal; below it is rounding


def inverses(stack: Floats) -> tuple[Floats, Flags]:
    """Inverses of symmetric matrices (n, n, rows) of unit diagonal, by Cholesky's factors.

    Also which of them are positive definite; the inverse of another means nothing.
    """
    size = len(stack)
    factor, inverse = np.zeros_like(stack), np.zeros_like(stack)
    sound: Flags = np.asarray(np.isfinite(stack).all(axis=(0, 1)))
    stack = np.where(sound, stack, 0.0)
    for j in range(size):
        column = stack[j:, j] - np.einsum("ikr,kr->ir", factor[j:, :j], factor[j, :j])
        sound &= column[0] > PIVOT
        factor[j:, j] = column / np.sqrt(np.where(sound, column[0], 1.0))
        root = np.where(sound, factor[j, j], 1.0)
        inverse[j, j] = 1 / root
        inverse[j, :j] = -np.einsum("kr,kir->ir", factor[j, :j], inverse[:j, :j]) / root
    return np.einsum("kir,kjr->ijr", inverse, inverse), sound
