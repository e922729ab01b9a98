"""Derivatives of a cost as a whole, by JAX: where it asks more of a model than its prediction."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from fitting.kernels.additive import MOST_FORWARD
from fitting.kernels.costs import EffectiveVariance
from models.model import Model


class Whole:
    """A cost and its derivatives at `params`, for one set of data; the methods of `Terms`."""

    def __init__(self, cost: EffectiveVariance, model: Model, params: Array, data: Any):
        self.cost = cost
        self.model = model
        self.params = params
        self.data = data

    def prediction(self) -> Array:
        return self.cost.prediction(self.model, self.params, self.data)

    @cached_property
    def with_slopes(self) -> tuple[Array, Array]:
        return self._with_slopes(lambda p: self.cost.prediction(self.model, p, self.data))

    def value_and_gradient(self) -> tuple[Array, Array]:
        value, gradient = jax.value_and_grad(self._cost)(self.params)
        return value, gradient

    def information(self) -> Array:
        return self.cost.information(self.model, self.params, self.data)

    def derivatives(self) -> tuple[Array, Array, Array]:
        def gradient(p: Array) -> tuple[Array, tuple[Array, Array]]:
            # few parameters: forward over forward fuses into half the time of forward over reverse
            if len(p) <= MOST_FORWARD:
                slope, value = jax.jacfwd(lambda q: (self._cost(q),) * 2, has_aux=True)(p)
            else:
                value, slope = jax.value_and_grad(self._cost)(p)
            return slope, (slope, value)

        hessian, (slope, value) = jax.jacfwd(gradient, has_aux=True)(self.params)
        return value, slope, hessian

    def residuals(self) -> tuple[Array, Array]:
        return self._with_slopes(self._residuals)

    def rest(self) -> Array:
        at = stop_gradient(self._residuals(stop_gradient(self.params)))
        # of a sum of squares: the Hessian without 2 J'J, without a difference
        return jax.jacfwd(jax.jacfwd(lambda p: jnp.sum(2 * at * self._residuals(p))))(self.params)

    def _cost(self, params: Array) -> Array:
        return self.cost.cost(self.model, params, self.data)

    def _residuals(self, params: Array) -> Array:
        return self.cost.residuals(self.model, params, self.data, self.params)

    def _with_slopes(self, f: Callable[[Array], Array]) -> tuple[Array, Array]:
        jacobian, value = jax.jacfwd(lambda p: (f(p),) * 2, has_aux=True)(self.params)
        return value, jacobian.T
