"""Newton's method on many rows at once, each with a damping of its own.

The steps are Levenberg's (damped on the Hessian of unit diagonal), where the Hessian is not
positive definite with its absolute eigenvalues, and are kept only if the row's cost falls. A row
leaves as soon as its next step is too short to matter; that step is taken, and nothing computed
at its end: it leaves an error of its square.
"""

import contextlib
import time
from dataclasses import dataclass

import numpy as np

from fitting.batch_objective import Derivatives, RowsObjective
from fitting.bounds import Bounds
from fitting.errors import DeadlineReached
from fitting.newton import SETTLED
from fitting.padding import Flags, Floats, Places
from fitting.stacks import inverses
from fitting.verdict import CERTAIN_EDM

MAX_STEPS = 40
MOST_CUT = 6  # steps of a row that a limit cut short: its minimum is there, or beyond
MAX_DAMPING = 1e6
TOWARDS_LIMIT = 0.8  # of the way, for a step that would pass it
FEW = 0.02  # of the rows: after some steps the rest is cheaper one by one
PATIENCE = 12
FIRST = 4  # steps that are made whatever the time, so that each call gets somewhere
SLACK = 8 * np.finfo(float).eps


@dataclass(frozen=True, eq=False)
class Descended:
    """Where the rows are: `values` and what the derivatives say one short step before.

    `inverse` (rows, parameters, parameters) is that of the Hessian, of the free parameters, and
    `stiffness` (rows,) the trace of the inverse of unit diagonal, at least one over the smallest
    eigenvalue. Both mean something for rows that are `settled`; `unfinished` ones had no time.
    """

    values: Floats
    cost: Floats
    edm: Floats
    inverse: Floats
    stiffness: Floats
    scale: Floats
    settled: Flags
    unfinished: Flags


