"""Where the lines that make kinks and jumps cross 0, once the parameters are known."""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from models.formula.canonical import ONE
from models.formula.evaluate import evaluate, evaluate_guarded, holds, is_polynomial
from models.formula.kinks import Line, boundary
from models.formula.tree import Compare, Quotient, Tree


class Crossings:
    """`places` of some lines, (lines,): the last edge for one that crosses 0 nowhere."""

    def __init__(self, lines: Sequence[Line], params: Sequence[Array], edges: Array):
        self.lines, self.params, self.edges = lines, params, edges
        # all at once: one by one, many of them take long to compile
        trees = zip(*((*_fraction(line.zero), line.slope) for line in lines), strict=True)
        above, below, slopes = (jnp.stack(list(map(self._settled, side))) for side in trees)
        self.crosses = stop_gradient(jnp.isfinite(above / below) & (slopes != 0))
        self.rises = slopes > 0
        places = jnp.where(self.crosses, above, 0.0) / jnp.where(self.crosses, below, 1.0)
        self.places = jnp.where(self.crosses, places, edges[-1])

    def where_holds(self, condition: Compare, below: Array, above: Array) -> Array:
        """What to take for a condition of one of the lines, if it is told for either side of it."""
        line = boundary(condition)
        assert line is not None
        if line.rises is not None:
            return below if line.rises else above
        index = self.lines.index(line)
        anywhere = holds(condition, self.edges[0], self.params)
        is_below = jnp.where(self.crosses[index], self.rises[index], anywhere)
        return jnp.where(is_below, below, above)

    def _settled(self, tree: Tree) -> Array:
        """The value of a tree without x, and without slopes where it is not finite."""
        value = evaluate(tree, jnp.zeros(()), self.params)
        if is_polynomial(tree):
            return value
        finite = jnp.isfinite(stop_gradient(value))
        guarded = evaluate_guarded(tree, jnp.zeros(()), self.params, finite)
        return jnp.where(finite, guarded, stop_gradient(value))


def _fraction(tree: Tree) -> tuple[Tree, Tree]:
    return (tree.numerator, tree.denominator) if isinstance(tree, Quotient) else (tree, ONE)
