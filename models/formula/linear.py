"""The parameters in which a formula is linear, all of them together."""

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
    """Indices of parameters, taken in their order, in which the tree is jointly affine."""
    chosen: frozenset[int] = frozenset()
    for index in sorted(tree.parameters):
        if degree(tree, chosen | {index}) < CURVED:
            chosen |= {index}
    return chosen


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
