"""Newton's method with the exact Hessian: from 'EDM small enough' to the last digits.

MIGRAD stops where its estimate of the distance to the minimum is small against one standard
deviation; two or three Newton steps from there are limited by rounding alone. The method is
safe from anywhere: steps are projected onto the limits (D. Bertsekas, SIAM J. Control Optim.
20 (1982) 221), use the absolute eigenvalues of an indefinite Hessian, and are kept only if the
cost does not rise.
"""

from dataclasses import dataclass

import numpy as np

from fitting.objective import Objective
from fitting.padding import Flags, Floats

MAX_STEPS = 100
MAX_HALVINGS = 30
SETTLED = 1e-7  # standard deviations; a Newton step of this size leaves an error of its square
ROUNDING = 8 * np.finfo(float).eps
SINGULAR = 1e-13  # smallest eigenvalue of a Hessian of unit diagonal, per parameter


@dataclass(frozen=True, eq=False)
class Bounds:
    """Limits (-inf, inf where there are none) and fixed flags, each (parameters,)."""

    lower: Floats
    upper: Floats
    fixed: Flags

    def clip(self, params: Floats) -> Floats:
        return np.clip(params, self.lower, self.upper)

    def held(self, params: Floats, gradient: Floats) -> Flags:
        """Parameters at a limit beyond which the cost would fall."""
        at_lower = (params <= self.lower) & (gradient > 0)
        at_upper = (params >= self.upper) & (gradient < 0)
        return (at_lower | at_upper) & ~self.fixed


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigen-decomposition of a Hessian brought to unit diagonal: `scales * vectors`."""

    scales: Floats
    values: Floats
    vectors: Floats

    @classmethod
    def of(cls, hessian: Floats) -> "Spectrum":
        diagonal = np.abs(np.diag(hessian))
        scales = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        values, vectors = np.linalg.eigh(hessian / np.outer(scales, scales))
        return cls(scales, values, vectors)

    @property
    def positive_definite(self) -> bool:
        return bool(self.values.min(initial=np.inf) > SINGULAR * len(self.values))

    def inverse(self) -> Floats:
        """Inverse of the Hessian."""
        root = self.vectors / np.sqrt(self.values) / self.scales[:, None]
        return root @ root.T

    def descent(self, gradient: Floats) -> Floats:
        """The Newton step, with absolute and not too small eigenvalues."""
        floor = max(SINGULAR * len(self.values), 1e-3 * -self.values.min(initial=0.0))
        curvature = np.maximum(np.abs(self.values), floor)
        along = self.vectors.T @ (gradient / self.scales)
        return -(self.vectors @ (along / curvature)) / self.scales


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where the descent ended, with exact derivatives there (of the scaled cost)."""

    values: Floats
    cost: float
    gradient: Floats
    hessian: Floats
    free: Flags  # neither fixed nor held at a limit
    held: Flags
    positive_definite: bool
    edm: float
    flat: tuple[int, ...]  # the parameters along a direction without curvature

    @property
    def defined(self) -> bool:
        """Cost and its derivatives are finite."""
        return bool(np.isfinite(self.cost) and np.isfinite(self.hessian).all())


def polish(objective: Objective, start: Floats, bounds: Bounds) -> Minimum:
    """Descend from `start` to the nearest minimum inside `bounds`, to rounding."""
    params = bounds.clip(start)
    for _ in range(MAX_STEPS):
        cost, gradient = objective.evaluate(params)
        if not (np.isfinite(cost) and np.isfinite(gradient).all()):
            break
        free = ~bounds.fixed & ~bounds.held(params, gradient)
        if not free.any():
            break
        hessian = objective.hessian(params)
        if not np.isfinite(hessian).all():
            break
        spectrum = Spectrum.of(hessian[np.ix_(free, free)])
        step = np.zeros_like(params)
        step[free] = spectrum.descent(gradient[free])
        moved = _try_step(objective, params, cost, step, bounds)
        if moved is None:
            break
        size = np.max(np.abs((moved - params)[free]) * spectrum.scales) / np.sqrt(2)
        params = moved
        if spectrum.positive_definite and size < SETTLED * np.sqrt(max(objective.scale, 1.0)):
            break
    return certify(objective, params, bounds)


def _try_step(
    objective: Objective, params: Floats, cost: float, step: Floats, bounds: Bounds
) -> Floats | None:
    """The longest of step, step/2, step/4, ... that does not raise the cost, if any moves."""
    slack = ROUNDING * max(abs(cost), 1e-300)
    for halving in range(MAX_HALVINGS):
        moved = bounds.clip(params + step / 2**halving)
        if np.array_equal(moved, params):
            return None
        value, gradient = objective.evaluate(moved)
        if np.isfinite(gradient).all() and value <= cost + slack:
            return moved
    return None


def certify(objective: Objective, params: Floats, bounds: Bounds) -> Minimum:
    """What the exact derivatives say of this point."""
    cost, gradient = objective.evaluate(params)
    hessian = objective.hessian(params)
    held = bounds.held(params, gradient)
    free = ~bounds.fixed & ~held
    block = hessian[np.ix_(free, free)]
    positive_definite, edm = False, float("inf")
    flat: tuple[int, ...] = ()
    if np.isfinite(block).all() and np.isfinite(gradient).all():
        spectrum = Spectrum.of(block)
        positive_definite = spectrum.positive_definite and bool((np.diag(block) > 0).all())
        if positive_definite:
            edm = float(0.5 * gradient[free] @ spectrum.inverse() @ gradient[free])
        else:
            weakest = np.abs(spectrum.vectors[:, 0])
            flat = tuple(np.flatnonzero(free)[weakest > 0.3 * weakest.max()].tolist())
    return Minimum(params, cost, gradient, hessian, free, held, positive_definite, edm, flat)


def undetermined(objective: Objective, minimum: Minimum, start: Floats) -> tuple[int, ...]:
    """Free parameters on which the cost does not depend as its second derivatives say.

    A parameter of which the data know nothing has a curvature of rounding, which may be positive.
    Where one standard deviation (of the parameter alone) is longer than the parameter, or than
    its way to a limit, the cost must really rise by about one there, on one side at least.
    """
    found = []
    for i in np.flatnonzero(minimum.free):
        sigma = np.sqrt(2 * objective.scale / minimum.hessian[i, i])
        size = max(abs(minimum.values[i]), abs(start[i]))
        if sigma < 3 * size:
            continue
        rises = []
        for side in (-1, 1):
            moved = minimum.values.copy()
            moved[i] += side * sigma
            rises.append((objective.evaluate(moved)[0] - minimum.cost) / objective.scale)
        if not any(0.05 < rise < 20 for rise in rises):
            found.append(int(i))
    return tuple(found)
