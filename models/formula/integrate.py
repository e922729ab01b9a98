"""A formula's integral over bins: exact where a shape of the library is, quadrature elsewhere."""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from models.formula.canonical import ZERO
from models.formula.evaluate import evaluate, evaluate_guarded
from models.formula.kinks import Line, X, boundary, kinks, straight
from models.formula.tree import (
    Compare,
    Constant,
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
                line = straight(first) or X
                moved = edges - self._number(line.zero) if line != X else edges
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
            line = straight(first)
            shifted = line is not None and line.slope == X.slope
            return shifted and not any(t.has_input for t in rest)
        case Where(condition):
            return _turn(condition) is not None
    return False


def _turn(condition: Compare) -> tuple[bool, Tree] | None:
    """Whether the condition holds below a place or above it, and the place, if so."""
    match boundary(condition):
        case Line(Constant(slope), zero):
            return slope > 0, zero
    return None
