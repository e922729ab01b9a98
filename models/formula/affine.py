"""Trees that are a number and multiples of parameters, once they are multiplied out.

The zero of 1 - (x - m)/w is w*(1 + m/w), which is m + w.
"""

import math
from collections import Counter

from models.formula.tree import Constant, Param, Product, Quotient, Sum, Tree

MOST_TERMS = 20

Affine = tuple[float, dict[int, float]]  # the number, and a factor for each parameter
Powers = frozenset[tuple[int, int]]  # of parameters, in a product; the empty one is a number
Terms = dict[Powers, float]  # with their coefficients

NUMBER: Powers = frozenset()


def affine(tree: Tree) -> Affine | None:
    """A tree as number + sum of factor * parameter; None if it is another, or not seen to be."""
    terms = _terms(tree)
    if terms is None or not all(map(math.isfinite, terms.values())):
        return None
    number, factors = terms.pop(NUMBER, 0.0), dict[int, float]()
    for powers, factor in terms.items():
        match list(powers):
            case [(index, 1)]:
                factors[index] = factor
            case _:
                return None
    return number, dict(sorted(factors.items()))


def _terms(tree: Tree) -> Terms | None:
    match tree:
        case Constant(value):
            return {NUMBER: value}
        case Param(index):
            return {frozenset([(index, 1)]): 1.0}
        case Sum(terms):
            total: Terms = {}
            for one in map(_terms, terms):
                if one is None:
                    return None
                for powers, factor in one.items():
                    total[powers] = total.get(powers, 0.0) + factor
            return {powers: factor for powers, factor in total.items() if factor}
        case Product(factors):
            product: Terms | None = {NUMBER: 1.0}
            for one in map(_terms, factors):
                product = _product(product, one, 1)
            return product
        case Quotient(numerator, denominator):
            below = _terms(denominator)
            return _product(_terms(numerator), below, -1) if below and len(below) == 1 else None
    return None


def _product(one: Terms | None, other: Terms | None, power: int) -> Terms | None:
    """`one` times `other` to the power, which is -1 for a single term only."""
    if one is None or other is None or len(one) * len(other) > MOST_TERMS:
        return None
    found: Terms = {}
    for powers, factor in one.items():
        for further, by in other.items():
            sums = Counter(dict(powers))
            for i, n in further:
                sums[i] += power * n
            key = frozenset((i, n) for i, n in sums.items() if n)
            found[key] = found.get(key, 0.0) + (factor * by if power > 0 else factor / by)
    return {powers: factor for powers, factor in found.items() if factor}