class Descent:
    """One descent of all rows of an objective; `ndof` (rows,) if costs are of unknown scale."""

    def __init__(self, objective: RowsObjective, bounds: Bounds, ndof: Floats | None = None):
        self.objective = objective
        self.bounds = bounds
        self.ndof = ndof

    def run(self, starts: Floats, until: float = float("inf")) -> Descended:
        """From (rows, parameters), to rest or until a moment on time.monotonic's clock."""
        size, count = starts.shape
        found = Descended(
            self.bounds.clip(starts),
            np.full(size, np.inf),
            np.full(size, np.inf),
            np.zeros((size, count, count)),
            np.full(size, np.inf),
            np.ones(size),
            np.zeros(size, dtype=bool),
            np.ones(size, dtype=bool),
        )
        with contextlib.suppress(DeadlineReached), np.errstate(invalid="ignore", over="ignore"):
            self._run(found, until)
        return found

    def _run(self, found: Descended, until: float) -> None:
        values, size = found.values, len(found.values)
        active: Places = np.arange(size)
        here = self.objective.derivatives(active, values)
        damping, cuts = np.zeros(size), np.zeros(size, dtype=np.intp)
        sound: Flags = np.isfinite(here.cost) & np.isfinite(here.hessian).all(axis=(0, 1))
        found.unfinished[~sound] = False
        active, here, damping, cuts = _kept(sound, active, here, damping, cuts)
        for number in range(MAX_STEPS):
            if not len(active) or (number > FIRST and time.monotonic() > until):
                return
            if number > PATIENCE and len(active) < FEW * size:
                break
            at = values[active]
            step, ready, cut = self._steps(active, at, here, damping, found)
            moved = at + step
            values[active[ready]] = self.bounds.clip(moved[ready])
            cuts = cuts + cut
            going = ~ready & (damping < MAX_DAMPING) & (cuts < MOST_CUT)
            found.unfinished[active[~going]] = False
            moved, at = moved[going], at[going]
            active, here, damping, cuts = _kept(going, active, here, damping, cuts)
            if not len(active):
                return
            there = self.objective.derivatives(active, moved)
            lower = _is_lower(there, here)
            values[active] = np.where(lower[:, None], moved, at)
            relaxed = np.where(damping > 1e-3, 0.1 * damping, 0.0)
            damping = np.where(lower, relaxed, np.maximum(10 * damping, 1e-2))
            here = Derivatives(
                np.where(lower, there.cost, here.cost),
                np.where(lower, there.gradient, here.gradient),
                np.where(lower, there.hessian, here.hessian),
            )
        found.unfinished[active] = False

    def _steps(
        self, active: Places, at: Floats, here: Derivatives, damping: Floats, found: Descended
    ) -> tuple[Floats, Flags, Flags]:
        """Steps (rows, parameters), whose rows are ready with them, and which a limit cut short.

        What is known of the rows is written into `found`.
        """
        bounds, count = self.bounds, at.shape[1]
        params, gradient = at.T, here.gradient
        lower, upper = bounds.lower[:, None], bounds.upper[:, None]
        held = ((params <= lower) & (gradient > 0)) | ((params >= upper) & (gradient < 0))
        still = held | bounds.fixed[:, None]
        gradient = np.where(still, 0.0, gradient)
        diagonal = here.hessian[np.arange(count), np.arange(count)]
        scales = np.sqrt(np.abs(np.where(still | (diagonal == 0), 1.0, diagonal)))
        unit = here.hessian / scales / scales[:, None]
        unit = np.where(still | still[:, None], 0.0, unit)
        unit[np.arange(count), np.arange(count)] = np.where(still, 1.0, np.sign(diagonal))
        inverse, definite = inverses(unit)
        newton = -np.einsum("ijr,jr->ir", inverse, gradient / scales)
        step = newton / scales
        others = np.flatnonzero((damping > 0) | ~definite)
        if len(others):
            turned = _damped(unit[:, :, others], (gradient / scales)[:, others], damping[others])
            step[:, others] = turned / scales[:, others]
        step = np.where(still, 0.0, step)  # eigenvectors of equal eigenvalues are mixed ones
        scale = self._scale(active, here.cost)
        edm = -0.5 * np.einsum("ir,ir->r", newton, gradient / scales)
        sigmas = np.abs(newton).max(axis=0) * np.sqrt(scale / 2)
        moved = params + step
        passing = (moved <= lower) | (moved >= upper)
        passing &= ~still
        cut = passing.any(axis=0)
        if cut.any():
            with np.errstate(invalid="ignore"):
                limit = np.where(moved <= lower, lower, upper)
                step = np.where(passing, TOWARDS_LIMIT * (limit - params), step)
        ready = definite & ~cut & (damping == 0) & ~held.any(axis=0)
        ready &= (sigmas < SETTLED) & (edm * scale < CERTAIN_EDM)
        rows = active[ready]
        found.cost[rows], found.edm[rows] = here.cost[ready], (edm * scale)[ready]
        found.scale[rows] = scale[ready]
        found.stiffness[rows] = np.einsum("iir->r", inverse)[ready]
        inverse = np.where(still | still[:, None], 0.0, inverse / scales / scales[:, None])
        found.inverse[rows] = inverse[:, :, ready].transpose(2, 0, 1)
        found.settled[rows] = True
        return step.T, ready, np.asarray(cut)

    def _scale(self, active: Places, cost: Floats) -> Floats:
        """What brings costs of unknown scale to the order of ndof."""
        if self.ndof is None:
            return np.ones(len(active))
        return np.maximum(self.ndof[active], 1.0) / np.where(cost > 0, cost, np.inf)


def _kept(
    which: Flags, active: Places, here: Derivatives, damping: Floats, cuts: Places
) -> tuple[Places, Derivatives, Floats, Places]:
    if which.all():
        return active, here, damping, cuts
    left = Derivatives(here.cost[which], here.gradient[:, which], here.hessian[:, :, which])
    return active[which], left, damping[which], cuts[which]


def _is_lower(there: Derivatives, here: Derivatives) -> Flags:
    finite = np.isfinite(there.cost) & np.isfinite(there.hessian).all(axis=(0, 1))
    finite &= np.isfinite(there.gradient).all(axis=0)
    with np.errstate(invalid="ignore"):
        return finite & (there.cost <= here.cost + SLACK * np.abs(here.cost))


def _damped(unit: Floats, gradient: Floats, damping: Floats) -> Floats:
    """Levenberg's steps (parameters, rows), by the absolute eigenvalues."""
    values, vectors = np.linalg.eigh(unit.transpose(2, 0, 1))
    curvature = np.maximum(np.abs(values), 1e-3 * np.maximum(-values[:, :1], 0.0))
    curvature = np.maximum(curvature, 1e-10) + damping[:, None]
    along = np.einsum("rij,ir->rj", vectors, gradient)
    return -np.einsum("rij,rj->ir", vectors, along / curvature)
