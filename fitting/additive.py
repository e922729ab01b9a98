"""Derivatives of a cost that adds up over entries, put together from those of the prediction.

mu = sum_j f_j(p_j), where each term f_j has a few of the parameters. For a cost sum_i c_i(mu_i)

    gradient  J'c'
    Hessian   J' diag(c'') J + sum_i c'_i d2 mu_i / dp dp'

and each term has its own columns of J = dmu/dp and its own block of the second sum (that of
partially separable functions; A. Griewank and P. Toint, Numer. Math. 39 (1982) 119). The general
way (`whole`) drags a direction for each parameter through all terms and the cost. Equal terms are
stacked and compiled once, however many there are. Where there is one term it is no slower, mostly
faster, and compiles in less time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from fitting.costs import OfPrediction
from models.composition.sum import MANY, add_arrays
from models.model import Model

MOST_FORWARD = 10  # parameters; measured, forward and reverse cross between 9 and 15

Entrywise = Callable[[Array], Array]  # of predictions, one number an entry


@dataclass(frozen=True, eq=False)
class Group:
    """Equal terms, and for each the places of its parameters, (terms, parameters of one)."""

    model: Model
    places: NDArray[np.intp]


def groups(model: Model) -> list[Group]:
    """The terms of a sum; those with tables are equal to others whatever is in these."""
    alike: dict[Model, list[tuple[int, ...]]] = {}
    single = []
    for part, places in model.parts:
        if part.tables:
            single.append(Group(part, np.array([places])))
        else:
            alike.setdefault(part, []).append(places)
    return [*(Group(part, np.array(rows)) for part, rows in alike.items()), *single]


class Terms:
    """A cost and its derivatives at `params`, for one set of data.

    `of_rows`: this is one of many rows of a batch. Sums then fuse with what they are of, while a
    product of matrices, fast where it stands alone, is a loop for each row.
    """

    def __init__(
        self, cost: OfPrediction, model: Model, params: Array, data: Any, *, of_rows: bool = False
    ):
        self.cost = cost
        self.data = data
        self.params = params
        self.groups = groups(model)
        self.fused = of_rows and len(params) <= MOST_FORWARD

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
        mu, slopes = self.with_slopes
        values, first = _derivative(self._cost, mu)
        return jnp.sum(values), self._weighted(slopes, first)

    def linearised(self) -> tuple[Array, Array, Array]:
        """Cost, gradient and J'J of the residuals, (parameters, parameters)."""
        _, slopes = self.residuals()
        return *self.value_and_gradient(), slopes @ slopes.T

    def derivatives(self) -> tuple[Array, Array, Array]:
        """Cost, gradient and Hessian."""
        return *self.value_and_gradient(), self._hessian(self._cost)

    def residuals(self) -> tuple[Array, Array]:
        """Residuals, (length,), and their derivatives by parameter, (parameters, length)."""
        mu, slopes = self.with_slopes
        pulls, first = _derivative(lambda at: self.cost.pulls(at, self.data, mu), mu)
        return pulls, slopes * first

    def rest(self) -> Array:
        """The Hessian without 2 J'J of the residuals."""
        mu, _ = self.with_slopes
        return self._hessian(lambda at: self.cost.rest_terms(at, self.data, mu))

    def _cost(self, mu: Array) -> Array:
        return self.cost.terms(mu, self.data)

    def _hessian(self, terms: Entrywise) -> Array:
        """Of the sum over entries of `terms(mu)`."""
        mu, slopes = self.with_slopes
        _, (first, second) = _derivative(lambda at: _derivative(terms, at), mu)
        if self.fused:
            hessian = _symmetric(len(slopes), lambda i, j: jnp.sum(second * slopes[i] * slopes[j]))
        else:
            hessian = (slopes * second) @ slopes.T
        for group in self.groups:
            blocks = _each(self._bend(self._of(group), first), self.params, group)
            rows, columns = group.places[:, :, None], group.places[:, None, :]
            hessian = hessian.at[rows, columns].add(blocks)
        return hessian

    def _of(self, group: Group) -> Callable[[Array], Array]:
        """One term's prediction; where the data do not count, neither do its slopes."""

        def predicted(params: Array) -> Array:
            own = self.cost.prediction(group.model, params, self.data)
            return jnp.where(self.data.used, own, 0.0)

        return predicted

    def _weighted(self, slopes: Array, weight: Array) -> Array:
        """The sum over entries of each slope, (parameters,)."""
        if self.fused:
            return jnp.stack([jnp.sum(weight * slope) for slope in slopes])
        return slopes @ weight

    def _bend(self, f: Callable[[Array], Array], weight: Array) -> Callable[[Array], Array]:
        """Second derivatives of weight . f, (parameters, parameters)."""

        def of_entries(params: Array) -> Array:
            bends = jax.jacfwd(jax.jacfwd(f))(params)
            return _symmetric(len(params), lambda i, j: jnp.sum(weight * bends[:, i, j]))

        def of_sum(params: Array) -> Array:
            first = jax.jacfwd if len(params) <= MOST_FORWARD else jax.jacrev
            return jax.jacfwd(first(lambda p: f(p) @ weight))(params)

        return of_entries if self.fused else of_sum


def _derivative(f: Callable[[Array], Any], mu: Array) -> tuple[Any, Any]:
    """Of a function entry by entry: its values, and its derivatives at each entry."""
    return jax.jvp(f, (mu,), (jnp.ones_like(mu),))


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


def _symmetric(size: int, entry: Callable[[int, int], Array]) -> Array:
    """A matrix (size, size) of which half is worked out."""
    upper = {(i, j): entry(i, j) for i in range(size) for j in range(i, size)}
    rows = [jnp.stack([upper[min(i, j), max(i, j)] for j in range(size)]) for i in range(size)]
    return jnp.stack(rows)
