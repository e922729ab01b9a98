"""Parameters among which are the places of breaks: what holds a kink on one of the data holds one.

A kink at t0 + w stays where it is along a line in the parameters, on which neither of them is
fixed. In (t0, u) with u = t0 + w instead of (t0, w) it stays where u does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fitting.bounds import Bounds
from fitting.objective import Objective
from fitting.padding import Floats
from models.breaks import Break


@dataclass(frozen=True, eq=False)
class Positions:
    """Coordinates u = rows @ p + offsets: of each of the `breaks` one parameter, its pivot, is
    exchanged for the place where the break stands."""

    breaks: tuple[Break, ...]
    pivots: tuple[int, ...]
    rows: Floats
    offsets: Floats

    @classmethod
    def of(cls, breaks: Sequence[Break], bounds: Bounds) -> "Positions":
        """Of those breaks that can be moved, each independently of the others before it.

        Its pivot is a free parameter that few of them depend on, so that it moves few of them.
        """
        size, chosen, pivots = len(bounds.fixed), list[Break](), list[int]()
        rows, offsets = np.eye(size), np.zeros(size)
        used = [i for one in breaks for i, _ in one.factors]
        for one in breaks:
            free = [i for i, _ in one.factors if not bounds.fixed[i] and i not in pivots]
            for pivot in sorted(free, key=used.count):
                with_it = rows.copy()
                with_it[pivot] = 0.0
                with_it[pivot, [i for i, _ in one.factors]] = [factor for _, factor in one.factors]
                if np.linalg.matrix_rank(with_it) == size:
                    rows, offsets[pivot] = with_it, one.offset
                    chosen.append(one)
                    pivots.append(pivot)
                    break
        return cls(tuple(chosen), tuple(pivots), rows, offsets)

    @cached_property
    def axes(self) -> Floats:
        """Derivatives of the parameters by the coordinates, (parameters, coordinates)."""
        return np.asarray(np.linalg.inv(self.rows))

    @property
    def ways(self) -> Floats:
        """How the parameters move with each break, the others standing, (breaks, parameters)."""
        return self.axes.T[list(self.pivots)]

    @property
    def are_parameters(self) -> bool:
        """Whether the coordinates are the parameters themselves."""
        return not self.offsets.any() and bool((self.rows == np.eye(len(self.rows))).all())

    def coordinates(self, params: Floats) -> Floats:
        """Where these parameters are."""
        return np.asarray(self.rows @ params + self.offsets)

    def params(self, coordinates: Floats) -> Floats:
        """The parameters there."""
        return np.asarray(self.axes @ (coordinates - self.offsets))

    def put(self, params: Floats, x: Sequence[float]) -> Floats:
        """`params` with the breaks at these x, and all but the pivots as they are."""
        moved = self.coordinates(params)
        moved[list(self.pivots)] = x
        return self.params(moved)

    def along(self, gradient: Floats) -> Floats:
        """A gradient without what moves the breaks."""
        turned = self.axes.T @ gradient
        turned[list(self.pivots)] = 0.0
        return np.asarray(self.rows.T @ turned)

    def are_inside(self, params: Floats, bounds: Bounds) -> bool:
        """Whether no pivot is at a limit, or beyond one."""
        own = list(self.pivots)
        lower, upper = bounds.lower[own], bounds.upper[own]
        return bool(((params[own] > lower) & (params[own] < upper)).all())


class Turned(Objective):
    """The cost of another objective by coordinates."""

    def __init__(self, objective: Objective, positions: Positions):
        self._objective = objective
        self._positions = positions
        self._axes = positions.axes

    @property
    def scale(self) -> float:
        return self._objective.scale

    @scale.setter
    def scale(self, scale: float) -> None:
        self._objective.scale = scale

    def evaluate(self, params: Floats) -> tuple[float, Floats]:
        cost, gradient = self._objective.evaluate(self._positions.params(params))
        return cost, self._axes.T @ gradient

    def value(self, params: Floats) -> float:
        return self._objective.value(self._positions.params(params))

    def gradient(self, params: Floats) -> Floats:
        return np.asarray(self._axes.T @ self._objective.gradient(self._positions.params(params)))

    def hessian(self, params: Floats) -> Floats:
        hessian = self._objective.hessian(self._positions.params(params))
        return np.asarray(self._axes.T @ hessian @ self._axes)

    def linearised(self, params: Floats) -> tuple[float, Floats, Floats]:
        cost, gradient, information = self._objective.linearised(self._positions.params(params))
        return cost, self._axes.T @ gradient, self._axes.T @ information @ self._axes

    def residuals(self, params: Floats) -> tuple[Floats, Floats]:
        residuals, jacobian = self._objective.residuals(self._positions.params(params))
        return residuals, jacobian @ self._axes

    def acceleration(self, params: Floats, way: Floats) -> Floats:
        return self._objective.acceleration(self._positions.params(params), self._axes @ way)

    def rest(self, params: Floats) -> Floats:
        rest = self._objective.rest(self._positions.params(params))
        return np.asarray(self._axes.T @ rest @ self._axes)
