"""Units of the parameters, in powers of the units of x and y, from how a formula uses them.

Each of several predictors has a unit of its own. Numbers that are multiplied with a parameter count
as one more: in sin(1647*k/x)^2 it is 1647*k that is like x.

Terms of a sum have one unit, exponents and arguments of exp none. Each such demand is a linear
equation for the unknown powers; they are solved one after the other, in fractions, and a demand
that contradicts those before it is dropped: people write log(x) and 1 + b*x.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from models.formula.tree import (
    Call,
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
from models.model import Density

Symbol = int | str  # parameters by index; "x0", "x1", ..., "y" and "e"; further unknowns by name
Form = dict[Symbol, Fraction]

POWERS = {"sqrt": Fraction(1, 2), "cbrt": Fraction(1, 3), "abs": Fraction(1)}
ALIKE = {"hypot", "max", "min"}
NONE: Form = {}
MOST_LOGARITHM = 700.0  # of a double
LARGE = math.log(10)  # what is smaller belongs to a shape: the 2 of exp(-(x-m)^2/(2*s^2))


@dataclass(frozen=True)
class Unit:
    """Powers of the units of the predictors, those that are not 0 by index, and of y.

    And the number that goes with them, 1 where it is not far from it.
    """

    predictors: tuple[tuple[int, Fraction], ...]
    y: Fraction
    number: float = 1.0


def units(tree: Tree) -> dict[int, Unit]:
    """The unit of each parameter; what nothing is known about has none."""
    demands = _Demands()
    value = demands.form(tree)
    # the demands that people break come last
    equations = [*demands.firm, _difference(value, {"y": Fraction(1)}), *demands.soft]
    solved = _solve(equations)

    def unit(form: Form) -> Unit:
        powers = [(i, form[f"x{i}"]) for i in sorted(tree.inputs) if f"x{i}" in form]
        logarithm = float(form.get("e", 0))
        number = math.exp(logarithm) if LARGE < abs(logarithm) < MOST_LOGARITHM else 1.0
        return Unit(tuple(powers), form.get("y", Fraction(0)), number)

    return {i: unit(solved.get(i, NONE)) for i in sorted(tree.parameters)}


@dataclass
class _Demands:
    """Forms, each to be zero, collected over a tree."""

    firm: list[Form] = field(default_factory=list)
    soft: list[Form] = field(default_factory=list)

    def form(self, tree: Tree) -> Form:
        """The unit of a tree as a linear form in the unknowns."""
        match tree:
            case Input(index):
                return {f"x{index}": Fraction(1)}
            case Param(index):
                return {index: Fraction(1)}
            case Constant(value) if value and math.isfinite(value):
                return _combined({}, {"e": Fraction(math.log(abs(value)))}, Fraction(1))
            case Sum(terms):
                return self._alike(terms)
            case Product(factors):
                total: Form = {}
                for factor in factors:
                    total = _combined(total, self.form(factor), Fraction(1))
                return total
            case Quotient(numerator, denominator):
                return _difference(self.form(numerator), self.form(denominator))
            case Power(base, Constant(exponent)):
                return _combined({}, self.form(base), Fraction(exponent).limit_denominator(1000))
            case Power(base, exponent):
                self.firm.append(self.form(exponent))
                self.soft.append(self.form(base))
                return self._unknown()
            case Call(name, (argument,)):
                form = self.form(argument)
                if name in POWERS:
                    return _combined({}, form, POWERS[name])
                self.firm.append(form)
            case Call(name, arguments):
                form = self._alike(arguments)
                return form if name in ALIKE else {}
            case Where(condition, yes, no):
                self._alike((condition.left, condition.right))
                return self._alike((yes, no))
            case Shape(model, arguments):
                first, *_ = [self.form(argument) for argument in arguments]
                return _difference({}, first) if isinstance(model, Density) else self._unknown()
        return {}

    def _alike(self, trees: Iterable[Tree]) -> Form:
        """One unit for all; numbers may have any, though most have none."""
        forms = [(self.form(t), isinstance(t, Constant)) for t in trees]
        units = [form for form, number in forms if not number] or [{}]
        self.firm += [_difference(units[0], other) for other in units[1:]]
        if any(number for _, number in forms):
            self.soft.append(units[0])
        return units[0]

    def _unknown(self) -> Form:
        symbol = f"unknown {len(self.firm)} {len(self.soft)}"
        self.soft.append({symbol: Fraction(1)})
        return {symbol: Fraction(1)}


def _combined(one: Form, other: Mapping[Symbol, Fraction], factor: Fraction) -> Form:
    total = dict(one)
    for symbol, coefficient in other.items():
        total[symbol] = total.get(symbol, Fraction(0)) + factor * coefficient
    return {symbol: c for symbol, c in total.items() if c}


def _difference(one: Form, other: Form) -> Form:
    return _combined(one, other, Fraction(-1))


def _solve(equations: Iterable[Form]) -> dict[Symbol, Form]:
    """Unknowns in terms of x, y and unknowns left open, by elimination (Gauss and Jordan)."""
    solved: dict[Symbol, Form] = {}
    for equation in equations:
        left = equation
        for symbol in list(equation):
            if symbol in solved:
                rest = {s: c for s, c in left.items() if s != symbol}
                left = _combined(rest, solved[symbol], left.get(symbol, Fraction(0)))
        unknown = [s for s in left if not (isinstance(s, str) and s[0] in "xye")]
        if not unknown:
            continue
        symbol = unknown[0]
        factor = left[symbol]
        value = {s: -c / factor for s, c in left.items() if s != symbol}
        for other, form in solved.items():
            if symbol in form:
                rest = {s: c for s, c in form.items() if s != symbol}
                solved[other] = _combined(rest, value, form[symbol])
        solved[symbol] = value
    return solved
