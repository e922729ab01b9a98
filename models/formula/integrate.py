"""A formula's integral over bins: exact where a shape of the library is, quadrature elsewhere."""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from models.formula.canonical import canonical
from models.formula.evaluate import (
    evaluate,
    evaluate_guarded,
    has_values_anywhere,
    holds,
    may_overflow,
)
from models.formula.kinks import Line, X, boundary, kinks, straight
from models.formula.tree import (
    Compare,
    Product,
    Quotient,
    Shape,
    Sum,
    Tree,
    Where,
)
from models.model import QUADRATURE_ORDER, Density
from models.quadrature import bin_integrals, cut_integrals, within

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
            case Product() if jump := _spread(tree):
                return self.integrals(jump, edges)
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
                return self._pieces(condition, yes, no, edges)
        return self._by_quadrature(tree, edges)

    def _number(self, tree: Tree) -> Array:
        """The value of a tree without x."""
        return evaluate(tree, jnp.zeros(()), self.params)

    def _place(self, line: Line, edges: Array) -> Array:
        """Where a line crosses 0; the last edge, if nowhere."""
        crosses = self._crosses(line)
        place = evaluate_guarded(line.zero, jnp.zeros(()), self.params, crosses)
        return jnp.where(crosses, place, edges[-1])

    def _crosses(self, line: Line) -> Array:
        zero, slope = map(self._number, (line.zero, line.slope))
        return stop_gradient(jnp.isfinite(zero) & (slope != 0))

    def _holds_below(self, condition: Compare, line: Line, edges: Array) -> Array | bool:
        """Whether a condition holds below the place of its line; a level one does anywhere."""
        if line.rises is not None:
            return line.rises
        rises = self._number(line.slope) > 0
        return jnp.where(self._crosses(line), rises, holds(condition, edges[0], self.params))

    def _pieces(self, condition: Compare, yes: Tree, no: Tree, edges: Array) -> Array:
        """Each branch on its own side of the place where the condition changes."""
        line = boundary(condition) or X
        place = within(edges, self._place(line, edges))
        # a place at an edge moves to the right
        low, high = jnp.where(edges <= place, edges, place), jnp.where(edges > place, edges, place)
        below = self._holds_below(condition, line, edges)
        inner = _Integration(self.params, clipped=True)
        held, rest = _chosen(below, low, high), _chosen(below, high, low)
        return inner.integrals(yes, held) + inner.integrals(no, rest)

    def _by_quadrature(self, tree: Tree, edges: Array) -> Array:
        lines = kinks(tree)[:MOST_KINKS]
        # what is cut off may overflow
        anywhere = has_values_anywhere(tree) and not (self.clipped and may_overflow(tree))
        if not lines and (anywhere or not self.clipped):
            return bin_integrals(lambda x: evaluate(tree, x, self.params), edges, QUADRATURE_ORDER)
        conditions = {
            node: (lines.index(line), self._holds_below(node, line, edges))
            for node in tree.walk()
            if isinstance(node, Compare) and (line := boundary(node)) in lines
        }

        def guarded(x: Array, below: Array) -> Array:
            sides = {c: _chosen(rises, below[i], ~below[i]) for c, (i, rises) in conditions.items()}
            known = evaluate(tree, x, self.params, sides)
            if anywhere:
                return known
            # an empty piece has slopes, unless the tree has no value there
            some = (x[:, :1] != x[:, -1:]) | jnp.isfinite(stop_gradient(known))
            return evaluate_guarded(tree, x, self.params, some, sides)

        if not lines:
            return bin_integrals(lambda x: guarded(x, x), edges, QUADRATURE_ORDER)
        places = jnp.array([self._place(line, edges) for line in lines])
        return cut_integrals(guarded, edges, places, QUADRATURE_ORDER)


def _chosen(condition: Array | bool, yes: Array, no: Array) -> Array:
    if isinstance(condition, bool):
        return yes if condition else no
    return jnp.where(condition, yes, no)


def _is_special(tree: Tree) -> bool:
    """Whether a plain quadrature is not the best for a tree."""
    match tree:
        case Sum(terms):
            return any(map(_is_special, terms))
        case Product(factors):
            varying = [f for f in factors if f.has_input]
            return (len(varying) == 1 and _is_special(varying[0])) or _spread(tree) is not None
        case Quotient(numerator, denominator):
            return not denominator.has_input and _is_special(numerator)
        case Shape(_, (first, *rest)):
            line = straight(first)
            shifted = line is not None and line.slope == X.slope
            return shifted and not any(t.has_input for t in rest)
        case Where(condition):
            return boundary(condition) is not None
    return False


def _spread(tree: Product) -> Where | None:
    """A product with a jump as a jump between products, if that leaves these to their shapes."""
    jumps = [f for f in tree.factors if isinstance(f, Where) and _is_special(f)]
    others = tuple(f for f in tree.factors if f not in jumps)
    if len(jumps) != 1 or not any(f.has_input for f in others):
        return None
    (jump,) = jumps
    branches = [canonical(Product((*others, branch))) for branch in (jump.yes, jump.no)]
    if any(b.has_input and not _is_special(b) for b in branches):
        return None
    return Where(jump.condition, *branches)
