"""One form for the many spellings of a formula, so that they share a compiled kernel.

Values change by rounding only. Products may be reordered, since each rounding of a product is
relative to it. Sums may not be: x - x0 is exact where the two are close, (x + d) - x0 is not. So
the exact terms of a sum (x, parameters, numbers) are added in the order of the text, two by two,
where only a + b = b + a is used, and before the others, which carry rounding errors of their own.
Nothing is expanded but the square of a product, and signs.
"""

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import lru_cache, reduce

from models.formula.functions import INTEGER_POWERS
from models.formula.tree import (
    MINUS_ONE,
    Call,
    Compare,
    Constant,
    Input,
    Param,
    Power,
    Product,
    Quotient,
    Shape,
    Sum,
    Tree,
    Where,
)

ZERO = Constant(0.0)
ONE = Constant(1.0)
SMALLEST, LARGEST = Fraction(1e-300), Fraction(1e300)  # what is rounded like other doubles
COMMUTATIVE = {"hypot", "max", "min"}
EVEN = {"abs", "cos", "cosh"}


def canonical(tree: Tree) -> Tree:
    """The form that all spellings of this tree share."""
    match tree:
        case Sum(terms):
            return _sum([canonical(t) for t in terms])
        case Product() | Quotient():
            return _quotient([tree], [], done=False)
        case Power(base, exponent):
            return _power(canonical(base), canonical(exponent))
        case Call(name, arguments):
            return _call(name, [canonical(a) for a in arguments])
        case Where(condition, yes, no):
            left, right = canonical(condition.left), canonical(condition.right)
            return Where(Compare(condition.operator, left, right), canonical(yes), canonical(no))
        case Shape(model, arguments):
            return Shape(model, tuple(canonical(a) for a in arguments))
    return tree


@lru_cache(maxsize=10_000)
def negative(tree: Tree) -> Tree:
    """Minus a canonical tree, canonical itself."""
    match tree:
        case Sum(terms):
            return _sum(map(negative, terms))
        case Quotient(numerator, denominator):
            return Quotient(_opposite(numerator), denominator)
    return _opposite(tree)


def _opposite(tree: Tree) -> Tree:
    """Minus a product; a sum in it keeps its sign, and so do `_sizes`."""
    match tree:
        case Constant(value):
            return Constant(0.0 - value)  # no negative zero
        case Product((Constant(value), *rest)) if value < 0 or not isinstance(rest[0], Constant):
            return _product(0.0 - value, rest)
        case Product(factors):
            return Product((MINUS_ONE, *factors))
    return Product((MINUS_ONE, tree))


def _is_negative(tree: Tree) -> bool:
    match tree:
        case Constant(value):
            return value < 0
        case Product((first, *_)) | Sum((first, *_)) | Quotient(first):
            return _is_negative(first)
    return False


def _unsigned(tree: Tree) -> Tree:
    return negative(tree) if _is_negative(tree) else tree


def _rank(tree: Tree) -> tuple[int, bool, str, bool]:
    """To sort by: x, parameters, numbers, then what is the same for all x; the sign comes last."""
    plain = _unsigned(tree)
    kinds = [isinstance(plain, kind) for kind in (Input, Param, Constant)]
    return kinds.index(True) if any(kinds) else 3, plain.has_input, plain.key, plain is not tree


def _is_exact(tree: Tree) -> bool:
    """Whether a tree is made of exact terms alone."""
    match tree:
        case Input() | Param() | Constant():
            return True
        case Product((Constant(-1.0), other)):
            return isinstance(other, Input | Param)
        case Sum(terms):
            return all(map(_is_exact, terms))
    return False


def _sum(terms: Iterable[Tree]) -> Tree:
    flat: list[Tree] = []
    for term in terms:
        flat += term.terms if isinstance(term, Sum) and not _is_exact(term) else [term]
    zero: Tree = ZERO
    exact = reduce(_pair, filter(_is_exact, flat), zero)
    others = sorted((t for t in flat if not _is_exact(t)), key=_rank)
    if exact != ZERO or not others:
        others.insert(0, exact)
    return others[0] if len(others) == 1 else Sum(tuple(others))


def _pair(one: Tree, other: Tree) -> Tree:
    """The sum of two exact terms; numbers are added if that loses nothing.

    A term is added at the end of a sum. Were each pair a node, a long sum would nest too deeply.
    """
    match one, other:
        case Constant(0.0), _:
            return other
        case _, Constant(0.0):
            return one
        case Constant(a), Constant(b) if math.isfinite(a + b):
            return Constant(a + b)
        case (Sum(terms), Constant(b)) | (Constant(b), Sum(terms)):
            *before, last = terms
            pairs = [(before, last)] if len(before) > 1 else [(before, last), ([last], before[0])]
            for rest, number in pairs:
                if isinstance(number, Constant) and _adds_exactly(number.value, b):
                    left = rest[0] if len(rest) == 1 else Sum(tuple(rest))
                    return _pair(left, Constant(number.value + b))
        case (Sum(), Sum()):
            return Sum(tuple(sorted((one, other), key=_rank)))
    match one, other:
        case (Sum(terms), term) | (term, Sum(terms)):
            return Sum((*terms, term))
    return Sum(tuple(sorted((one, other), key=_rank)))


def _adds_exactly(a: float, b: float) -> bool:
    return math.isfinite(a + b) and Fraction(a) + Fraction(b) == Fraction(a + b)


