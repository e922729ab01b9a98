"""A formula's integral over bins: exact where a shape of the library is, quadrature elsewhere."""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from models.formula.bands import without_bands
from models.formula.canonical import ONE, canonical
from models.formula.crossings import Crossings
from models.formula.evaluate import (
    UNKNOWN,
    Sides,
    evaluate,
    evaluate_guarded,
    has_values_anywhere,
    may_overflow,
)
from models.formula.kinks import MOST_MOVING, X, boundary, kinks, straight
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


def integrate(tree: Tree, edges: Array, params: Sequence[Array]) -> Array:
    """Integral of a canonical tree over each bin, (bins + 1,) edges to (bins,)."""
    return _Integration(params).integrals(without_bands(tree), jnp.asarray(edges, dtype=float))


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
                integral = model.integral
                if isinstance(model, Density):
                    integral = model.normalised_probability
                if line.slope == ONE:
                    return integral(moved, *handed)
                slope = self._number(line.slope)
                if line.rises:
                    return integral(slope * moved, *handed) / slope
                # edges have to rise, too, where x is mirrored
                return integral(slope * moved[::-1], *handed)[::-1] / -slope
            case Where(condition, yes, no) if _is_special(tree):
                return self._pieces(condition, yes, no, edges)
        return self._by_quadrature(tree, edges)

    def _number(self, tree: Tree) -> Array:
        """The value of a tree without x."""
        return self._value(tree, jnp.zeros(()))

    def _pieces(self, condition: Compare, yes: Tree, no: Tree, edges: Array) -> Array:
        """Each branch on its own side of the place where the condition changes."""
        crossings = Crossings([boundary(condition) or X], self.params, edges)
        place = within(edges, crossings.places[0])
        # a place at an edge moves to the right
        low, high = jnp.where(edges <= place, edges, place), jnp.where(edges > place, edges, place)
        inner = _Integration(self.params, clipped=True)
        held = inner.integrals(yes, crossings.where_holds(condition, low, high))
        return held + inner.integrals(no, crossings.where_holds(condition, high, low))

    def _by_quadrature(self, tree: Tree, edges: Array) -> Array:
        lines, marks = kinks(tree), self._edges_of_shapes(tree, edges)
        if not lines and not marks:
            value = self._guarded if self.clipped else self._value
            return bin_integrals(lambda x: value(tree, x), edges, QUADRATURE_ORDER)
        if not lines:
            places = jnp.stack(marks)
            return cut_integrals(
                lambda x, _: self._guarded(tree, x), edges, places, QUADRATURE_ORDER
            )
        crossings = Crossings(lines, self.params, edges)
        places = jnp.concatenate([crossings.places, *(mark[None] for mark in marks)])
        turns = {
            node: lines.index(line)
            for node in tree.walk()
            if isinstance(node, Compare) and (line := boundary(node)) in lines
        }

        def integrand_beside(x: Array, below: Array) -> Array:
            sides = {c: crossings.where_holds(c, below[i], ~below[i]) for c, i in turns.items()}
            return self._guarded(tree, x, sides)

        return cut_integrals(integrand_beside, edges, places, QUADRATURE_ORDER)

    def _edges_of_shapes(self, tree: Tree, edges: Array) -> list[Array]:
        """Where densities in the tree have edges and kinks of their own."""
        found: list[Array] = []
        for node in dict.fromkeys(tree.walk()):
            if not isinstance(node, Shape) or not isinstance(node.model, Density):
                continue
            first, *rest = node.arguments
            line = straight(first)
            if line is None or any(t.has_input for t in rest):
                continue
            zero, slope = self._number(line.zero), self._number(line.slope)
            level = slope == 0
            for mark in node.model.cuts(jnp.ones(()), *map(self._number, rest)):
                place = zero + mark / jnp.where(level, 1.0, slope)
                known = jnp.isfinite(stop_gradient(place)) & ~level
                found.append(jnp.where(known, place, edges[-1]))
        return found[:MOST_MOVING]

    def _value(self, tree: Tree, x: Array) -> Array:
        return evaluate(tree, x, self.params)

    def _guarded(self, tree: Tree, x: Array, sides: Sides = UNKNOWN) -> Array:
        """Values at the nodes of pieces, 0 in those that are empty where there is no value.

        An empty piece has slopes: it begins at an edge and ends at a place there.
        """
        known = evaluate(tree, x, self.params, sides)
        # what is cut off may overflow
        if has_values_anywhere(tree) and not (self.clipped and may_overflow(tree)):
            return known
        some = (x[:, :1] != x[:, -1:]) | jnp.isfinite(stop_gradient(known))
        return evaluate_guarded(tree, x, self.params, some, sides)


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
            known = line is not None and line.rises is not None  # or the slope is a parameter
            return known and not any(t.has_input for t in rest)
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
