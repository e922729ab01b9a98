"""Polynomials of several variables, one for each row of a batch, and their derivatives.

Coefficients are (terms, rows), in the order of `exponents`. Derivatives come by Horner's scheme,
one variable after the other, all rows at once: each operation is of whole rows of the matrix.
"""

from functools import cache
from itertools import product
from math import comb

import numpy as np

from fitting.padding import Floats, Places

AT_ONCE = 1024  # rows; the coefficients of more do not stay in the cache of a core


@cache
def exponents(variables: int, degree: int) -> Places:
    """Of all terms up to a total degree, (terms, variables), the degree rising."""
    rows = [row for row in product(range(degree + 1), repeat=variables) if sum(row) <= degree]
    return np.array(sorted(rows, key=sum), dtype=np.intp)


def terms(points: Floats, degree: int) -> Floats:
    """All terms at points (points, variables): (points, terms)."""
    powers = points[:, :, None] ** np.arange(degree + 1)
    own = exponents(points.shape[1], degree)
    return np.asarray(np.prod([powers[:, j, own[:, j]] for j in range(len(own.T))], axis=0))


def derivatives(coefficients: Floats, at: Floats, degree: int) -> tuple[Floats, Floats]:
    """Gradients (variables, rows) and Hessians (variables, same, rows) at (variables, rows)."""
    gradient = np.empty_like(at)
    hessian = np.empty((len(at), *at.shape))
    for first in range(0, at.shape[1], AT_ONCE):
        some = slice(first, first + AT_ONCE)
        found: dict[tuple[int, ...], Floats] = {(): coefficients[:, some]}
        for j in reversed(range(len(at))):
            found = {
                (j,) * order + others: left
                for others, own in found.items()
                for order, left in enumerate(_without(own, at[j, some], j, degree, 2 - len(others)))
            }
        for by, (value,) in found.items():
            if len(by) == 1:
                gradient[by[0], some] = value
            elif by:
                hessian[by[0], by[1], some] = hessian[by[1], by[0], some] = value
    return gradient, hessian


def _without(own: Floats, at: Floats, others: int, degree: int, most: int) -> list[Floats]:
    """The polynomials in the `others` variables that are left with the last one at a value.

    Also their derivatives by that one up to the order `most`.
    """
    own = own[_last_falling(others + 1, degree)]
    found = [np.zeros((comb(others + degree, others), len(at))) for _ in range(most + 1)]
    first = 0
    for power in range(degree, -1, -1):
        # the terms with this power: the first of those in the others, since the degree rises
        size = comb(others + degree - power, others)
        for order in range(most, 0, -1):
            found[order][:size] *= at
            found[order][:size] += order * found[order - 1][:size]
        found[0][:size] *= at
        found[0][:size] += own[first : first + size]
        first += size
    return found


@cache
def _last_falling(variables: int, degree: int) -> Places:
    """The places of all terms in the order of the last variable's power, highest first."""
    return np.argsort(-exponents(variables, degree)[:, -1], kind="stable")
