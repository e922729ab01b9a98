"""Compiled kernels: one set of functions per (cost, model, padded length), kept and shared.

Each function is compiled ahead of time on first use, with data, constraints and parameters as
arguments; nothing is compiled twice, whoever asks. Compiled code is kept in memory (the most
recently used kernels) and, where a process uses a `KernelFolder`, on disk across restarts.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.monitoring
import jax.numpy as jnp
from jax import Array

from fitting import mappings
from fitting.additive import MOST_FORWARD, FewParameters, Terms
from fitting.batch.rows import with_row
from fitting.compiling import LIGHTLY, THOROUGHLY
from fitting.costs import COSTS, EffectiveVariance, OfPrediction
from fitting.data import Bins, Marks
from fitting.packing import Prior, unpack
from fitting.whole import Whole
from models.model import Model

# without it each call pays for a hand-over to another thread: a third of a small kernel
jax.config.update("jax_cpu_enable_async_dispatch", False)

FEW = 64  # entries, up to which a matrix more costs next to nothing
LONG = 512  # entries, from which on time goes to them and not to the number of operations

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

    @property
    def has_all_in_one(self) -> bool:
        """Whether `derivatives` give the information, too.

        To compile that and `linearised` takes 1.5 times as long as to compile it alone, and over
        few entries an evaluation is hardly longer. Errors in x need derivatives of a higher order.
        """
        return self.length <= FEW and isinstance(COSTS[self.cost], OfPrediction)


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


class Kernel:
    """The compiled functions of one key; each is made when first asked for."""

    def __init__(self, key: KernelKey):
        self.key = key
        self._compiled: dict[tuple[str, jax.Device | None], Callable[..., Any]] = {}
        self._lock = threading.Lock()

    def function(
        self,
        name: Function,
        arguments: tuple[Any, ...],
        usage: Usage,
        device: jax.Device | None = None,
    ) -> Callable[..., Any]:
        """The compiled function, for `arguments` of the shapes that its key stands for.

        `device`: not the CPU but this one, for which rows may come in blocks of another size.
        """
        place = name, device
        if place not in self._compiled:
            with self._lock, jax.default_device(device):
                if place not in self._compiled:
                    self._compiled[place] = _compile(_FUNCTIONS[name], self.key, arguments, usage)
        return self._compiled[place]


class KernelCache:
    """The most recently used kernels, at most `size` of them, and fewer where they crowd memory."""

    def __init__(self, size: int = 256):
        self.size = size
        self._kernels: OrderedDict[KernelKey, Kernel] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: KernelKey) -> Kernel:
        """The kernel of this key, new (and not compiled yet) if there was none."""
        with self._lock:
            if key not in self._kernels:
                most = len(self._kernels) // 2 if mappings.are_crowded() else self.size - 1
                while len(self._kernels) > most:
                    self._kernels.popitem(last=False)
                self._kernels[key] = Kernel(key)
            self._kernels.move_to_end(key)
            return self._kernels[key]


def _compile(
    function: Callable[..., Any], key: KernelKey, arguments: tuple[Any, ...], usage: Usage
) -> Callable[..., Any]:
    began, hits = time.perf_counter(), _disk_hits.count
    of_rows = len(arguments) == 3
    bound = _bind_rows(function, key) if of_rows else _bind(function, key)
    options = THOROUGHLY if of_rows or key.length >= LONG else LIGHTLY
    compiled = jax.jit(bound, compiler_options=options).lower(*arguments).compile()
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


def _derivatives_of(
    key: KernelKey, params: Array, data: Bins | Marks, *, of_rows: bool = False
) -> Terms | Whole:
    """What the functions below are made of: a cost and its derivatives, without constraints."""
    cost = COSTS[key.cost]
    if isinstance(cost, OfPrediction):
        few = len(params) <= MOST_FORWARD and (of_rows or len(data.used) >= LONG)
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


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "value_and_gradient": _value_and_gradient,
    "linearised": _linearised,
    "derivatives": _derivatives,
    "jacobian": _jacobian,
    "predictions": _predictions,
    "residuals": _residuals,
    "acceleration": _acceleration,
    "rest": _rest,
    "derivatives_of_rows": partial(_derivatives, of_rows=True),
    "value_and_gradient_of_rows": partial(_value_and_gradient, of_rows=True),
}
