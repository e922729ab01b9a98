"""The parameters in which a formula is linear, all of them together, or relative to another.

In n*(1 + a*g(x)) it is linear in n, and in n and n*a: once the rest is known, both are solved for.
"""

from collections.abc import Iterable

from models.formula.tree import (
    Param,
    Product,
    Quotient,
    Shape,
    Sum,
    Tree,
    Where,
)

CURVED = 2


def linear_parameters(tree: Tree) -> frozenset[int]:
    """Indices of parameters, taken in their order, in which the tree is jointly affine.

    Of (1 + a*g)*n not a, but n if then a is relative to it.
    """
    bound = ties(tree)
    orders = sorted(tree.parameters), sorted(tree.parameters, key=lambda i: (bool(bound[i]), i))
    found = [_jointly(tree, order) for order in dict.fromkeys(map(tuple, orders))]
    return max(found, key=lambda chosen: len(chosen) + len(relative_parameters(tree, chosen)))


def _jointly(tree: Tree, order: Iterable[int]) -> frozenset[int]:
    chosen: frozenset[int] = frozenset()
    for index in order:
        if degree(tree, chosen | {index}) < CURVED:
            chosen |= {index}
    return chosen


def relative_parameters(tree: Tree, linear: frozenset[int]) -> dict[int, int]:
    """Parameters a, each with a linear one n: the tree is affine in all that is linear and a*n.

    Where n stands without them, or there would be nothing to divide by.
    """
    bound, found = ties(tree), dict[int, int]()
    for index in sorted(tree.parameters - linear):
        together = frozenset({*found, index})
        scales = [n for n in sorted(bound[index] & linear) if _is_left(tree, n, together)]
        if scales and degree(tree, together) < CURVED:
            found[index] = scales[0]
    return found


def _is_left(tree: Tree, index: int, zeros: frozenset[int]) -> bool:
    """Whether a parameter does anything where others are 0."""
    match tree:
        case Param(i):
            return i == index
        case Product() | Quotient() if _vanishes(tree, zeros):
            return False
        case Sum() | Product() | Quotient():
            return any(_is_left(child, index, zeros) for child in tree.children)
    return index in tree.parameters


def _vanishes(tree: Tree, zeros: frozenset[int]) -> bool:
    match tree:
        case Param(i):
            return i in zeros
        case Sum(terms):
            return all(_vanishes(t, zeros) for t in terms)
        case Product(factors):
            return any(_vanishes(f, zeros) for f in factors)
        case Quotient(numerator, _):
            return _vanishes(numerator, zeros)
        case Shape() as shape:
            scales = [t for p, t in shape.handed if p.linear]
            return bool(scales) and all(_vanishes(t, zeros) for t in scales)
    return False


def ties(tree: Tree) -> dict[int, frozenset[int]]:
    """For each parameter those with which it is multiplied wherever it occurs."""
    if isinstance(tree, Param):
        return {tree.index: frozenset()}
    factors = {f.index for f in tree.children if isinstance(f, Param)}
    scales = frozenset(factors if isinstance(tree, Product) else ())
    found: dict[int, frozenset[int]] = {}
    for child in tree.children:
        within = ties(child)
        if isinstance(tree, Quotient) and child is tree.denominator:
            within = dict.fromkeys(within, frozenset())
        elif not isinstance(tree, Sum | Product | Quotient):
            within = dict.fromkeys(within, frozenset())  # multiplied inside of what is not linear
        for index, known in within.items():
            known |= scales - {index}
            found[index] = found.get(index, known) & known
    return found


def degree(tree: Tree, chosen: frozenset[int]) -> int:
    """Of the tree as a polynomial in the chosen parameters; CURVED: above 1, or no polynomial."""
    if tree.parameters.isdisjoint(chosen):
        return 0
    match tree:
        case Param():
            return 1
        case Sum(terms):
            return max(degree(t, chosen) for t in terms)
        case Product(factors):
            return min(sum(degree(f, chosen) for f in factors), CURVED)
        case Quotient(numerator, denominator):
            return CURVED if degree(denominator, chosen) else degree(numerator, chosen)
        case Where(condition, yes, no):
            branches = max(degree(yes, chosen), degree(no, chosen))
            return CURVED if degree(condition, chosen) else branches
        case Shape() as shape:
            handed = [(p.linear, degree(t, chosen)) for p, t in shape.handed]
            handed.append((False, degree(shape.arguments[0], chosen)))
            return max(d if linear else min(CURVED * d, CURVED) for linear, d in handed)
    return CURVED
