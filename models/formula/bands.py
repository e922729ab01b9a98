"""Conditions on an absolute value as the two that they are: |u| < w where u < w and -u < w."""

from functools import lru_cache

from models.formula.canonical import canonical, negative
from models.formula.kinks import boundary
from models.formula.tree import Call, Compare, Tree, Where


@lru_cache(maxsize=1000)
def without_bands(tree: Tree) -> Tree:
    """The same function without conditions on |u|, where u is straight: its jumps are places."""
    if not any(isinstance(node, Where) and _conditions(node.condition) for node in tree.walk()):
        return tree
    node = tree.map(without_bands)
    if isinstance(node, Where) and (both := _conditions(node.condition)):
        one, other = both
        if _is_absolute(node.condition.left):  # both hold
            return Where(one, Where(other, node.yes, node.no), node.no)
        return Where(one, node.yes, Where(other, node.yes, node.no))
    return node


def _conditions(condition: Compare) -> tuple[Compare, Compare] | None:
    """Those on u and on -u, of one on |u| on either side, if they change at places."""
    match condition:
        case Compare(operator, Call("abs", (u,)), other):
            pair = [Compare(operator, canonical(side), other) for side in (u, negative(u))]
        case Compare(operator, other, Call("abs", (u,))):
            pair = [Compare(operator, other, canonical(side)) for side in (u, negative(u))]
        case _:
            return None
    one, another = pair
    return (one, another) if boundary(one) and boundary(another) else None


def _is_absolute(tree: Tree) -> bool:
    return isinstance(tree, Call) and tree.function == "abs"