def _quotient(above: Iterable[Tree], below: Iterable[Tree], *, done: bool = True) -> Tree:
    """The product of some trees over the product of others, all their factors at once.

    `done`: they are canonical already; to do it again at every level would take for ever.
    """
    factors: tuple[list[Tree], list[Tree]] = ([], [])
    numbers: tuple[list[float], list[float]] = ([], [])

    def gather(tree: Tree, side: int, done: bool) -> None:
        match tree:
            case Constant(value):
                numbers[side].append(value)
            case Product(inner):
                for factor in inner:
                    gather(factor, side, done)
            case Quotient(numerator, denominator):
                gather(numerator, side, done)
                gather(denominator, 1 - side, done)
            case _ if not done:
                gather(canonical(tree), side, True)
            case Sum() if _is_negative(tree):
                numbers[0].append(-1.0)
                factors[side].append(negative(tree))
            case _:
                factors[side].append(tree)

    for tree in above:
        gather(tree, 0, done)
    for tree in below:
        gather(tree, 1, done)
    over, under, kept = _coefficients(*numbers)
    numerator = _sorted_powers(factors[0]) + kept[0]
    denominator = _product(under, _sorted_powers(factors[1]) + kept[1])
    if denominator == ONE:
        alone = over == -1 and len(numerator) == 1 and isinstance(numerator[0], Sum)
        return negative(numerator[0]) if alone else _product(over, numerator)
    return Quotient(_product(over, numerator), denominator)


def _coefficients(
    above: Sequence[float], below: Sequence[float]
) -> tuple[float, float, tuple[list[Tree], list[Tree]]]:
    """Numbers multiplied: above, below, and as factors on each side what is no ordinary number.

    One number above is enough, but x / 3 stays a quotient: a third is no double.
    """
    ratio = math.prod(map(Fraction, above), start=Fraction(1))
    divisor = math.prod(map(Fraction, below), start=Fraction(1))
    if ratio == 0:
        return 0.0, 1.0, ([], list(map(Constant, below)) if divisor == 0 else [])
    if divisor == 0 or not SMALLEST < abs(ratio / divisor) < LARGEST:
        # one sign for all, so that minus this product is canonical, too
        sign = math.prod(math.copysign(1.0, number) for number in (*above, *below))
        return sign, 1.0, (_sizes(above), _sizes(below))
    ratio /= divisor
    size, sign = abs(ratio), 1.0 if ratio > 0 else -1.0
    whole = Fraction(float(1 / size)) * size == 1
    if whole and size.numerator & (size.numerator - 1) == 0 and Fraction(float(size)) != size:
        return sign, float(1 / size), ([], [])
    return float(ratio), 1.0, ([], [])


def _sizes(numbers: Iterable[float]) -> list[Tree]:
    return [Constant(size) for size in sorted(map(abs, numbers)) if size != 1]


def _product(number: float, factors: Sequence[Tree]) -> Tree:
    if not factors:
        return Constant(number)
    match factors:
        case [Constant(value)] if abs(number) == 1:
            return Constant(number * value)
        case [factor] if number == 1:
            return factor
    return Product(tuple(factors) if number == 1 else (Constant(number), *factors))


def _sorted_powers(factors: Iterable[Tree]) -> list[Tree]:
    """Factors in order, equal ones as a power."""
    exponents: dict[Tree, int] = {}
    for factor in factors:
        base, exponent = _base_and_exponent(factor)
        exponents[base] = exponents.get(base, 0) + exponent
    powers = [Power(b, Constant(float(n))) if n > 1 else b for b, n in exponents.items()]
    return sorted(powers, key=lambda t: (t.has_input, _rank(t)))


def _base_and_exponent(tree: Tree) -> tuple[Tree, int]:
    match tree:
        case Power(base, Constant(value)) if value.is_integer() and 1 <= value <= INTEGER_POWERS:
            return base, int(value)
    return tree, 1


def _power(base: Tree, exponent: Tree) -> Tree:
    if not isinstance(exponent, Constant):
        return Power(base, exponent)
    value = exponent.value
    if value < 0:
        return _quotient([ONE], [_power(base, Constant(-value))])
    if value == 0.5:
        return Call("sqrt", (base,))
    if not (value.is_integer() and 1 <= value <= INTEGER_POWERS):
        return Power(base, exponent)
    n = int(value)
    if n % 2 and _is_negative(base):
        return negative(_whole_power(negative(base), n))
    return _whole_power(_unsigned(base), n)


def _whole_power(base: Tree, n: int) -> Tree:
    inner, m = _base_and_exponent(base)
    match base:
        case _ if n == 1:
            return base
        case Constant(value):
            return _folded_power(value, n)
        case Product(factors) if n == 2:
            return _quotient([_square(f) for f in factors], [])
        case Quotient(numerator, denominator) if n == 2:
            return _quotient([_square(numerator)], [_square(denominator)])
    return (
        Power(inner, Constant(float(m * n)))
        if m * n <= INTEGER_POWERS
        else Power(base, Constant(float(n)))
    )


def _square(tree: Tree) -> Tree:
    return _power(tree, Constant(2.0))


def _folded_power(value: float, n: int) -> Tree:
    try:
        power = value**n
    except OverflowError:
        power = 0.0
    return Constant(power) if power else Power(Constant(value), Constant(float(n)))


def _call(name: str, arguments: Sequence[Tree]) -> Tree:
    if name in COMMUTATIVE:
        arguments = sorted(arguments, key=_rank)
    if name in EVEN:
        arguments = [_unsigned(a) for a in arguments]
    return Call(name, tuple(arguments))
