"""The functions of a kernel: cost, derivatives and predictions, of arguments that JAX traces.

All take the key, parameters, data and constraints; `bound` makes of one what is compiled: a
function of parameters and of a vector in which all the rest is packed.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax import Array

from fitting.data import Bins, Marks
from fitting.kernels.additive import MOST_FORWARD, FewParameters, Terms
from fitting.kernels.costs import COSTS, EffectiveVariance, OfPrediction
from fitting.kernels.key import KernelKey
from fitting.kernels.packing import Prior, unpack, with_row
from fitting.kernels.whole import Whole

Function = Literal[
    "value_and_gradient",
    "linearised",
    "derivatives",
    "jacobian",
    "predictions",
    "residuals",
    "acceleration",
    "rest",
    "derivatives_of_rows",
    "value_and_gradient_of_rows",
]


def _derivatives_of(
    key: KernelKey, params: Array, data: Bins | Marks, *, of_rows: bool = False
) -> Terms | Whole:
    """What the functions below are made of: a cost and its derivatives, without constraints."""
    cost = COSTS[key.cost]
    if isinstance(cost, OfPrediction):
        few = len(params) <= MOST_FORWARD and (of_rows or key.is_long)
        return (FewParameters if few else Terms)(cost, key.model, params, data)
    assert isinstance(cost, EffectiveVariance)
    return Whole(cost, key.model, params, data)


def _constrained(params: Array, prior: Prior, value: Array, gradient: Array) -> Array:
    """Both with what constraints add, in one array: one transfer to the host instead of two."""
    away = params - prior.center
    penalty = jnp.sum(prior.weight * away**2)
    return jnp.concatenate([(value + penalty)[None], gradient + 2 * prior.weight * away])


def _value_and_gradient(
    key: KernelKey, params: Array, data: Bins | Marks, prior: Prior, *, of_rows: bool = False
) -> Array:
    """Value and gradient, (1 + parameters,)."""
    of = _derivatives_of(key, params, data, of_rows=of_rows)
    return _constrained(params, prior, *of.value_and_gradient())


def _linearised(key: KernelKey, params: Array, data: Bins | Marks, prior: Prior) -> Array:
    """Value, gradient and twice the information, (1 + parameters + parameters^2,)."""
    of = _derivatives_of(key, params, data)
    first = _constrained(params, prior, *of.value_and_gradient())
    return jnp.concatenate([first, _information(of, prior)])


def _information(of: Terms | Whole, prior: Prior) -> Array:
    return 2 * (of.information() + jnp.diag(prior.weight)).ravel()


def _derivatives(
    key: KernelKey, params: Array, data: Bins | Marks, prior: Prior, *, of_rows: bool = False
) -> Array:
    """Value, gradient, Hessian and perhaps twice the information, one after the other."""
    of = _derivatives_of(key, params, data, of_rows=of_rows)
    *first, hessian = of.derivatives()
    hessian = hessian + 2 * jnp.diag(prior.weight)
    found = [_constrained(params, prior, *first), hessian.ravel()]
    if key.has_all_in_one and not of_rows:
        found.append(_information(of, prior))
    return jnp.concatenate(found)


def _jacobian(key: KernelKey, params: Array, data: Bins | Marks, prior: Prior) -> Array:
    """Prediction beside its derivatives, (length, 1 + parameters)."""
    prediction, slopes = _derivatives_of(key, params, data).with_slopes
    return jnp.concatenate([prediction[:, None], slopes.T], axis=1)


def _predictions(key: KernelKey, params: Array, data: Bins | Marks, prior: Prior) -> Array:
    """Predictions (length, rows) for many parameter vectors, (rows, parameters)."""
    return jax.vmap(lambda p: _derivatives_of(key, p, data).prediction(), out_axes=1)(params)


def _residuals(key: KernelKey, params: Array, data: Bins | Marks, prior: Prior) -> Array:
    """Residuals beside their derivatives, (rows, 1 + parameters), constraints among them."""
    own, slopes = _derivatives_of(key, params, data).residuals()
    root = jnp.sqrt(prior.weight)
    r = jnp.concatenate([own, root * (params - prior.center)])
    jacobian = jnp.concatenate([slopes.T, jnp.diag(root)])
    return jnp.concatenate([r[:, None], jacobian], axis=1)


def _acceleration(key: KernelKey, rows: Array, data: Bins | Marks, prior: Prior) -> Array:
    """Second derivative of the residuals at rows[0] in the direction rows[1], (rows,)."""
    at, way = rows

    def velocity(p: Array) -> Array:
        return jax.jvp(lambda q: COSTS[key.cost].residuals(key.model, q, data, at), (p,), (way,))[1]

    own = jax.jvp(velocity, (at,), (way,))[1]
    return jnp.concatenate([own, jnp.zeros_like(at)])  # constraints are linear


def _rest(key: KernelKey, params: Array, data: Bins | Marks, prior: Prior) -> Array:
    """The Hessian without 2 J'J of the residuals, (parameters, parameters)."""
    return _derivatives_of(key, params, data).rest()


FUNCTIONS: dict[Function, Callable[..., Any]] = {
    "value_and_gradient": _value_and_gradient,
    "linearised": _linearised,
    "derivatives": _derivatives,
    "jacobian": _jacobian,
    "predictions": _predictions,
    "residuals": _residuals,
    "acceleration": _acceleration,
    "rest": _rest,
}
OF_ROWS: dict[Function, Callable[..., Any]] = {
    "derivatives_of_rows": partial(_derivatives, of_rows=True),
    "value_and_gradient_of_rows": partial(_value_and_gradient, of_rows=True),
}


def bound(name: Function, key: KernelKey) -> Callable[..., Array]:
    """The function of parameters and of everything else, packed into vectors."""
    if name in OF_ROWS:
        return _bind_rows(OF_ROWS[name], key)
    return _bind(FUNCTIONS[name], key)


def _bind(function: Callable[..., Any], key: KernelKey) -> Callable[..., Any]:
    def kernel(params: Array, vector: Array) -> Array:
        full, data, prior = _unpack(key, vector)
        return function(full, params, data, prior)

    return kernel


def _bind_rows(function: Callable[..., Any], key: KernelKey) -> Callable[..., Any]:
    """The same for rows of parameters and of data."""

    def kernel(params: Array, vector: Array, rows: Array) -> Array:
        full, data, prior = _unpack(key, vector)
        return jax.vmap(lambda p, row: function(full, p, with_row(data, row), prior))(params, rows)

    return kernel


def _unpack(key: KernelKey, vector: Array) -> tuple[KernelKey, Bins | Marks, Prior]:
    inputs, size = key.model.inputs, len(key.model.declare())
    table_sizes = tuple(len(table) for table in key.model.tables)
    kind = COSTS[key.cost].data
    data, prior, tables = unpack(vector, kind, key.length, inputs, size, table_sizes)
    return key._replace(model=key.model.with_tables(iter(tables))), data, prior
