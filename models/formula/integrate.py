"""A formula's integral over bins: exact where a shape of the library is, quadrature elsewhere."""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from models.formula.canonical import ONE, ZERO, canonical, negative
from models.formula.evaluate import evaluate, evaluate_guarded
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
from models.model import QUADRATURE_ORDER, Density
from models.quadrature import bin_integrals, split_integrals

MOST_KINKS = 4


def integrate(tree: Tree, edges: Array, params: Sequence[Array]) -> Array:
    """Integral of a canonical tree over each bin, (bins + 1,) edges to (bins,)."""
    return _Integration(params).integrals(tree, jnp.asarray(edges, dtype=float))


class _Integration:
    """`clipped`: bins may have been cut off where the tree has no value; these count nothing."""

    def __init__(self, params: Sequence[Array], *, clipped: bool = False):
        self.params = params
        self.clipped = clipped

    def integrals(self, tree: Tree, edges: Array) -> Array:
        if not tree.has_input:
            return self._number(tree) * jnp.diff(edges)
        match tree:
            case Sum(terms) if any(map(_is_special, terms)):
                rest = tuple(t for t in terms if not _is_special(t))
                total = sum(self.integrals(t, edges) for t in terms if _is_special(t))
                return total + self.integrals(Sum(rest), edges) if rest else jnp.asarray(total)
            case Product(factors) if _is_special(tree):
                (varying,) = (f for f in factors if f.has_input)
                constant = Product(tuple(f for f in factors if not f.has_input))
                return self._number(constant) * self.integrals(varying, edges)
            case Quotient(numerator, denominator) if _is_special(tree):
                return self.integrals(numerator, edges) / self._number(denominator)
            case Shape(model, (first, *rest_of)) if _is_special(tree):
                _, place = _crossing(first) or (ONE, ZERO)
                moved = edges if first == Input() else edges - self._number(place)
                handed = [self._number(argument) for argument in rest_of]
                if isinstance(model, Density):
                    return model.normalised_probability(moved, *handed)
                return model.integral(moved, *handed)
            case Where(condition, yes, no) if _is_special(tree):
                below, place = _turn(condition) or (True, ZERO)
                return self._pieces(below, place, yes, no, edges)
        return self._by_quadrature(tree, edges, kinks(tree)[:MOST_KINKS])

    def _number(self, tree: Tree) -> Array:
        """The value of a tree without x."""
        return evaluate(tree, jnp.zeros(()), self.params)

    def _pieces(self, below: bool, place: Tree, yes: Tree, no: Tree, edges: Array) -> Array:
        """Each branch on its own side of the place where the condition changes."""
        point = self._number(place)
        left, right = (yes, no) if below else (no, yes)
        inner = _Integration(self.params, clipped=True)
        total = inner.integrals(left, jnp.where(edges < point, edges, point))
        return total + inner.integrals(right, jnp.where(edges > point, edges, point))

    def _by_quadrature(self, tree: Tree, edges: Array, cuts: Sequence[Tree]) -> Array:
        if cuts:
            first, *others = cuts
            place = self._number(first)
            place = jnp.where(jnp.isfinite(place), place, edges[0])
            return split_integrals(lambda e: self._by_quadrature(tree, e, others), edges, place)
        if not self.clipped:
            return bin_integrals(lambda x: evaluate(tree, x, self.params), edges, QUADRATURE_ORDER)
        full = stop_gradient(jnp.diff(edges) != 0)

        def guarded(x: Array) -> Array:
            return evaluate_guarded(tree, x, self.params, jnp.broadcast_to(full[:, None], x.shape))

        return bin_integrals(guarded, edges, QUADRATURE_ORDER)


def _is_special(tree: Tree) -> bool:
    """Whether a plain quadrature is not the best for a tree."""
    match tree:
        case Sum(terms):
            return any(map(_is_special, terms))
        case Product(factors):
            varying = [f for f in factors if f.has_input]
            return len(varying) == 1 and _is_special(varying[0])
        case Quotient(numerator, denominator):
            return not denominator.has_input and _is_special(numerator)
        case Shape(_, (first, *rest)):
            slope, _ = _crossing(first) or (ZERO, ZERO)
            return slope == ONE and not any(t.has_input for t in rest)
        case Where(condition):
            return _turn(condition) is not None
    return False


def kinks(tree: Tree) -> list[Tree]:
    """The places, trees without x, at which the tree has a kink that can be told beforehand."""
    found: dict[Tree, None] = {}
    for node in tree.walk():
        match node:
            case Call("abs", (argument,)):
                differences = [argument]
            case Call("max" | "min", (first, *rest)):
                differences = [_minus(first, other) for other in rest]
            case Compare():
                differences = [_difference(node)]
            case _:
                continue
        crossings = (_crossing(d) for d in differences)
        found |= {place: None for _, place in filter(None, crossings)}
    return list(found)


def _difference(condition: Compare) -> Tree:
    return _minus(condition.left, condition.right)


def _minus(left: Tree, right: Tree) -> Tree:
    return canonical(Sum((left, negative(right))))


def _crossing(tree: Tree) -> tuple[Tree, Tree] | None:
    """Slope and zero of a straight line in x, both without x; None for any other tree."""
    match tree:
        case Input():
            return ONE, ZERO
        case Product(factors):
            varying = [f for f in factors if f.has_input]
            if varying != [Input()]:
                return None
            return canonical(Product(tuple(f for f in factors if not f.has_input))), ZERO
        case Sum(terms):
            varying = [t for t in terms if t.has_input]
            line = _crossing(varying[0]) if len(varying) == 1 else None
            if line is None:
                return None
            slope, place = line
            others = Sum(tuple(t for t in terms if not t.has_input))
            return slope, canonical(Sum((place, negative(canonical(Quotient(others, slope))))))
    return None


def _turn(condition: Compare) -> tuple[bool, Tree] | None:
    """Whether the condition holds below a place or above it, and the place, if so."""
    match _crossing(_difference(condition)):
        case Constant(slope), place if slope:
            return slope > 0, place
    return None
