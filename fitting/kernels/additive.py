"""Derivatives of a cost that adds up over entries, put together from those of the prediction.

mu = sum_j f_j(p_j), where each term f_j has a few of the parameters. For a cost sum_i c_i(mu_i)

    gradient  J'c'
    Hessian   J' diag(c'') J + sum_i c'_i d2 mu_i / dp dp'

and each term has its own columns of J = dmu/dp and its own block of the second sum (that of
partially separable functions; A. Griewank and P. Toint, Numer. Math. 39 (1982) 119). The general
way (`whole`) drags a direction for each parameter through all terms and the cost. Equal terms are
stacked and compiled once, however many there are. Where there is one term it is no slower, mostly
faster, and compiles in less time.

`Terms` takes all directions at once, as one array more, and adds up by products of matrices.
`FewParameters` takes one parameter after the other: what does not depend on it is known to, and
each sum over entries fuses with what it is of. Per entry that is up to ten times faster; for many
parameters it would take long to compile.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from fitting.kernels.costs import OfPrediction
from models.composition.sum import MANY, add_arrays, grouped
from models.model import Model

MOST_FORWARD = 10  # parameters; measured, forward and reverse cross between 9 and 15

Prediction = Callable[[Any], Array]  # of one term's parameters, in a vector or one by one


@dataclass(frozen=True, eq=False)
class Group:
    """Equal terms, and for each the places of its parameters, (terms, parameters of one)."""

    model: Model
    places: NDArray[np.intp]


class Terms:
    """A cost and its derivatives at `params`, for one set of data."""

    def __init__(self, cost: OfPrediction, model: Model, params: Array, data: Any):
        self.cost = cost
        self.data = data
        self.params = params
        self.groups = [Group(part, np.array(rows)) for part, rows in grouped(model.parts)]

    def prediction(self) -> Array:
        """mu, (length,)."""
        found = [_each(self._of(group), self.params, group) for group in self.groups]
        return add_arrays(mu.sum(axis=0) for mu in found)

    @cached_property
    def with_slopes(self) -> tuple[Array, Array]:
        """mu, (length,), and its derivatives by parameter, (parameters, length)."""
        found = [_each(_slopes(self._of(group)), self.params, group) for group in self.groups]
        mu = add_arrays(values.sum(axis=0) for values, _ in found)
        own = jnp.concatenate([slopes.reshape(-1, len(mu)) for _, slopes in found])
        places = np.concatenate([group.places.ravel() for group in self.groups])
        if np.array_equal(np.sort(places), np.arange(len(self.params))):  # no term shares any
            return mu, own[np.argsort(places)]
        return mu, jnp.zeros((len(self.params), len(mu))).at[places].add(own)

    def value_and_gradient(self) -> tuple[Array, Array]:
        """The cost, and its derivatives by parameter."""
        value, first, _ = self._terms
        return jnp.sum(value), self._gradient(first)

    def information(self) -> Array:
        """J'J of the residuals, (parameters, parameters)."""
        _, slopes = self.residuals()
        return slopes @ slopes.T

    def derivatives(self) -> tuple[Array, Array, Array]:
        """Cost, gradient and Hessian."""
        _, first, root = self._terms
        return *self.value_and_gradient(), self._hessian(first, root, root)

    def residuals(self) -> tuple[Array, Array]:
        """Residuals, (length,), and their derivatives by parameter, (parameters, length)."""
        mu, slopes = self.with_slopes

        def pulls_of(own: Array) -> Array:
            return self.cost.pulls(own, self.data, mu)

        pulls, first = jax.jvp(pulls_of, (mu,), (jnp.ones_like(mu),))
        return pulls, slopes * first

    def rest(self) -> Array:
        """The Hessian without 2 J'J of the residuals."""
        mu, _ = self.with_slopes
        return self._hessian(*self.cost.rest(mu, self.data))

    @cached_property
    def _terms(self) -> tuple[Array, Array, Array]:
        mu, _ = self.with_slopes
        return self.cost.terms(mu, self.data)

    def _of(self, group: Group) -> Prediction:
        """One term's prediction; where the data do not count, neither do its slopes."""

        def predicted(params: Any) -> Array:
            own = self.cost.prediction(group.model, params, self.data)
            return jnp.where(self.data.used, own, 0.0)

        return predicted

    def _gradient(self, first: Array) -> Array:
        """Of a sum over entries with this derivative by mu."""
        _, slopes = self.with_slopes
        return slopes @ first

    def _hessian(self, first: Array, left: Array, right: Array) -> Array:
        """Of a sum over entries with this derivative by mu, and these factors of the second."""
        _, slopes = self.with_slopes
        hessian = (slopes * left) @ (slopes * right).T
        for group in self.groups:
            blocks = _each(_bend(self._of(group), first), self.params, group)
            rows, columns = group.places[:, :, None], group.places[:, None, :]
            hessian = hessian.at[rows, columns].add(blocks)
        return hessian


