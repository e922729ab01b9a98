"""A compiled cost bound to one data set: what the minimisers call.

Data longer than the kernel go through it block by block, and what is summed over entries is
summed over blocks here. Between the model and a sum over a million entries at once are hundreds of
megabytes; writing and reading them takes longer than computing them.
"""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fitting.data import Bins, Leaf, Marks
from fitting.errors import DeadlineReached
from fitting.kernels.cache import Kernel, Usage
from fitting.kernels.functions import Function
from fitting.kernels.packing import Prior, pack_blocks
from fitting.padding import Floats

UNDEFINED_COST = 1e10
ROWS = 32  # of predictions at once: one size to compile; of one point `jacobian` is cheaper


class Objective:
    """Value, gradient and Hessian at given parameters, counted, and stopped when told to.

    `nfcn` counts evaluations of cost and gradient, which are always computed together, `nhess`
    those of the Hessian, which brings both along. Residuals are not counted.

    `scale` multiplies the cost, so that its minimum can be brought to the order of ndof before
    an absolute EDM is believed. `stop` is called before each evaluation and may raise
    `errors.Stopped`; the same happens once `deadline` (on time.monotonic's clock) has passed.
    """

    def __init__(
        self,
        kernel: Kernel,
        data: Bins | Marks,
        prior: Prior,
        tables: tuple[Leaf, ...],
        usage: Usage,
        deadline: float = float("inf"),
        stop: Callable[[], None] | None = None,
    ):
        self.kernel = kernel
        self.usage = usage
        self.deadline = deadline
        self.stop = stop
        self.scale = 1.0
        self.nfcn = self.nhess = 0
        self.best_cost = float("inf")
        self.best: Floats | None = None
        self._functions: dict[str, Callable[..., Any]] = {}
        self._data = data
        self._prior = prior
        self._tables = tables
        self._pack()
        self._last = self._last_hessian = self._last_information = b""
        self._value = float("nan")
        self._gradient: Floats = np.zeros(0)
        self._hessian = self._information = np.zeros((0, 0))

    def sibling(
        self, kernel: Kernel, data: Bins | Marks, prior: Prior | None = None
    ) -> "Objective":
        """Another kernel and data, under the same deadline and bookkeeping."""
        prior = self._prior if prior is None else prior
        return Objective(kernel, data, prior, self._tables, self.usage, self.deadline, self.stop)

    def replace(self, **fields: Any) -> None:
        """Exchange some of the data; the kernel stays the same."""
        self._data = self._data._replace(**fields)
        self._pack()
        self._last = self._last_hessian = self._last_information = b""
        self.best_cost = float("inf")  # of these data; where it was best is still worth telling

    def _pack(self) -> None:
        self._vectors = self._packed(self._data)
        # how many blocks are summed: those of padding alone, at the end, add nothing
        last = int(np.flatnonzero(self._data.used)[-1]) if self._data.used.any() else 0
        self._summed = last // self.kernel.key.length + 1

    def _packed(self, data: Bins | Marks) -> list[Any]:
        return pack_blocks(data, self._prior, self._tables, self.kernel.key.length)

    @contextlib.contextmanager
    def without_logarithm(self) -> Iterator[None]:
        """With the pulls alone in a Berkson cost; another cost has no logarithm."""
        if not isinstance(self._data, Marks):
            yield
            return
        before = self._data.log_weight
        self.replace(log_weight=np.asarray(0.0))
        try:
            yield
        finally:
            self.replace(log_weight=before)

    def evaluate(self, params: Floats) -> tuple[float, Floats]:
        """Cost and gradient (parameters,), computed together; not finite where undefined."""
        self._update(params)
        if self.scale == 1:
            return self._value, self._gradient
        return self._value * self.scale, self._gradient * self.scale

    def value(self, params: Floats) -> float:
        """The cost for Minuit: finite, and very bad where it is undefined."""
        self._update(params)
        value = self._value * self.scale
        if math.isfinite(value):
            return value
        return UNDEFINED_COST * (1 + abs(self._best_scaled()))

    def gradient(self, params: Floats) -> Floats:
        """The gradient for Minuit: zero where it is undefined."""
        self._update(params)
        if math.isfinite(self._gradient.sum()):
            return self._gradient * self.scale
        return np.zeros_like(self._gradient)

    def _update(self, params: Floats) -> None:
        key = params.tobytes()
        if key != self._last:
            self.nfcn += 1
            self._remember(params, key, self._sum("value_and_gradient", params))

    def hessian(self, params: Floats) -> Floats:
        """Exact second derivatives, (parameters, parameters); `evaluate` there is then free."""
        key = params.tobytes()
        if key != self._last_hessian:
            self._differentiate("derivatives", params, key)
        return self._hessian * self.scale

    def _differentiate(self, name: Function, params: Floats, key: bytes) -> None:
        """Remember what a function gives whose value and gradient matrices follow."""
        self.nfcn += 1
        out, size = self._sum(name, params), len(params)
        self._remember(params, key, out[: 1 + size])
        matrices = out[1 + size :].reshape(-1, size, size)
        if name == "derivatives":
            self.nhess += 1
            self._last_hessian, self._hessian = key, (matrices[0] + matrices[0].T) / 2
        if name == "linearised" or len(matrices) == 2:
            self._last_information, self._information = key, matrices[-1]

    def _remember(self, params: Floats, key: bytes, out: Floats) -> None:
        self._last, self._value, self._gradient = key, float(out[0]), out[1:]
        if -math.inf < self._value < self.best_cost:
            self.best_cost, self.best = self._value, params.copy()

    def linearised(self, params: Floats) -> tuple[float, Floats, Floats]:
        """Cost, gradient and the Gauss-Newton approximation of the Hessian, computed together."""
        key = params.tobytes()
        if key != self._last_information:
            name: Function = "derivatives" if self.kernel.key.has_all_in_one else "linearised"
            self._differentiate(name, params, key)
        return (*self.evaluate(params), self._information * self.scale)

    def residuals(self, params: Floats) -> tuple[Floats, Floats]:
        """Residuals r (rows,) and their derivatives J (rows, parameters): the gradient is 2 J'r."""
        out = self._joined("residuals", params) * math.sqrt(self.scale)
        return out[:, 0], out[:, 1:]

    def acceleration(self, params: Floats, way: Floats) -> Floats:
        """Second derivative of the residuals along `way`, (rows,)."""
        rows = np.stack([params, way])
        return self._joined("acceleration", rows) * math.sqrt(self.scale)

    def rest(self, params: Floats) -> Floats:
        """The exact Hessian without 2 J'J, (parameters, parameters)."""
        self.nhess += 1
        out = self._sum("rest", params) * self.scale
        return (out + out.T) / 2

    def jacobian(self, params: Floats) -> tuple[Floats, Floats]:
        """Prediction (length,) and its derivatives (length, parameters)."""
        found = self._joined("jacobian", params)
        return found[:, 0], found[:, 1:]

    def predictions(self, rows: Floats) -> Floats:
        """Predictions (rows, length) at each row of parameters, in blocks of one size.

        Slow models row by row: the deadline is looked at between calls.
        """
        if self.kernel.key.model.is_slow:
            return np.stack([self.jacobian(row)[0] for row in rows])
        blocks = []
        for first in range(0, len(rows), ROWS):
            block = rows[first : first + ROWS]
            padded = np.concatenate([block, np.repeat(block[-1:], ROWS - len(block), axis=0)])
            blocks.append(self._joined("predictions", padded).T[: len(block)])
        return np.concatenate(blocks)

    @contextlib.contextmanager
    def without_deadline(self) -> Iterator[None]:
        """For what is asked of a fit that has ended in time: it is not lost for that."""
        deadline, self.deadline = self.deadline, math.inf
        try:
            yield
        finally:
            self.deadline = deadline

    def is_defined(self, params: Floats) -> bool:
        """Whether cost and gradient are finite here."""
        value, gradient = self.evaluate(params)
        return bool(np.isfinite(value) and np.isfinite(gradient).all())

    def can_start_at(self, params: Floats) -> bool:
        """`is_defined`, asked of where a descent may begin: what its first step needs comes along.

        So most fits never need cost and gradient alone, one function more to compile.
        """
        self.linearised(params)
        return self.is_defined(params)

    def _best_scaled(self) -> float:
        return self.best_cost * self.scale if np.isfinite(self.best_cost) else 0.0

    def cost_with(self, params: Floats, **fields: Any) -> float:
        """The cost with some of the data exchanged; what is known of the others stays known."""
        vectors = self._packed(self._data._replace(**fields))
        return float(self._sum("value_and_gradient", params, vectors)[0])

    def _sum(self, name: Function, params: Floats, vectors: list[Any] | None = None) -> Floats:
        """Of something that adds up over entries."""
        first, *others = (vectors or self._vectors)[: self._summed]
        total = self._call(name, params, first)
        for vector in others:
            total = total + self._call(name, params, vector)
        return total

    def _joined(self, name: Function, params: Floats) -> Floats:
        """Something with a row for each entry, padding included."""
        if len(self._vectors) == 1:
            return self._call(name, params, self._vectors[0])
        return np.concatenate([self._call(name, params, vector) for vector in self._vectors])

    def _call(self, name: Function, params: Floats, vector: Any) -> Floats:
        if self.stop is not None:
            self.stop()
        if time.monotonic() > self.deadline:
            raise DeadlineReached
        function = self._functions.get(name)
        if function is None:
            function = self.kernel.function(name, (params, vector), self.usage)
            self._functions[name] = function
        return np.asarray(function(params, vector))
