"""Compiled kernels: one set of functions per (cost, model, padded length), kept and shared.

Each function is compiled ahead of time on first use, with data, constraints and parameters as
arguments; nothing is compiled twice, whoever asks. Compiled code is kept in memory (the most
recently used kernels) and, once `use_disk_cache` was called, on disk across restarts.
"""

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import jax.monitoring
import jax.numpy as jnp
from jax import Array

from fitting.batch.rows import with_row
from fitting.costs import COSTS, LeastSquares, Poisson, with_jacobian
from fitting.data import Bins, Marks
from fitting.packing import Prior, unpack
from models.model import Model

# without it each call pays for a hand-over to another thread: a third of a small kernel
jax.config.update("jax_cpu_enable_async_dispatch", False)

MOST_FORWARD = 10  # parameters; measured, the two ways cross between 9 and 15

Tier = Literal["memory", "disk", "compiled"]
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


class KernelKey(NamedTuple):
    """What is compiled separately; models that differ in names only are equal."""

    cost: str
    model: Model
    length: int


@dataclass
class Usage:
    """What had to be made for one fit: functions compiled, or loaded from disk, and seconds."""

    compile_s: float = 0.0
    compiled: int = 0
    loaded: int = 0

    @property
    def tier(self) -> Tier:
        """The slowest place that a function came from."""
        return "compiled" if self.compiled else "disk" if self.loaded else "memory"


class DiskHits:
    """Counts JAX's own disk cache hits, the only sign by which it tells them."""

    def __init__(self) -> None:
        self.count = 0
        jax.monitoring.register_event_listener(self._listen)

    def _listen(self, event: str, **_: Any) -> None:
        if event == "/jax/compilation_cache/cache_hits":
            self.count += 1


_disk_hits = DiskHits()


