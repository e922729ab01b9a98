"""From text to tree, through an allowlist over Python's own parser; nothing is ever executed.

The words of a formula are known and in order before Python sees them (`tokens`), and Python sees
a stand-in for each name and number, so no name means anything to it. The powers ^ and ** are one.
"""

import ast
import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from models.formula.elsewhere import instead_of
from models.formula.errors import FormulaError
from models.formula.functions import FUNCTIONS
from models.formula.names import (
    CONSTANTS,
    PREDICTOR,
    check_declared,
    found_parameters,
    used_predictors,
)
from models.formula.tokens import Word, split
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
    call_parameters,
)
from models.model import Model
from models.nearest import nearest

DIGITS = frozenset("123456789")


@dataclass(frozen=True)
class Limits:
    """How large a formula may be: its compilation takes time and memory."""

    length: int = 2000
    nodes: int = 300
    depth: int = 50
    parameters: int = 400


@dataclass(frozen=True)
class Parsed:
    """A tree, and the names of parameters and predictors in the order of their indices."""

    tree: Tree
    names: tuple[str, ...]
    predictors: tuple[str, ...] = (PREDICTOR,)


def parse(
    text: str,
    shapes: Mapping[str, type[Model]],
    parameters: Sequence[str] | None = None,
    limits: Limits = Limits(),
    columns: Sequence[str] | None = None,
) -> Parsed:
    """The tree of a formula in x that may call these shapes; FormulaError says what is wrong.

    Every name that is neither x nor pi nor called is a parameter, in order of appearance, and
    refused if it was rather meant for something else (`names.other_meaning`); with `parameters`
    these alone are, in their order. With `columns` these are the predictors instead of x; they too
    are numbered in order of appearance, those that do not appear are left out.
    """
    if len(text) > limits.length:
        raise FormulaError(
            f"{len(text)} characters; at most {limits.length} are allowed", limits.length + 1
        )
    words = split(text, limits.depth)
    predictors = (PREDICTOR,) if columns is None else used_predictors(words, columns)
    names = found_parameters(words, predictors, shapes) if parameters is None else tuple(parameters)
    if len(names) > limits.parameters:
        raise FormulaError(f"{len(names)} parameters; at most {limits.parameters} are allowed")
    if parameters is not None:
        check_declared(words, names, predictors)
    tree = _Reader(words, names, predictors, shapes, limits).read()
    if tree.size > limits.nodes:
        raise FormulaError(
            f"the formula has {tree.size} terms, factors and calls; "
            f"at most {limits.nodes} are allowed",
            1,
        )
    if not names:
        raise FormulaError("the formula has no parameter to fit", 1)
    return Parsed(tree, names, predictors)


