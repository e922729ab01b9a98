"""Cost functions, all chi-square-like (errordef 1), so the minimum is the goodness of fit.

When to use what:
    Poisson            counts in bins (Baker-Cousins; extended maximum likelihood)
    LeastSquares       points, x exactly known
    EffectiveVariance  points with errors in x, classical or Berkson

A cost is a pure function of (model, params, data); data are arguments of the compiled
function, never constants in it.
"""

import math
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
from fitting.slopes import beside
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

    The methods of its own take predictions, (length,), and give numbers of each entry, which
    depend on that entry's prediction alone: what `additive` puts derivatives together from.
    Second derivatives by mu come as roots, or two factors: that of a filled bin which expects
    1e-200 events is no number, while that by the parameters is a usual one.
    """

    @abstractmethod
    def prediction(self, model: Model, params: Array, data: Any) -> Array:
        """What the model expects of each entry, (length,)."""

    @abstractmethod
    def terms(self, mu: Array, data: Any) -> tuple[Array, Array, Array]:
        """What each entry adds to the cost, its derivative by mu, and the root of the second."""

    @abstractmethod
    def pulls(self, mu: Array, data: Any, at: Array) -> Array:
        """The residuals, whose metric is that of the prediction `at`."""

    @abstractmethod
    def rest(self, mu: Array, data: Any) -> tuple[Array, Array, Array]:
        """The derivative by mu of the cost without 2 J'J of the pulls, and two factors of the
        second."""

    def cost(self, model: Model, params: Array, data: Any) -> Array:
        return jnp.sum(self.terms(self.prediction(model, params, data), data)[0])

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

    def terms(self, mu: Array, data: Bins) -> tuple[Array, Array, Array]:
        """2 (mu - n + n log(n / mu)), 2 (1 - n / mu), and the root of 2 n / mu^2."""
        filled = data.counts > 0
        possible = jnp.where(filled, mu > 0, mu >= 0)
        usual = filled & possible & data.used
        m, n = jnp.where(usual, mu, 1.0), jnp.where(usual, data.counts, 1.0)
        # log(1 + r) keeps the digits that log(mu / n) loses near 1; r is taken not to be negative
        excess, above = m - n, m > n
        log = jnp.log1p(jnp.where(above, excess, -excess) / jnp.where(above, n, m))
        value = jnp.where(usual, excess - n * jnp.where(above, log, -log), mu)
        value = jnp.where(possible, value, jnp.inf)
        ratio = jnp.where(usual, n / m, 0.0)
        counts = data.used & possible
        return (
            2 * jnp.where(data.used, value, 0.0),
            2 * jnp.where(counts, 1 - ratio, 0.0),
            jnp.where(usual, jnp.sqrt(2 * n) / m, 0.0),
        )

    def pulls(self, mu: Array, data: Bins, at: Array) -> Array:
        """(mu - n) over the root of mu at `at`: J'J is Fisher's information."""
        expected, safe = self._expected(data, at)
        return jnp.where(expected, (mu - data.counts) / jnp.sqrt(safe), 0.0)

    def rest(self, mu: Array, data: Bins) -> tuple[Array, Array, Array]:
        """Those of 2 (mu - n) / mu: what the observed n takes from Fisher's information."""
        expected, safe = self._expected(data, mu)
        excess = jnp.where(expected, 2 * (safe - data.counts) / safe, 0.0)
        return excess, -excess, 1 / safe

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

    def terms(self, mu: Array, data: Marks) -> tuple[Array, Array, Array]:
        """(y - mu)^2 / y_err^2, -2 (y - mu) / y_err^2, and the root of 2 / y_err^2."""
        weight = jnp.where(data.used, 1 / data.y_err, 0.0)
        pull = (data.y - mu) * weight
        return pull**2, -2 * pull * weight, math.sqrt(2) * weight

    def pulls(self, mu: Array, data: Marks, at: Array) -> Array:
        return jnp.where(data.used, (data.y - mu) / data.y_err, 0.0)

    def rest(self, mu: Array, data: Marks) -> tuple[Array, Array, Array]:
        """The second derivative is all in 2 J'J."""
        nothing = jnp.zeros_like(mu)
        return -2 * self.pulls(mu, data, mu) / data.y_err, nothing, nothing


@dataclass(frozen=True)
class EffectiveVariance:
    """sum(r^2 / V + L log(V / y_err^2)), r = y - f(x), V = y_err^2 + (f'(x) x_err)^2.

    J. Orear, Am. J. Phys. 50 (1982) 912. Of several predictors, whose errors are independent,
    V has a term (df/dx_j x_err_j)^2 each. L is 0 for classical errors in x and 1 for Berkson
    ones (`Marks.log_weight`, so both share a kernel); the constant log(y_err^2) makes the cost
    that of least squares where x_err is 0. Slopes are taken beside x (`slopes`): where they are
    infinite, a point has no weight.
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
            x[j] = beside(x[j], x_err, data.x_slope[-1][j])

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
