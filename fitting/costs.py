"""Cost functions, all chi-square-like (errordef 1), so the minimum is the goodness of fit.

When to use what:
    Poisson            counts in bins (Baker-Cousins; extended maximum likelihood)
    LeastSquares       points, x exactly known
    EffectiveVariance  points with errors in x, classical or Berkson

A cost is a pure function of (model, params, data); data are arguments of the compiled
function, never constants in it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

import jax
import jax.numpy as jnp
from jax import Array

from fitting.data import Bins, Marks
from models.model import Model


class Cost(Protocol):
    """What a kernel is compiled from; `data` is the NamedTuple that the cost is made for."""

    data: ClassVar[type[Bins] | type[Marks]]

    def cost(self, model: Model, params: Array, data: Any) -> Array:
        """The chi-square-like cost, a scalar."""

    def prediction(self, model: Model, params: Array, data: Any) -> Array:
        """What the model expects of each entry, (length,)."""

    def information(self, model: Model, params: Array, data: Any) -> Array:
        """Half the Gauss-Newton Hessian, (parameters, parameters): first derivatives only."""


@dataclass(frozen=True)
class Poisson:
    """2 sum(mu - n + n log(n / mu)).

    S. Baker and R. Cousins, Nucl. Instrum. Meth. 221 (1984) 437. A filled bin where mu is not
    positive, and an empty one where it is negative, make the cost infinite.
    """

    data: ClassVar[type[Bins] | type[Marks]] = Bins

    def cost(self, model: Model, params: Array, data: Bins) -> Array:
        mu = self.prediction(model, params, data)
        filled = data.counts > 0
        n = jnp.where(filled, data.counts, 1.0)
        possible = jnp.where(filled, mu > 0, mu >= 0)
        ratio = jnp.where(filled & possible, mu, n) / n
        # log(1 + r) with r = mu / n - 1 keeps the digits that log(mu / n) loses near 1
        r = jnp.where(filled & possible, mu - n, 0.0) / n
        near = ratio > 0.5
        log_ratio = jnp.where(
            near, jnp.log1p(jnp.where(near, r, 0.0)), jnp.log(jnp.where(near, 1.0, ratio))
        )
        terms = jnp.where(filled, n * (r - log_ratio), mu)
        return 2 * jnp.sum(jnp.where(data.used, jnp.where(possible, terms, jnp.inf), 0.0))

    def prediction(self, model: Model, params: Array, data: Bins) -> Array:
        return model.integral(data.edges, *params)

    def information(self, model: Model, params: Array, data: Bins) -> Array:
        """Fisher's: sum of grad(mu) grad(mu)' / mu."""
        mu, jacobian = with_jacobian(lambda p: self.prediction(model, p, data), params)
        expected = data.used & (mu > 0)
        weight = jnp.where(expected, 1 / jnp.where(expected, mu, 1.0), 0.0)
        return (jacobian * weight[:, None]).T @ jacobian


@dataclass(frozen=True)
class LeastSquares:
    """sum((y - f(x))^2 / y_err^2)."""

    data: ClassVar[type[Bins] | type[Marks]] = Marks

    def cost(self, model: Model, params: Array, data: Marks) -> Array:
        return jnp.sum(self._pulls(model, params, data) ** 2)

    def prediction(self, model: Model, params: Array, data: Marks) -> Array:
        return model.value(data.x, *params)

    def information(self, model: Model, params: Array, data: Marks) -> Array:
        """J'J of the pulls."""
        _, jacobian = with_jacobian(lambda p: self._pulls(model, p, data), params)
        return jacobian.T @ jacobian

    def _pulls(self, model: Model, params: Array, data: Marks) -> Array:
        pulls = (data.y - self.prediction(model, params, data)) / data.y_err
        return jnp.where(data.used, pulls, 0.0)


@dataclass(frozen=True)
class EffectiveVariance:
    """sum(r^2 / V + L log(V / y_err^2)), r = y - f(x), V = y_err^2 + (f'(x) x_err)^2.

    J. Orear, Am. J. Phys. 50 (1982) 912. L is 0 for classical errors in x and 1 for Berkson
    ones (`Marks.log_weight`, so both share a kernel); the constant log(y_err^2) makes the cost
    that of least squares where x_err is 0.
    """

    data: ClassVar[type[Bins] | type[Marks]] = Marks

    def cost(self, model: Model, params: Array, data: Marks) -> Array:
        residual = data.y - self.prediction(model, params, data)
        excess = self._x_variance(model, params, data)
        terms = residual**2 / (data.y_err**2 + excess)
        terms = terms + data.log_weight * jnp.log1p(excess / data.y_err**2)
        return jnp.sum(jnp.where(data.used, terms, 0.0))

    def prediction(self, model: Model, params: Array, data: Marks) -> Array:
        return model.value(data.x, *params)

    def information(self, model: Model, params: Array, data: Marks) -> Array:
        """J'J of the pulls r / sqrt(V), V moving with the parameters: York's for a line."""

        def pulls(p: Array) -> Array:
            residual = data.y - self.prediction(model, p, data)
            variance = data.y_err**2 + self._x_variance(model, p, data)
            return jnp.where(data.used, residual / jnp.sqrt(variance), 0.0)

        _, jacobian = with_jacobian(pulls, params)
        return jacobian.T @ jacobian

    def _x_variance(self, model: Model, params: Array, data: Marks) -> Array:
        """(f'(x) x_err)^2."""
        _, slope = jax.jvp(
            lambda x: model.value(x, *params), (data.x_slope,), (jnp.ones_like(data.x_slope),)
        )
        return (slope * data.x_err) ** 2


def with_jacobian(f: Callable[[Array], Array], params: Array) -> tuple[Array, Array]:
    """f(params) and its derivatives, (length,) and (length, parameters)."""
    jacobian, value = jax.jacfwd(lambda p: (f(p),) * 2, has_aux=True)(params)
    return value, jacobian


COSTS: Mapping[str, Cost] = MappingProxyType(
    {
        "poisson": Poisson(),
        "least-squares": LeastSquares(),
        "effective-variance": EffectiveVariance(),
    }
)
