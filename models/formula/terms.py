"""The terms of a formula that can be searched for one after the other."""

from collections.abc import Collection
from dataclasses import fields, replace
from typing import Any, cast

from models.formula.tree import Param, Sum, Tree


def separate_terms(tree: Tree, linear: Collection[int]) -> list[tuple[Tree, tuple[int, ...]]]:
    """Terms that share no parameter but linear ones, each with the places of its parameters.

    Only a sum with several such terms falls apart; what is linear altogether is one term.
    """
    groups: list[tuple[list[Tree], frozenset[int]]] = []
    for term in tree.terms if isinstance(tree, Sum) else (tree,):
        members, curved = [term], term.parameters.difference(linear)
        for group in [g for g in groups if g[1] & curved or not (g[1] or curved)]:
            groups.remove(group)
            members, curved = group[0] + members, curved | group[1]
        groups.append((members, curved))
    if sum(bool(curved) for _, curved in groups) < 2:
        return [(tree, tuple(sorted(tree.parameters)))]
    return [_alone(Sum(tuple(m)) if len(m) > 1 else m[0]) for m, _ in groups]


def _alone(tree: Tree) -> tuple[Tree, tuple[int, ...]]:
    places = tuple(sorted(tree.parameters))
    return renumbered(tree, {old: new for new, old in enumerate(places)}), places


def renumbered(tree: Tree, new: dict[int, int]) -> Tree:
    """The tree with other indices for its parameters."""
    if isinstance(tree, Param):
        return Param(new[tree.index])

    def changed(part: Any) -> Any:
        if isinstance(part, Tree):
            return renumbered(part, new)
        return tuple(map(changed, part)) if isinstance(part, tuple) else part

    node: Any = tree
    return cast(
        Tree, replace(node, **{f.name: changed(getattr(node, f.name)) for f in fields(node)})
    )
