"""What each parameter does to x: where it moves it, how it stretches it, or neither.

Of several predictors it is the one that the parameter meets.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from models.formula.tree import (
    Call,
    Compare,
    Constant,
    Input,
    Param,
    Power,
    Product,
    Quotient,
    Sum,
    Tree,
)

Kind = Literal[
    "location", "distance", "period", "phase", "rate", "width", "exponent", "base", "offset"
]

#: If a parameter does several things, the first of these says most about its value.
ORDER: tuple[Kind, ...] = (
    "location",
    "period",
    "rate",
    "width",
    "phase",
    "base",
    "exponent",
    "offset",
)
STRETCHED: dict[str, Kind] = {
    **dict.fromkeys(("sin", "cos", "tan"), "period"),
    **dict.fromkeys(("exp", "expm1", "sinh", "cosh"), "rate"),
    **dict.fromkeys(("tanh", "erf", "erfc", "atan"), "width"),
}


@dataclass(frozen=True)
class Role:
    """A parameter p in `coefficient * p^power * x`, or in `x - p` and the like.

    It is `shift` more than the place that it moves x to.

    `column` is the index of x among several predictors.
    """

    kind: Kind
    coefficient: float = 1.0
    power: int = 1
    column: int = 0
    shift: float = 0.0


def roles(tree: Tree) -> dict[int, Role]:
    """The role of each parameter that has one."""
    found: dict[int, Role] = {}
    for index, role in _uses(tree):
        known = found.get(index, role)
        found[index] = min(known, role, key=lambda r: ORDER.index(r.kind))
    apart = {i: Role("distance", column=column) for i, column in _distances(tree).items()}
    return found | apart


def _uses(tree: Tree) -> Iterator[tuple[int, Role]]:
    for node in tree.walk():
        match node:
            case Sum(terms):
                yield from _moves(terms)
            case Compare(_, Input(c), Param(index)) | Compare(_, Param(index), Input(c)):
                yield index, Role("location", column=c)
            case Call(name, (argument,)) if name in STRETCHED:
                yield from _stretches(argument, STRETCHED[name])
            case Power(base, exponent) if not isinstance(exponent, Constant):
                yield from ((i, Role("exponent")) for i in exponent.parameters)
                if isinstance(base, Param) and exponent.has_input:
                    yield base.index, Role("base", column=min(exponent.inputs))


def _moves(terms: tuple[Tree, ...]) -> Iterator[tuple[int, Role]]:
    """x - p moves x to p; x + p may be that with a sign, or a positive p added to a positive x."""
    signs = [_sign_of_input(t) for t in terms]
    columns = frozenset().union(*(t.inputs for t, sign in zip(terms, signs, strict=True) if sign))
    if len(columns) != 1:
        return  # no x, or several, and p is no place of one of them
    (column,) = columns
    known = sum(term.value for term in terms if isinstance(term, Constant))
    if not math.isfinite(known):
        return
    for term in terms:
        match term:
            case Param(index) if 1 in signs:
                yield index, Role("offset", column=column)
            case Param(index):
                yield index, Role("location", column=column, shift=-known)
            case Product((Constant(-1.0), Param(index))) if 1 in signs:
                yield index, Role("location", column=column, shift=known)
            case Product((Constant(-1.0), Param(index))):
                yield index, Role("offset", column=column)


def _distances(tree: Tree) -> dict[int, int]:
    """Parameters d of x - m - d and x - m + d, with the column of x: between places on either side
    of m it is a distance, and none of the places."""
    signs: dict[int, set[int]] = {}  # of parameters, relative to that of x
    groups: list[tuple[int, set[int]]] = []
    for node in tree.walk():
        if not isinstance(node, Sum):
            continue
        of_x = [(sign, t.inputs) for t in node.terms if (sign := _sign_of_input(t))]
        if len(of_x) != 1 or len(of_x[0][1]) != 1:
            continue
        ((sign, columns),) = of_x
        own = dict(filter(None, map(_signed, node.terms)))
        for index, one in own.items():
            signs.setdefault(index, set()).add(one * sign)
        groups.append((min(columns), set(own)))
    both = {index for index, found in signs.items() if len(found) == 2}
    return {i: column for column, group in groups if group - both for i in group & both}


def _signed(term: Tree) -> tuple[int, int] | None:
    """A parameter and its sign, of a term that is no more."""
    match term:
        case Param(index):
            return index, 1
        case Product((Constant(-1.0), Param(index))):
            return index, -1
    return None


def _sign_of_input(term: Tree) -> int:
    """Of x in a term that is x, or x moved."""
    match term:
        case Input():
            return 1
        case Product((Constant(-1.0), Input())):
            return -1
        case Sum(terms):
            return sum(map(_sign_of_input, terms))
    return 0


def _stretches(argument: Tree, kind: Kind) -> Iterator[tuple[int, Role]]:
    """Terms coefficient * p * x and coefficient * x / p of an argument; others in it are phases."""
    for term in argument.terms if isinstance(argument, Sum) else (argument,):
        above, below = _factors(term)
        divisor = _number(below)
        number = _number(above) / divisor if divisor else math.inf
        # x1 * x2 is stretched by no length of either, and nothing is by 0 or without end
        stretched = any(_sign_of_input(f) for f in above) and len(term.inputs) == 1
        stretched = stretched and number != 0 and math.isfinite(number)
        alone = len([f for f in above + below if isinstance(f, Param)]) == 1
        for factors, power in ((above, 1), (below, -1)):
            for factor in factors:
                if isinstance(factor, Param) and alone and stretched:
                    yield factor.index, Role(kind, number, power, min(term.inputs))
                elif isinstance(factor, Param) and kind == "period" and not term.has_input:
                    yield factor.index, Role("phase")


def _number(factors: list[Tree]) -> float:
    return math.prod(f.value for f in factors if isinstance(f, Constant))


def _factors(term: Tree) -> tuple[list[Tree], list[Tree]]:
    if isinstance(term, Quotient):
        return _factors(term.numerator)[0], _factors(term.denominator)[0]
    return list(term.factors) if isinstance(term, Product) else [term], []