class _Reader:
    """Reads one formula."""

    def __init__(
        self,
        words: Sequence[Word],
        names: Sequence[str],
        predictors: Sequence[str],
        shapes: Mapping[str, type[Model]],
        limits: Limits,
    ):
        self.words = words
        self.index = {name: i for i, name in enumerate(names)}
        self.inputs = {name: i for i, name in enumerate(predictors)}
        self.shapes = shapes
        self.limits = limits
        # a stand-in for each word: no name or number of the client reaches Python
        stand_ins = [w.text if w.kind == "operator" else f"w{i}" for i, w in enumerate(words)]
        self.text = " ".join(stand_ins)
        self.starts = [0]
        for stand_in in stand_ins[:-1]:
            self.starts.append(self.starts[-1] + len(stand_in) + 1)

    def read(self) -> Tree:
        try:
            body = ast.parse(self.text, mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            raise FormulaError(
                "the formula is too long or too deeply nested; simplify it", 1
            ) from None
        return self._tree(body, 1)

    def _column(self, node: ast.expr) -> int:
        return self._word(node).column

    def _word(self, node: ast.expr) -> Word:
        """The first word of a node."""
        return self.words[bisect_right(self.starts, node.col_offset) - 1]

    def _tree(self, node: ast.expr, depth: int) -> Tree:
        if depth > self.limits.depth:
            raise FormulaError(
                f"nested deeper than {self.limits.depth}; simplify the formula", self._column(node)
            )
        below = depth + 1
        match node:
            case ast.Name():
                return self._leaf(self._word(node))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self._tree(operand, below)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._negative(self._tree(operand, below), node)
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                return self._sum(node, below)
            case ast.BinOp(op=ast.Mult() | ast.Div()):
                return self._product(node, below)
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return self._power(self._tree(left, below), self._tree(right, below), node)
            case ast.Call(func=ast.Name() as name, args=args, keywords=[]):
                return self._call(self._word(name), args, below)
            case ast.Compare():
                raise FormulaError(
                    "a comparison stands only in the first place of where(x < a, ..., ...)",
                    self._column(node),
                )
        raise FormulaError("this is no formula; see the examples", self._column(node))

    def _leaf(self, word: Word) -> Tree:
        if word.kind == "number":
            return _number(word)
        if word.text in self.index:
            return Param(self.index[word.text])
        if word.text in self.inputs:
            return Input(self.inputs[word.text])
        if word.text in CONSTANTS:
            return Constant(CONSTANTS[word.text])
        raise FormulaError(
            f"this name is not declared{_nearest(word.text, self.index)}; "
            'add it to "parameters" or leave "parameters" out',
            word.column,
        )

    def _spine(
        self, node: ast.expr, operators: tuple[type[ast.operator], ...], depth: int
    ) -> tuple[Tree, list[tuple[ast.operator, Tree]]]:
        """A chain a + b - c without recursion: a, and the rest with their operators."""
        rest: list[tuple[ast.operator, ast.expr]] = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, operators):
            rest.append((node.op, node.right))
            node = node.left
        first = self._tree(node, depth)
        return first, [(op, self._tree(right, depth)) for op, right in reversed(rest)]

    def _sum(self, node: ast.expr, depth: int) -> Tree:
        first, rest = self._spine(node, (ast.Add, ast.Sub), depth)
        terms = [first]
        terms += [t if isinstance(op, ast.Add) else self._negative(t, node) for op, t in rest]
        return self._folded(Sum(tuple(terms)), node)

    def _product(self, node: ast.expr, depth: int) -> Tree:
        first, rest = self._spine(node, (ast.Mult, ast.Div), depth)
        total = [first]
        below: list[Tree] = []
        for op, factor in rest:
            if isinstance(op, ast.Div) and factor == Constant(0.0):
                raise FormulaError("this divides by zero", self._column(node))
            (total if isinstance(op, ast.Mult) else below).append(factor)
        product = self._folded(_product_of(total), node)
        if not below:
            return product
        # a / 3 / 0.1 is no a / (3 * 0.1), which would round first
        numbers = isinstance(product, Constant) or len(below) == 1
        divisor = _product_of(below)
        return self._folded(
            Quotient(product, self._folded(divisor, node) if numbers else divisor), node
        )

    def _negative(self, tree: Tree, node: ast.expr) -> Tree:
        return self._folded(Product((MINUS_ONE, tree)), node)

    def _power(self, base: Tree, exponent: Tree, node: ast.expr) -> Tree:
        return self._folded(Power(base, exponent), node)

    def _call(self, word: Word, args: Sequence[ast.expr], depth: int) -> Tree:
        name, shape = word.text, self.shapes.get(word.text)
        if name == "where":
            return self._where(word, args, depth)
        if name in FUNCTIONS:
            function = FUNCTIONS[name]
            most = function.most or len(args)
            if not function.least <= len(args) <= most:
                count = f"{function.least}" if function.most else f"at least {function.least}"
                _refuse_count(word, f"{count} argument{'s'[: function.least > 1]}", len(args))
        elif shape is not None:
            wanted = (PREDICTOR, *(p.name for p in call_parameters(shape())))
            if len(args) != len(wanted):
                _refuse_count(
                    word, f"{len(wanted)} arguments, {name}({', '.join(wanted)})", len(args)
                )
        else:
            raise FormulaError(self._unknown(name, len(args)), word.column)
        trees = tuple(self._tree(arg, depth) for arg in args)
        if name == "pow":
            return self._folded(Power(*trees), args[0], word)
        if name in FUNCTIONS:
            return self._folded(Call(name, trees), args[0], word)
        assert shape is not None
        return Shape(shape(), trees)

    def _unknown(self, name: str, arguments: int) -> str:
        if name in self.index or name in (*self.inputs, *CONSTANTS):
            return f"this is not a function; write * for a product, {name}*(...)"
        instead = instead_of(name, self.shapes, one_argument=arguments == 1)
        return f"there is no such function; {instead}"

    def _where(self, word: Word, args: Sequence[ast.expr], depth: int) -> Tree:
        if len(args) != 3:
            _refuse_count(word, "3 arguments, where(x < a, value, other value)", len(args))
        condition, yes, no = args
        if not isinstance(condition, ast.Compare):
            raise FormulaError(
                "the first argument of where is a comparison, as in where(x < a, ..., ...)",
                self._column(condition),
            )
        if len(condition.ops) > 1:
            raise FormulaError(
                "one comparison at a time; write where(a < x, where(x < b, ..., ...), ...)",
                self._column(condition),
            )
        left = self._tree(condition.left, depth)
        right = self._tree(condition.comparators[0], depth)
        if isinstance(condition.ops[0], ast.Gt | ast.GtE):
            left, right = right, left
        strict = isinstance(condition.ops[0], ast.Lt | ast.Gt)
        compare = Compare("<" if strict else "<=", left, right)
        return Where(compare, self._tree(yes, depth), self._tree(no, depth))

    def _folded(self, tree: Tree, node: ast.expr, word: Word | None = None) -> Tree:
        """The number that a tree of constants comes to; another tree as it is."""
        column = word.column if word else self._column(node)
        values = [c.value for c in tree.children if isinstance(c, Constant)]
        if not values or len(values) < len(tree.children) or isinstance(tree, Shape):
            return tree
        try:
            value = float(_fold(tree)(*values))
        except ZeroDivisionError:
            raise FormulaError("this divides by zero", column) from None
        except OverflowError:
            value = math.inf
        except ValueError:
            raise FormulaError("this constant has no value", column) from None
        if not math.isfinite(value):
            raise FormulaError("this constant is too large", column)
        return Constant(value + 0.0)  # no negative zero


def _fold(tree: Tree) -> Callable[..., float]:
    match tree:
        case Sum():
            return lambda *terms: sum(terms)
        case Product():
            return lambda *factors: math.prod(factors)
        case Quotient():
            return lambda above, below: above / below
        case Power():
            return math.pow
        case Call(function=name):
            return FUNCTIONS[name].fold
    raise AssertionError(tree)


def _product_of(factors: Sequence[Tree]) -> Tree:
    return factors[0] if len(factors) == 1 else Product(tuple(factors))


def _number(word: Word) -> Constant:
    value = float(word.text)
    if math.isinf(value):
        raise FormulaError("this constant is too large", word.column)
    mantissa = word.text.lower().split("e")[0]
    if value == 0 and not DIGITS.isdisjoint(mantissa):
        raise FormulaError("this constant is too small; write 0", word.column)
    return Constant(value)


def _refuse_count(word: Word, wanted: str, given: int) -> None:
    raise FormulaError(f"{word.text} takes {wanted}; {given} given", word.column)


def _nearest(name: str, known: Mapping[str, int]) -> str:
    close = nearest(name, known)
    return f"; did you mean {close}?" if close else ""