class FewParameters(Terms):
    """The same of at most `MOST_FORWARD` parameters, one after the other."""

    @cached_property
    def with_slopes(self) -> tuple[Array, Array]:
        mu, slopes = self._by_parameter
        return mu, jnp.stack(slopes)

    @cached_property
    def _by_parameter(self) -> tuple[Array, list[Array]]:
        """mu, and its derivatives by each parameter."""
        mu, found = [], [list[Array]() for _ in self.params]
        for f, places, params in self._each_term():
            mu.append(f(params))
            for i, place in enumerate(places):
                found[place].append(_by(f, i)(params))
        return add_arrays(mu), [add_arrays(own) for own in found]

    def _each_term(self) -> Iterator[tuple[Prediction, list[int], list[Array]]]:
        """Their predictions, the places of their parameters and these."""
        for group in self.groups:
            for places in group.places.tolist():
                yield self._of(group), places, [self.params[place] for place in places]

    def _gradient(self, first: Array) -> Array:
        _, slopes = self._by_parameter
        return jnp.stack([jnp.sum(first * slope) for slope in slopes])

    def _hessian(self, first: Array, left: Array, right: Array) -> Array:
        _, slopes = self._by_parameter
        size = len(slopes)
        # one sum for each pair, of all that is added to it
        sums = {
            (i, j): [left * slopes[i] * (right * slopes[j])]
            for i in range(size)
            for j in range(i, size)
        }
        for f, places, params in self._each_term():
            for i, one in enumerate(places):
                for j, other in enumerate(places[i:], i):
                    bend = first * _by(_by(f, i), j)(params)
                    # two parameters of a term that are one for the client: both orders count
                    twice = i != j and one == other
                    sums[min(one, other), max(one, other)].append(2 * bend if twice else bend)
        found = {pair: jnp.sum(add_arrays(own)) for pair, own in sums.items()}
        rows = [[found[min(i, j), max(i, j)] for j in range(size)] for i in range(size)]
        return jnp.stack([jnp.stack(row) for row in rows])


def _each(f: Callable[[Array], Any], params: Array, group: Group) -> Any:
    """f of each term's parameters, stacked."""
    rows = params[group.places]
    if len(rows) >= MANY:
        return jax.vmap(f)(rows)
    # one after the other: under vmap both branches of a condition are computed
    return jax.tree.map(lambda *found: jnp.stack(found), *(f(row) for row in rows))


def _slopes(f: Callable[[Array], Array]) -> Callable[[Array], tuple[Array, Array]]:
    """f and its derivatives, (length,) and (parameters, length)."""

    def both(params: Array) -> tuple[Array, Array]:
        def along(way: Array) -> tuple[Array, Array]:
            return jax.jvp(f, (params,), (way,))

        return jax.vmap(along, out_axes=(None, 0))(jnp.eye(len(params)))

    return both


def _bend(f: Prediction, weight: Array) -> Callable[[Array], Array]:
    """Second derivatives of weight . f, (parameters, parameters)."""

    def of_sum(params: Array) -> Array:
        first = jax.jacfwd if len(params) <= MOST_FORWARD else jax.jacrev
        return jax.jacfwd(first(lambda p: f(p) @ weight))(params)

    return of_sum


def _by(f: Prediction, i: int) -> Prediction:
    """The derivative of f by one parameter, of which alone it is a function then."""

    def slope(params: Sequence[Array]) -> Array:
        def along(own: Array) -> Array:
            return f([*params[:i], own, *params[i + 1 :]])

        return jax.jvp(along, (params[i],), (jnp.ones_like(params[i]),))[1]

    return slope
