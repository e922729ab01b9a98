"""Cost functions, all chi-square-like (errordef 1), so the minimum is the goodness of fit.

When to use what:
    Poisson            counts in bins (Baker-Cousins; extended maximum likelihood)
    LeastSquares       points, x exactly known
    EffectiveVariance  points with errors in x, classical or Berkson

A cost is a pure function of (model, params, data); data are arguments of the compiled
function, never constants in it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from fitting.data import Bins, Marks
from models.model import Model


class Cost(Protocol):
    """What a kernel is compiled from; `data` is the NamedTuple that the cost is made for."""

    data: ClassVar[type[Bins] | type[Marks]]

    def cost(self, model: Model, params: Array, data: Any) -> Array:
        """The chi-square-like cost, a scalar."""

    def prediction(self, model: Model, params: Array, data: Any) -> Array:
        """What the model expects of each entry, (length,)."""

    def residuals(self, model: Model, params: Array, data: Any, at: Array) -> Array:
        """A vector r, whose metric is that of `at`: at params = at the gradient is 2 J'r."""


class OfPrediction(ABC):
    """A cost that asks the model for its prediction alone; it adds up over the entries.

    J'J of its residuals is half the Gauss-Newton Hessian, for counts Fisher's information.

    The methods of its own take predictions, (length,), and give one number an entry, of that
    entry's prediction: what `additive` puts derivatives together from.
    """

    @abstractmethod
    def prediction(self, model: Model, params: Array, data: Any) -> Array:
        """What the model expects of each entry, (length,)."""

    @abstractmethod
    def terms(self, mu: Array, data: Any) -> Array:
        """What each entry adds to the cost."""

    @abstractmethod
    def pulls(self, mu: Array, data: Any, at: Array) -> Array:
        """The residuals, whose metric is that of the prediction `at`."""

    @abstractmethod
    def rest_terms(self, mu: Array, data: Any, at: Array) -> Array:
        """What each entry adds to a sum whose Hessian, at `at`, is the cost's without 2 J'J."""

    def cost(self, model: Model, params: Array, data: Any) -> Array:
        return jnp.sum(self.terms(self.prediction(model, params, data), data))

    def residuals(self, model: Model, params: Array, data: Any, at: Array) -> Array:
        there = stop_gradient(self.prediction(model, stop_gradient(at), data))
        return self.pulls(self.prediction(model, params, data), data, there)


@dataclass(frozen=True)
class Poisson(OfPrediction):
    """2 sum(mu - n + n log(n / mu)).

    S. Baker and R. Cousins, Nucl. Instrum. Meth. 221 (1984) 437. A filled bin where mu is not
    positive, and an empty one where it is negative, make the cost infinite.
    """

    data: ClassVar[type[Bins] | type[Marks]] = Bins

    def prediction(self, model: Model, params: Array, data: Bins) -> Array:
        return model.integral(data.edges, *params)

    def terms(self, mu: Array, data: Bins) -> Array:
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
        return 2 * jnp.where(data.used, jnp.where(possible, terms, jnp.inf), 0.0)

    def pulls(self, mu: Array, data: Bins, at: Array) -> Array:
        """(mu - n) over the root of mu at `at`: J'J is Fisher's information."""
        expected, safe = self._expected(data, at)
        return jnp.where(expected, (mu - data.counts) / jnp.sqrt(safe), 0.0)

    def rest_terms(self, mu: Array, data: Bins, at: Array) -> Array:
        """Second derivatives of mu, and what the observed n adds to Fisher's information."""
        expected, safe = self._expected(data, at)
        excess = (safe - data.counts) / safe
        terms = 2 * excess * mu - excess / safe * (mu - safe) ** 2
        return jnp.where(expected, terms, 0.0)

    def _expected(self, data: Bins, at: Array) -> tuple[Array, Array]:
        """Which bins expect something at `at`, and there how much."""
        expected = data.used & (at > 0)
        return expected, jnp.where(expected, at, 1.0)


@dataclass(frozen=True)
class LeastSquares(OfPrediction):
    """sum((y - f(x))^2 / y_err^2)."""

    data: ClassVar[type[Bins] | type[Marks]] = Marks

    def prediction(self, model: Model, params: Array, data: Marks) -> Array:
        return model.value(data.x, *params)

    def terms(self, mu: Array, data: Marks) -> Array:
        return self.pulls(mu, data, mu) ** 2

    def pulls(self, mu: Array, data: Marks, at: Array) -> Array:
        return jnp.where(data.used, (data.y - mu) / data.y_err, 0.0)

    def rest_terms(self, mu: Array, data: Marks, at: Array) -> Array:
        return 2 * self.pulls(at, data, at) * self.pulls(mu, data, at)


@dataclass(frozen=True)
class EffectiveVariance:
    """sum(r^2 / V + L log(V / y_err^2)), r = y - f(x), V = y_err^2 + (f'(x) x_err)^2.

    J. Orear, Am. J. Phys. 50 (1982) 912. Of several predictors, whose errors are independent,
    V has a term (df/dx_j x_err_j)^2 each. L is 0 for classical errors in x and 1 for Berkson
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
        jacobian = jax.jacfwd(lambda p: self._pulls(model, p, data))(params)
        return jacobian.T @ jacobian

    def residuals(self, model: Model, params: Array, data: Marks, at: Array) -> Array:
        """The pulls and the roots of the logarithms, whose squares add up to the cost."""
        ratio = self._x_variance(model, params, data) / data.y_err**2
        counts = data.used & (ratio > 0) & (data.log_weight > 0)
        logarithm = data.log_weight * jnp.log1p(ratio)
        roots = jnp.where(counts, jnp.sqrt(jnp.where(counts, logarithm, 1.0)), 0.0)
        return jnp.concatenate([self._pulls(model, params, data), roots])

    def _pulls(self, model: Model, params: Array, data: Marks) -> Array:
        residual = data.y - self.prediction(model, params, data)
        variance = data.y_err**2 + self._x_variance(model, params, data)
        return jnp.where(data.used, residual / jnp.sqrt(variance), 0.0)

    def _x_variance(self, model: Model, params: Array, data: Marks) -> Array:
        """(f'(x) x_err)^2, of several predictors the sum."""
        if data.x.ndim > 1:
            return self._sum_of_x_variances(model, params, data)
        _, slope = jax.jvp(
            lambda x: model.value(x, *params), (data.x_slope,), (jnp.ones_like(data.x_slope),)
        )
        return (slope * data.x_err) ** 2

    def _sum_of_x_variances(self, model: Model, params: Array, data: Marks) -> Array:
        total = jnp.zeros_like(data.y)
        for j, x_err in enumerate(data.x_err):
            # as with one predictor: a slope that is not needed may be infinite
            x = list(jnp.where(x_err > 0, data.x, data.x_slope[j][:, None]))

            def along(moved: Array, j: int = j, x: list[Array] = x) -> Array:
                # the others as they are: a 0 times their slopes would be a 0 times infinity
                columns: Any = [*x[:j], moved, *x[j + 1 :]]
                return model.value(columns, *params)

            _, slope = jax.jvp(along, (x[j],), (jnp.ones_like(x[j]),))
            total = total + (slope * x_err) ** 2
        return total


COSTS: Mapping[str, Cost] = MappingProxyType(
    {
        "poisson": Poisson(),
        "least-squares": LeastSquares(),
        "effective-variance": EffectiveVariance(),
    }
)
