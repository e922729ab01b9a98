"""A tree to the JAX operations that compute it."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from types import MappingProxyType

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from models.formula.functions import FUNCTIONS, INTEGER_POWERS, integer_power, real_power
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
from models.model import Density, Model

#: Functions whose values span more than the range of a double soon.
STEEP = {"exp", "expm1", "sinh", "cosh"}
#: Functions with a finite value and slope of any number, but for overflow.
ENTIRE = STEEP | {"abs", "atan", "cos", "erf", "erfc", "max", "min", "sin", "tanh"}


#: Conditions of which is known where they hold.
Sides = Mapping[Compare, Array]
UNKNOWN: Sides = MappingProxyType({})


def evaluate(
    tree: Tree,
    x: Array | tuple[Array, ...],
    params: Sequence[Array],
    sides: Sides = UNKNOWN,
) -> Array:
    """Value at x, of the shape of x; a tuple holds an array for each predictor."""
    inputs = tuple(jnp.asarray(one, dtype=float) for one in (x if isinstance(x, tuple) else (x,)))
    value = _Evaluation(inputs, _arrays(tree, params), sides).value(tree)
    return jnp.broadcast_to(value, inputs[0].shape)


def evaluate_guarded(
    tree: Tree, x: Array, params: Sequence[Array], chosen: Array, sides: Sides = UNKNOWN
) -> Array:
    """Value at x where chosen, else 0; there the slopes are 0 too, whatever the tree does."""
    evaluation = _Evaluation((x,), _arrays(tree, params), sides)
    return jnp.where(chosen, evaluation.branch(tree, chosen), 0.0)


def holds(condition: Compare, x: Array, params: Sequence[Array]) -> Array:
    """Whether a condition holds at x."""
    return _Evaluation((x,), _arrays(condition, params), UNKNOWN).holds(condition)


def _arrays(tree: Tree, params: Sequence[Array]) -> dict[int, Array]:
    return {i: jnp.asarray(params[i], dtype=float) for i in tree.parameters}


class _Evaluation:
    """Values of trees at one x and one set of parameters; each tree is computed once."""

    def __init__(self, inputs: tuple[Array, ...], params: dict[int, Array], sides: Sides):
        self.inputs = inputs
        self.params = params
        self.sides = sides
        self.known: dict[Tree, Array] = {}

    def value(self, tree: Tree) -> Array:
        if tree not in self.known:
            self.known[tree] = self._value(tree)
        return self.known[tree]

    def _value(self, tree: Tree) -> Array:
        match tree:
            case Constant(value):
                return jnp.asarray(value)
            case Input(index):
                return self.inputs[index]
            case Param(index):
                return self.params[index]
            case Sum((first, *rest)):
                total = self.value(first)
                for term in rest:
                    total = total + self.value(term)
                return total
            case Product(factors):
                return self._product(factors)
            case Quotient(numerator, denominator):
                return self._quotient(numerator, denominator)
            case Power(base, Constant(n)) if n.is_integer() and abs(n) <= INTEGER_POWERS:
                return integer_power(self.value(base), int(n))
            case Power(base, exponent):
                return self._power(base, exponent)
            case Call(name, arguments):
                return FUNCTIONS[name].compute(*map(self.value, arguments))
            case Where(condition, yes, no):
                holds = self.holds(condition)
                return jnp.where(holds, self.branch(yes, holds), self.branch(no, ~holds))
            case Shape(model, arguments):
                return shape_value(model, *map(self.value, arguments))
        raise AssertionError(tree)

    def holds(self, condition: Compare) -> Array:
        if condition in self.sides:
            return self.sides[condition]
        left, right = self.value(condition.left), self.value(condition.right)
        return left < right if condition.operator == "<" else left <= right

    def _product(self, factors: Sequence[Tree]) -> Array:
        first, *rest = factors
        if rest and first == MINUS_ONE:
            return -self._product(rest)
        total = self.value(first)
        for factor in rest:
            total = total * self.value(factor)
        return total

    def _quotient(self, numerator: Tree, denominator: Tree) -> Array:
        """Steep factors in turn: x^k exp(-x) / 170! overflows if either side is multiplied out."""
        above, below = _factors(numerator), _factors(denominator)
        steep = [f for f in below if _is_steep(f)]
        if len(above) + len(steep) < 3:
            return self._divided(self.value(numerator), denominator)
        total = self._product([f for f in above if not _is_steep(f)] or [Constant(1.0)])
        tame = [f for f in below if not _is_steep(f)]
        if tame:
            total = total / self._product(tame)
        for factor, divisor in zip_longest([f for f in above if _is_steep(f)], steep):
            total = total if factor is None else total * self.value(factor)
            total = total if divisor is None else self._divided(total, divisor)
        return total

    def _divided(self, above: Array, denominator: Tree) -> Array:
        below = self.value(denominator)
        if not may_overflow(denominator):
            return above / below
        finite = jnp.isfinite(stop_gradient(below))
        guarded = jnp.where(finite, self.branch(denominator, finite), 1.0)
        return jnp.where(finite, above / guarded, stop_gradient(above / below))

    def _power(self, base: Tree, exponent: Tree) -> Array:
        """Like a quotient, a negative power of what overflowed has a value, and slope 0."""
        known, power = self.value(base), self.value(exponent)
        if not may_overflow(base):
            return real_power(known, power)
        finite = jnp.isfinite(stop_gradient(known))
        guarded = jnp.where(finite, self.branch(base, finite), 1.0)
        beyond = stop_gradient(real_power(known, power))
        return jnp.where(finite, real_power(guarded, power), beyond)

    def branch(self, tree: Tree, chosen: Array) -> Array:
        """A branch whose slopes vanish where it is not chosen, even if they are infinite there.

        Backwards, `where` hands a 0 to the branch not chosen, and 0 times an infinite slope is
        none; passing on to x and the parameters, it becomes 0 again.
        """
        if is_polynomial(tree):
            return self.value(tree)
        guarded = {
            i: jnp.where(chosen, p, stop_gradient(p))
            for i, p in self.params.items()
            if i in tree.parameters
        }
        inputs = tuple(jnp.where(chosen, x, stop_gradient(x)) for x in self.inputs)
        return _Evaluation(inputs, guarded, self.sides).value(tree)


def shape_value(model: Model, x: Array, *params: Array) -> Array:
    """The pdf of a density, the value of a curve; parameters may vary with x."""
    function = model.normalised_pdf if isinstance(model, Density) else model.value
    if all(p.ndim == 0 for p in params):
        return function(jnp.asarray(x), *params)
    arrays = jnp.broadcast_arrays(x, *params)

    def single(x: Array, *own: Array) -> Array:
        return function(x[None], *own)[0]

    return jax.vmap(single)(*(a.ravel() for a in arrays)).reshape(arrays[0].shape)


def _factors(tree: Tree) -> tuple[Tree, ...]:
    return tree.factors if isinstance(tree, Product) else (tree,)


def _is_steep(tree: Tree) -> bool:
    match tree:
        case Call(name):
            return name in STEEP
        case Power(_, Constant(n)):
            return abs(n) > 8
        case Power():
            return True
    return False


def may_overflow(tree: Tree) -> bool:
    """Whether there are functions in it that do so soon."""
    return any(map(_is_steep, tree.walk()))


def is_polynomial(tree: Tree) -> bool:
    """Whether slopes are finite everywhere."""
    return all(isinstance(t, Sum | Product | Constant | Input | Param) for t in tree.walk())


def has_values_anywhere(tree: Tree) -> bool:
    """Whether it is plain to see that no x is without a finite value and slopes."""
    if not tree.has_input:
        return True
    match tree:
        case Quotient(_, denominator) if denominator.has_input:
            return False
        case Power(_, exponent) if not (
            isinstance(exponent, Constant) and exponent.value > 0 and exponent.value.is_integer()
        ):
            return False
        case Call(name) if name not in ENTIRE:
            return False
        case Shape():
            return False
    return all(map(has_values_anywhere, tree.children))
