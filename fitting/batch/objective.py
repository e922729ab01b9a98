"""A compiled cost bound to many data sets: its derivatives at one point for each of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fitting.errors import DeadlineReached
from fitting.kernels.cache import Kernel, Usage
from fitting.kernels.devices import accelerator
from fitting.kernels.functions import Function
from fitting.kernels.packing import pack
from fitting.padding import Flags, Floats, Places
from fitting.problem import FitProblem

MOST_ROWS = 128  # of a call: what is longer does not stay in the cache of a core
MOST_ENTRIES = 2**14
# of a call to an accelerator, which fewer rows would not fill; estimates, none was at hand
ROWS_THERE = 4096
MOST_ENTRIES_THERE = 2**22


@dataclass(frozen=True, eq=False)
class Derivatives:
    """Of some rows: cost (rows,), gradient (parameters, rows), Hessian (parameters, same, rows)."""

    cost: Floats
    gradient: Floats
    hessian: Floats

    def at(self, places: Places) -> "Derivatives":
        """Of some of the rows."""
        return Derivatives(self.cost[places], self.gradient[:, places], self.hessian[:, :, places])

    def replaced(self, places: Places, other: "Derivatives") -> "Derivatives":
        """With others for the rows at these places."""
        found = Derivatives(self.cost.copy(), self.gradient.copy(), self.hessian.copy())
        found.cost[places], found.gradient[:, places] = other.cost, other.gradient
        found.hessian[:, :, places] = other.hessian
        return found

    def where(self, which: Flags, other: "Derivatives") -> "Derivatives":
        """These for `which` rows, those of another for the others."""
        return Derivatives(
            np.where(which, self.cost, other.cost),
            np.where(which, self.gradient, other.gradient),
            np.where(which, self.hessian, other.hessian),
        )


class RowsObjective:
    """`stop` is called before each evaluation and may raise; so does a passed `deadline`.

    `scales` are linear parameters that may follow from the others (`FitProblem`).
    """

    def __init__(
        self,
        kernel: Kernel,
        problem: FitProblem,
        shared: Any,
        stack: Floats,
        usage: Usage,
        deadline: float,
        stop: Callable[[], None] | None,
    ):
        self.kernel = kernel
        self.usage = usage
        self.deadline = deadline
        self.stop = stop
        self.stack = stack
        self._shared, self._problem = shared, problem
        self._vector = pack(shared, problem.prior, problem.model.tables)
        self.scales = problem.scales
        self._step = max(1, min(MOST_ROWS, MOST_ENTRIES // kernel.key.length))
        self._step_there = max(1, min(ROWS_THERE, MOST_ENTRIES_THERE // kernel.key.length))

    def with_data(self, stack: Floats | None = None, **shared: Any) -> "RowsObjective":
        """The same with other data."""
        return RowsObjective(
            self.kernel,
            self._problem,
            self._shared._replace(**shared),
            self.stack if stack is None else stack,
            self.usage,
            self.deadline,
            self.stop,
        )

    def derivatives(self, places: Any, params: Floats) -> Derivatives:
        """At one point (rows, parameters) for each of the rows at `places`."""
        size = params.shape[1]
        out = self._call("derivatives_of_rows", places, params).T
        hessian = out[1 + size :].reshape(size, size, -1)
        return Derivatives(out[0], out[1 : 1 + size], (hessian + hessian.swapaxes(0, 1)) / 2)

    def gradients(self, places: Any, params: Floats) -> tuple[Floats, Floats]:
        """Cost (rows,) and gradient (parameters, rows)."""
        out = self._call("value_and_gradient_of_rows", places, params).T
        return out[0], out[1:]

    def costs(self, places: Any, params: Floats) -> Floats:
        """The cost alone, (rows,)."""
        return self.gradients(places, params)[0]

    def _call(self, name: Function, places: Any, params: Floats) -> Floats:
        """In blocks of one size; the last is filled up by repeating its last row."""
        blocks, step, device = [], self._step, accelerator()
        if device is not None and len(places) >= self._step_there:
            step = self._step_there
        else:
            device = None
        for first in range(0, len(places), step):
            if self.stop is not None:
                self.stop()
            if time.monotonic() > self.deadline:
                raise DeadlineReached
            point = params[first : first + step]
            rows = self.stack[places[first : first + step]]
            more = step - len(point)
            if more:
                point = np.concatenate([point, np.repeat(point[-1:], more, axis=0)])
                rows = np.concatenate([rows, np.repeat(rows[-1:], more, axis=0)])
            arguments = (point, self._vector, rows)
            function = self.kernel.function(name, arguments, self.usage, device)
            out = np.asarray(function(*arguments))
            blocks.append(out[: len(out) - more])
        width = 1 + params.shape[1]
        return np.concatenate(blocks) if blocks else np.zeros((0, width))