def use_disk_cache(directory: Path, max_bytes: int) -> None:
    """Keep compiled code in `directory`, which is executable code: mode 0700, never shared."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chmod(directory, 0o700)
    jax.config.update("jax_compilation_cache_dir", str(directory))
    jax.config.update("jax_compilation_cache_max_size", max_bytes)
    # small kernels compile in under the default second, and would never be stored
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)


class Kernel:
    """The compiled functions of one key; each is made when first asked for."""

    def __init__(self, key: KernelKey):
        self.key = key
        self._compiled: dict[str, Callable[..., Any]] = {}
        self._lock = threading.Lock()

    def function(
        self, name: Function, arguments: tuple[Any, ...], usage: Usage
    ) -> Callable[..., Any]:
        """The compiled function, for `arguments` of the shapes that its key stands for."""
        if name not in self._compiled:
            with self._lock:
                if name not in self._compiled:
                    self._compiled[name] = _compile(_FUNCTIONS[name], self.key, arguments, usage)
        return self._compiled[name]


class KernelCache:
    """The most recently used kernels, at most `size` of them."""

    def __init__(self, size: int = 256):
        self.size = size
        self._kernels: OrderedDict[KernelKey, Kernel] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: KernelKey) -> Kernel:
        """The kernel of this key, new (and not compiled yet) if there was none."""
        with self._lock:
            kernel = self._kernels.setdefault(key, Kernel(key))
            self._kernels.move_to_end(key)
            if len(self._kernels) > self.size:
                self._kernels.popitem(last=False)
            return kernel


def _compile(
    function: Callable[..., Any], key: KernelKey, arguments: tuple[Any, ...], usage: Usage
) -> Callable[..., Any]:
    began, hits = time.perf_counter(), _disk_hits.count
    bound = _bind(function, key) if len(arguments) == 2 else _bind_rows(function, key)
    compiled = jax.jit(bound).lower(*arguments).compile()
    usage.compile_s += time.perf_counter() - began
    if _disk_hits.count > hits:
        usage.loaded += 1
    else:
        usage.compiled += 1
    return compiled


def _unpack(key: KernelKey, vector: Array) -> tuple[KernelKey, Bins | Marks, Prior]:
    inputs, size = key.model.inputs, len(key.model.declare())
    table_sizes = tuple(len(table) for table in key.model.tables)
    kind = COSTS[key.cost].data
    data, prior, tables = unpack(vector, kind, key.length, inputs, size, table_sizes)
    return key._replace(model=key.model.with_tables(iter(tables))), data, prior


def _bind(function: Callable[..., Any], key: KernelKey) -> Callable[..., Any]:
    def kernel(params: Array, vector: Array) -> Any:
        bound, data, prior = _unpack(key, vector)
        return function(bound, params, data, prior)

    return kernel


def _bind_rows(function: Callable[..., Any], key: KernelKey) -> Callable[..., Any]:
    """The same for rows of parameters and of data."""

    def kernel(params: Array, vector: Array, rows: Array) -> Any:
        bound, data, prior = _unpack(key, vector)
        return jax.vmap(lambda p, row: function(bound, p, with_row(data, row), prior))(params, rows)

    return kernel


def _cost(key: KernelKey, params: Array, data: Bins | Marks, prior: Prior) -> Array:
    penalty = jnp.sum(prior.weight * (params - prior.center) ** 2)
    return COSTS[key.cost].cost(key.model, params, data) + penalty


def _value_and_gradient(key: KernelKey, params: Array, data: Bins | Marks, prior: Prior) -> Array:
    # one array, (1 + parameters,): one transfer to the host instead of two
    value, gradient = jax.value_and_grad(lambda p: _cost(key, p, data, prior))(params)
    return jnp.concatenate([value[None], gradient])


def _linearised(key: KernelKey, params: Array, data: Bins | Marks, prior: Prior) -> Array:
    """Value, gradient and information in one array, (1 + parameters + parameters^2,)."""
    information = COSTS[key.cost].information(key.model, params, data)
    information = 2 * (information + jnp.diag(prior.weight))
    value_and_gradient = _value_and_gradient(key, params, data, prior)
    return jnp.concatenate([value_and_gradient, information.ravel()])


def _derivatives(key: KernelKey, params: Array, data: Bins | Marks, prior: Prior) -> Array:
    """Value, gradient and Hessian in one array, (1 + parameters + parameters^2,)."""

    def cost(p: Array) -> Array:
        return _cost(key, p, data, prior)

    def gradient(p: Array) -> tuple[Array, tuple[Array, Array]]:
        # few parameters: forward over forward fuses into half the time of forward over reverse
        if len(p) <= MOST_FORWARD:
            slope, value = jax.jacfwd(lambda q: (cost(q),) * 2, has_aux=True)(p)
        else:
            value, slope = jax.value_and_grad(cost)(p)
        return slope, (slope, value)

    hessian, (slope, value) = jax.jacfwd(gradient, has_aux=True)(params)
    return jnp.concatenate([value[None], slope, hessian.ravel()])


def _derivatives_by_entry(key: KernelKey, params: Array, data: Any, prior: Prior) -> Array:
    """The same, put together from those of the prediction, where a cost is a sum over entries.

    Of many rows it takes two thirds of the time. (Where an entry that is not used has an infinite
    slope, the result is not finite.)
    """
    cost = COSTS[key.cost]
    if not isinstance(cost, Poisson | LeastSquares) or len(params) > MOST_FORWARD:
        return _derivatives(key, params, data, prior)

    def jacobian(p: Array) -> tuple[Array, tuple[Array, Array]]:
        mu, slopes = with_jacobian(lambda q: cost.prediction(key.model, q, data), p)
        return slopes, (slopes, mu)

    bends, (slopes, mu) = jax.jacfwd(jacobian, has_aux=True)(params)

    def terms(m: Array) -> tuple[Array, Array]:
        return jax.jvp(lambda q: cost.terms(q, data), (m,), (jnp.ones_like(m),))

    (each, first), (_, second) = jax.jvp(terms, (mu,), (jnp.ones_like(mu),))
    first, second = (jnp.where(data.used, d, 0.0) for d in (first, second))
    size, away = len(params), params - prior.center
    upper = {
        (i, j): jnp.sum(first * bends[:, i, j] + second * slopes[:, i] * slopes[:, j])
        for i in range(size)
        for j in range(i, size)
    }
    hessian = jnp.stack([upper[min(i, j), max(i, j)] for i in range(size) for j in range(size)])
    value = jnp.sum(each) + jnp.sum(prior.weight * away**2)
    gradient = first @ slopes + 2 * prior.weight * away
    hessian = hessian + 2 * jnp.diag(prior.weight).ravel()
    return jnp.concatenate([value[None], gradient, hessian])


def _jacobian(
    key: KernelKey, params: Array, data: Bins | Marks, prior: Prior
) -> tuple[Array, Array]:
    """Prediction (length,) and its derivatives (length, parameters)."""
    return with_jacobian(lambda p: COSTS[key.cost].prediction(key.model, p, data), params)


def _predictions(key: KernelKey, params: Array, data: Bins | Marks, prior: Prior) -> Array:
    """Predictions (rows, length) for many parameter vectors, (rows, parameters)."""
    return jax.vmap(lambda p: COSTS[key.cost].prediction(key.model, p, data))(params)


def _residuals(key: KernelKey, params: Array, data: Bins | Marks, prior: Prior) -> Array:
    """Residuals beside their derivatives, (rows, 1 + parameters), constraints among them."""
    r, jacobian = with_jacobian(lambda p: _all_residuals(key, p, data, prior, params), params)
    return jnp.concatenate([r[:, None], jacobian], axis=1)


def _all_residuals(
    key: KernelKey, params: Array, data: Bins | Marks, prior: Prior, at: Array
) -> Array:
    own = COSTS[key.cost].residuals(key.model, params, data, at)
    return jnp.concatenate([own, jnp.sqrt(prior.weight) * (params - prior.center)])


def _acceleration(key: KernelKey, rows: Array, data: Bins | Marks, prior: Prior) -> Array:
    """Second derivative of the residuals at rows[0] in the direction rows[1], (rows,)."""
    at, way = rows

    def residuals(p: Array) -> Array:
        return _all_residuals(key, p, data, prior, at)

    def velocity(p: Array) -> Array:
        return jax.jvp(residuals, (p,), (way,))[1]

    return jax.jvp(velocity, (at,), (way,))[1]


def _rest(key: KernelKey, params: Array, data: Bins | Marks, prior: Prior) -> Array:
    """The Hessian without 2 J'J of the residuals, (parameters, parameters)."""
    cost = COSTS[key.cost]
    return jax.jacfwd(jax.jacfwd(lambda p: cost.rest(key.model, p, data, params)))(params)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "value_and_gradient": _value_and_gradient,
    "linearised": _linearised,
    "derivatives": _derivatives,
    "jacobian": _jacobian,
    "predictions": _predictions,
    "residuals": _residuals,
    "acceleration": _acceleration,
    "rest": _rest,
    "derivatives_of_rows": _derivatives_by_entry,
    "value_and_gradient_of_rows": _value_and_gradient,
}
