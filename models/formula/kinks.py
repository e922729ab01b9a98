"""Where a formula has kinks and jumps, as far as that can be told before its parameters are known.

They are where something straight in x changes its sign: the argument of abs, the difference of
two arguments of max or min, or of the two sides of a condition.
"""

from dataclasses import dataclass

from models.formula.canonical import ONE, ZERO, canonical, negative
from models.formula.evaluate import is_polynomial
from models.formula.tree import Call, Compare, Constant, Input, Product, Quotient, Sum, Tree


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
    """What crosses 0 where the tree has a kink or a jump."""
    found: dict[Line, None] = {}
    for node in tree.walk():
        match node:
            case Call("abs", (argument,)):
                lines = [straight(argument)]
            case Call("max" | "min", (first, *rest)):
                lines = [straight(_minus(first, other)) for other in rest]
            case Compare():
                lines = [boundary(node)]
            case _:
                continue
        found |= {line: None for line in lines if line}
    return list(found)


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
    shift = canonical(Quotient(Sum(tuple(constants)), slope))
    # added to a place, not divided with it: x - x0 has its zero at x0 to the last digit
    return Line(slope, canonical(Sum((first.zero, negative(shift)))))


def _minus(left: Tree, right: Tree) -> Tree:
    return canonical(Sum((left, negative(right))))
