"""The terms of a formula that can be searched for one after the other."""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial

from models.formula.linear import linear_parameters
from models.formula.roles import roles
from models.formula.tree import Param, Shape, Sum, Tree

Group = tuple[list[Tree], frozenset[int]]  # terms, and their parameters that are not linear


@lru_cache(maxsize=200)
def separate_terms(
    tree: Tree, linear: frozenset[int], ends: frozenset[int]
) -> tuple[tuple[Tree, tuple[int, ...]], ...]:
    """Terms that are searched for by themselves, each with the places of its parameters.

    Each brings something to be searched for, but for one that is `linear` altogether; the rest they
    may share. `ends` of a range are those of the data at first: nothing that a term must bring.
    Only a sum with several such terms falls apart.
    """
    groups = _grouped(tree, linear, partial(_belong_together, ends=ends))
    # what is shared may bend one of them and not the other
    if any(linear_parameters(_sum(group)) != linear & _sum(group).parameters for group in groups):
        groups = _grouped(tree, linear, _share)
    if sum(bool(curved) for _, curved in groups) < 2:
        return ((tree, tuple(sorted(tree.parameters))),)
    return tuple(_alone(_sum(group)) for group in groups)


def _grouped(
    tree: Tree, linear: frozenset[int], are_one: Callable[[Group, Group], bool]
) -> list[Group]:
    groups: list[Group] = []
    constant: list[Tree] = []
    for term in tree.terms if isinstance(tree, Sum) else (tree,):
        if not term.parameters:
            constant.append(term)
            continue
        members, curved = [term], term.parameters - linear
        for group in [g for g in groups if are_one(g, (members, curved))]:
            groups.remove(group)
            members, curved = group[0] + members, curved | group[1]
        groups.append((members, curved))
    if constant and groups:  # they go with any
        groups[0][0].extend(constant)
    return groups


def _sum(group: Group) -> Tree:
    terms, _ = group
    return Sum(tuple(terms)) if len(terms) > 1 else terms[0]


def _share(one: Group, other: Group) -> bool:
    """Whether they have anything in common that is searched for, or nothing of that kind."""
    return bool(one[1] & other[1]) or not (one[1] or other[1])


def _belong_together(one: Group, other: Group, ends: frozenset[int]) -> bool:
    """Whether one of two has nothing to be searched for, but ends, that the other has not.

    Unless that is placed from there: in gaussian(x, m, s) + gaussian(x, m + d, s) by the distance.
    """
    less, more = sorted((one, other), key=lambda group: len(group[1] - ends))
    searched, others = less[1] - ends, more[1] - ends
    if not searched:
        return not (less[1] or more[1])
    return searched <= others and not _is_placed(more[0], others - searched)


def _is_placed(terms: list[Tree], own: frozenset[int]) -> bool:
    """Whether terms move in x by parameters of their own, or are handed what is made of these."""
    for term in terms:
        kinds = {i for i, role in roles(term).items() if role.kind == "location"}
        handed = [t for node in term.walk() if isinstance(node, Shape) for _, t in node.handed]
        made = (t.parameters for t in handed if not isinstance(t, Param))
        if not own.isdisjoint(kinds.union(*made)):
            return True
    return False


def _alone(tree: Tree) -> tuple[Tree, tuple[int, ...]]:
    # as they come in it: terms alike are equal then, whichever of their parameters they share
    places = tuple(dict.fromkeys(t.index for t in tree.walk() if isinstance(t, Param)))
    return replaced(tree, {old: Param(new) for new, old in enumerate(places)}), places


def replaced(tree: Tree, new: Mapping[int, Tree]) -> Tree:
    """The tree with others in place of some parameters."""
    if isinstance(tree, Param):
        return new.get(tree.index, tree)
    return tree.map(lambda child: replaced(child, new))
