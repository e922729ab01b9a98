"""Where a formula has kinks and jumps, as far as that can be told before its parameters are known.

They are where something straight in x changes its sign: the argument of abs, the difference of
two arguments of max or min, or of the two sides of a condition.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, combinations, islice, product

from models.formula.canonical import ONE, ZERO, canonical, negative
from models.formula.evaluate import is_polynomial
from models.formula.tree import (
    Call,
    Compare,
    Constant,
    Input,
    Product,
    Quotient,
    Shape,
    Sum,
    Tree,
    Where,
)

MOST_FACES = 8
#: Each is one more piece to integrate; a place that depends on parameters takes time to compile.
MOST_FIXED, MOST_MOVING = 64, 12


@dataclass(frozen=True)
class Line:
    """slope * (x - zero), both without x."""

    slope: Tree
    zero: Tree

    @property
    def rises(self) -> bool | None:
        """Whether it rises, if that does not depend on parameters and it is never level."""
        match self.slope:
            case Constant(value) if is_polynomial(self.zero):
                return value > 0
            case Quotient(Constant(above), Constant(below)) if is_polynomial(self.zero):
                return (above > 0) == (below > 0)
        return None


X = Line(ONE, ZERO)


def kinks(tree: Tree) -> list[Line]:
    """What crosses 0 where the tree has a jump, or else a kink: as many as are worth their time."""
    jumps = (boundary(node) for node in tree.walk() if isinstance(node, Compare))
    bends = chain.from_iterable(map(_bends, tree.walk()))
    found = dict.fromkeys(filter(None, chain(jumps, bends)))
    moving = [line for line in found if line.zero.parameters]
    fixed = [line for line in found if not line.zero.parameters]
    return fixed[:MOST_FIXED] + moving[:MOST_MOVING]


def ends_of_shapes(tree: Tree) -> list[Tree]:
    """The places where the ranges of shapes at x, or at x moved, have their ends."""
    return [
        canonical(Sum((line.zero, argument)))
        for node in tree.walk()
        if isinstance(node, Shape)
        and (line := straight(node.arguments[0])) is not None
        and line.slope == ONE
        for parameter, argument in node.handed
        if parameter.end is not None and not argument.has_input
    ]


def _bends(node: Tree) -> Iterator[Line | None]:
    match node:
        case Call("abs", (argument,)):
            yield from map(straight, faces(argument))
        case Call("max" | "min", arguments):
            for pair in combinations(map(faces, arguments), 2):
                yield from (straight(_minus(a, b)) for a, b in product(*pair))


@lru_cache(maxsize=10_000)
def faces(tree: Tree) -> tuple[Tree, ...]:
    """What a tree is made of between its kinks: |u| of u and -u; itself, if these are too many."""
    found = tuple(dict.fromkeys(islice(_faces(tree), MOST_FACES + 1)))
    return found if len(found) <= MOST_FACES else (tree,)


def _faces(tree: Tree) -> Iterator[Tree]:
    match tree:
        case Call("abs", (argument,)):
            for face in faces(argument):
                yield from (face, negative(face))
        case Call("max" | "min", arguments):
            yield from chain.from_iterable(map(faces, arguments))
        case Where(_, yes, no):
            yield from (*faces(yes), *faces(no))
        case Sum(terms):
            yield from (canonical(Sum(together)) for together in product(*map(faces, terms)))
        case Product(factors):
            yield from (canonical(Product(together)) for together in product(*map(faces, factors)))
        case Quotient(numerator, denominator):
            yield from (canonical(Quotient(face, denominator)) for face in faces(numerator))
        case _:
            yield tree


def boundary(condition: Compare) -> Line | None:
    """What is below 0 where the condition holds, if it is straight."""
    return straight(_minus(condition.left, condition.right))


def straight(tree: Tree) -> Line | None:
    """The tree as a line in x, if it is one that is not level for all parameters."""
    match tree:
        case Input():
            return X
        case Product(factors):
            varying = [f for f in factors if f.has_input]
            line = straight(varying[0]) if len(varying) == 1 else None
            constant = tuple(f for f in factors if not f.has_input)
            return line and Line(canonical(Product((*constant, line.slope))), line.zero)
        case Quotient(numerator, denominator) if not denominator.has_input:
            line = straight(numerator)
            return line and Line(canonical(Quotient(line.slope, denominator)), line.zero)
        case Sum(terms):
            lines = [straight(t) for t in terms if t.has_input]
            return _sum([x for x in lines if x], terms) if lines and all(lines) else None
    return None


def _sum(lines: list[Line], terms: tuple[Tree, ...]) -> Line | None:
    """Of these lines and the terms that are without x."""
    constants = [t for t in terms if not t.has_input]
    first, *others = lines
    slope = canonical(Sum(tuple(line.slope for line in lines)))
    if slope == ZERO:
        return None
    if others:
        moved = [x for x in lines if x.zero != ZERO]
        constants += [negative(canonical(Product((x.slope, x.zero)))) for x in moved]
        first = Line(slope, ZERO)
    if not constants:
        return first
    if slope.parameters:
        # one quotient, of which to ask whether it has a value
        constants.append(negative(canonical(Product((slope, first.zero)))))
        return Line(slope, canonical(Quotient(negative(canonical(Sum(tuple(constants)))), slope)))
    # added to a place, not divided with it: x - x0 has its zero at x0 to the last digit
    shift = canonical(Quotient(Sum(tuple(constants)), slope))
    return Line(slope, canonical(Sum((first.zero, negative(shift)))))


def _minus(left: Tree, right: Tree) -> Tree:
    return canonical(Sum((left, negative(right))))
