"""Newton's method on many rows at once, each with a damping of its own.

The steps are Levenberg's (damped on the Hessian of unit diagonal), where the Hessian is not
positive definite with its absolute eigenvalues, and are kept only if the row's cost falls. After
a short step the gradient alone is looked at, with the Hessian of before; a row leaves as soon as
its next step is too short to matter. That one is taken, and nothing computed at its end: it leaves
an error of its square. The covariance is of before it, so the row goes on if the step is long for
how fast the variances change, by what they changed over the step before.
"""

import contextlib
import time
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fitting.batch.objective import Derivatives, RowsObjective
from fitting.batch.stacks import inverses
from fitting.bounds import Bounds
from fitting.errors import DeadlineReached
from fitting.padding import Flags, Floats, Places
from fitting.search.newton import NEAR, ROUNDING
from fitting.search.verdict import CERTAIN_EDM

MAX_STEPS = 40
MOST_CUT = 6  # steps of a row that a limit cut short: its minimum is there, or beyond
MAX_DAMPING = 1e6
TOWARDS_LIMIT = 0.8  # of the way, for a step that would pass it
WORTH_A_LOOK = 0.1  # of the rows; fewer take a full step with the others
FEW = 0.02  # of the rows: after some steps the rest is cheaper one by one
PATIENCE = 12
FIRST = 10  # steps made whatever the time: in so many a row that gets nowhere is given up
FINAL = 1e-5  # standard deviations; a Newton step of this size leaves an error of its square
SHORT = 3e-5  # standard deviations; the Hessian of before gives errors to five digits and more
NARROW = 1e3  # a valley, along which a damped step would get nowhere: it is shortened instead
MOST_CAREFUL = 300.0  # times as short a last step in a valley: rounding leaves no less
SHORTER = 100.0  # times the damping
STEADY = 1e-5  # of a variance; of an error half of that


@dataclass(frozen=True, eq=False)
class Descended:
    """Where the rows are: `values` and what the derivatives say one short step before.

    `bent` rows have met a Hessian that was not positive definite: which minimum they came to is
    the method's choice.

    `inverse` (rows, parameters, parameters) is that of the Hessian, of the free parameters, and
    `stiffness` (rows,) the trace of the inverse of unit diagonal, at least one over the smallest
    eigenvalue; `curvature` (rows, parameters) is that of each parameter alone. These mean something
    for rows that are `settled`; `unfinished` ones had no time.
    """

    values: Floats
    cost: Floats
    edm: Floats
    inverse: Floats
    stiffness: Floats
    curvature: Floats
    scale: Floats
    settled: Flags
    unfinished: Flags
    bent: Flags

    def take(self, rows: Places, other: "Descended") -> None:
        """Some rows from another descent."""
        for name in vars(self):
            getattr(self, name)[rows] = getattr(other, name)[rows]


@dataclass(frozen=True, eq=False)
class Newton:
    """Newton's steps of some rows, in parameters in which the Hessian has a `unit` diagonal.

    `scales` leads there, `gradient` is the one there; `still` are parameters that do not move.
    """

    unit: Floats
    inverse: Floats
    definite: Flags
    scales: Floats
    still: Flags
    held: Flags
    scale: Floats
    gradient: Floats

    def at(self, places: Places, gradient: Floats | None, scale: Floats) -> "Newton":
        """Some of the rows, with another gradient if one is given."""
        still, scales = self.still[:, places], self.scales[:, places]
        own = self.gradient[:, places] if gradient is None else gradient / scales
        return Newton(
            self.unit[:, :, places],
            self.inverse[:, :, places],
            self.definite[places],
            scales,
            still,
            self.held[places],
            scale,
            np.where(still, 0.0, own),
        )

    @cached_property
    def _scaled(self) -> Floats:
        return -np.einsum("ijr,jr->ir", self.inverse, self.gradient)

    @property
    def step(self) -> Floats:
        """(parameters, rows)."""
        return self._scaled / self.scales

    @cached_property
    def edm(self) -> Floats:
        return -0.5 * np.einsum("ir,ir->r", self._scaled, self.gradient) * self.scale

    @cached_property
    def sigmas(self) -> Floats:
        """Of the step, in standard deviations of each parameter alone; more in a narrow valley,
        where the Hessian of before says less of the one after the step."""
        length = np.abs(self._scaled).max(axis=0) * np.sqrt(self.scale / 2)
        return np.asarray(length * np.clip(self.stiffness / NARROW, 1.0, MOST_CAREFUL))

    @property
    def is_narrow(self) -> Flags:
        """Whether the cost is a valley."""
        return self.definite & (self.stiffness > NARROW)

    @cached_property
    def stiffness(self) -> Floats:
        return np.asarray(np.einsum("iir->r", self.inverse))

    def variances(self, places: Places) -> Floats:
        """Of some of the rows, (parameters, these), but for a factor."""
        return np.einsum("iir->ir", self.inverse)[:, places] / self.scales[:, places] ** 2

    @property
    def is_final(self) -> Flags:
        """Whether nothing need be computed after this step."""
        return (self.sigmas < FINAL) & (self.edm < CERTAIN_EDM)


class Descent:
    """One descent of all rows of an objective; `ndof` (rows,) if costs are of unknown scale."""

    def __init__(self, objective: RowsObjective, bounds: Bounds, ndof: Floats | None = None):
        self.objective = objective
        self.bounds = bounds
        self.ndof = ndof
        self._linear = objective.scales & ~bounds.fixed

    def run(
        self, starts: Floats, until: float = float("inf"), rows: Places | None = None
    ) -> Descended:
        """From (rows, parameters), to rest or until a moment on time.monotonic's clock.

        Without `rows` all of them; others stay where they start, neither settled nor unfinished.
        """
        size, count = starts.shape
        rows = np.arange(size) if rows is None else rows
        found = Descended(
            self.bounds.clip(starts),
            np.full(size, np.inf),
            np.full(size, np.inf),
            np.zeros((size, count, count)),
            np.full(size, np.inf),
            np.ones((size, count)),
            np.ones(size),
            *(np.zeros(size, dtype=bool) for _ in range(3)),
        )
        found.unfinished[rows] = True
        with contextlib.suppress(DeadlineReached), np.errstate(invalid="ignore", over="ignore"):
            self._run(found, rows, until)
        return found

    def _run(self, found: Descended, active: Places, until: float) -> None:
        values, size = found.values, len(active)
        if not size:
            return
        here = self.objective.derivatives(active, values[active])
        damping, cuts = np.zeros(size), np.zeros(size, dtype=np.intp)
        earlier: Newton | None = None  # the step before, the places of the rows in it, its length
        came, length = np.arange(size), np.zeros(size)
        sound: Flags = np.isfinite(here.cost) & np.isfinite(here.hessian).all(axis=(0, 1))
        found.unfinished[active[~sound]] = False
        active, here, damping, cuts = _kept(sound, active, here, damping, cuts)
        came, length = came[sound], length[sound]
        for number in range(MAX_STEPS):
            if not len(active) or (number > FIRST and time.monotonic() > until):
                return
            if number > PATIENCE and len(active) < FEW * size:
                break
            at = values[active]
            held = self.bounds.held(at, here.gradient.T).T
            still = held | self.bounds.fixed[:, None]
            newton = _newton(here, still, held, self._scale(active, here.cost))
            found.bent[active] |= ~newton.definite
            step, cut = self._steps(at, here, damping, newton)
            plain = newton.definite & ~cut & (damping == 0) & ~newton.held
            near = plain & (newton.sigmas < SHORT)
            if earlier and len(own := np.flatnonzero(near)):
                ratio = newton.variances(own) / earlier.variances(came[own])
                changed = np.abs(ratio - 1).max(axis=0) * newton.sigmas[own]
                near[own] = changed <= STEADY * length[own]
            ready = near & newton.is_final
            self._settle(found, active, ready, newton, here.cost, at + step)
            moved = at + step
            short = np.flatnonzero(near & ~ready)
            if len(short) > WORTH_A_LOOK * len(active):
                ready[short] = self._look(found, active[short], short, newton, moved[short])
            cuts = cuts + cut
            going = ~ready & (damping < MAX_DAMPING) & (cuts < MOST_CUT)
            found.unfinished[active[~going]] = False
            moved, at = moved[going], at[going]
            active, here, damping, cuts = _kept(going, active, here, damping, cuts)
            if not len(active):
                return
            there = self.objective.derivatives(active, moved)
            # what so short a step gains, the rounded cost does not tell
            scale = np.where((newton.edm < NEAR) & (newton.scale > 0), newton.scale, np.inf)
            slack = NEAR / scale[going]
            lower = _is_lower(there, here, slack)
            # one that has left the valley is no longer seen to be in it
            narrow = newton.is_narrow[going]
            if self._linear.any() and (~lower & narrow).any():
                moved, there = self._with_linear_settled(active, moved, there, ~lower & narrow)
                lower = _is_lower(there, here, slack)
            values[active] = np.where(lower[:, None], moved, at)
            length = np.where(lower & plain[going], newton.sigmas[going], 0.0)
            earlier, came = newton, np.flatnonzero(going)
            relaxed = np.where(damping > 1e-3, 0.1 * damping, 0.0)
            damping = np.where(lower, relaxed, np.maximum(10 * damping, 1e-2))
            here = there.where(lower, here)
        found.unfinished[active] = False

    def _with_linear_settled(
        self, active: Places, moved: Floats, there: Derivatives, which: Flags
    ) -> tuple[Floats, Derivatives]:
        """Some rows with the linear parameters at their best; see `levenberg`."""
        places = np.flatnonzero(which & np.isfinite(there.hessian).all(axis=(0, 1)))
        own, at = there.at(places), moved[places]
        held = self.bounds.held(at, own.gradient.T).T
        newton = _newton(own, held | ~self._linear[:, None], held, np.ones(len(places)))
        at = self.bounds.clip(at + np.where(newton.definite, newton.step, 0.0).T)
        moved = moved.copy()
        moved[places] = at
        return moved, there.replaced(places, self.objective.derivatives(active[places], at))

    def _steps(
        self, at: Floats, here: Derivatives, damping: Floats, newton: "Newton"
    ) -> tuple[Floats, Flags]:
        """Damped steps (rows, parameters), and which of them a limit cut short."""
        lower, upper = self.bounds.lower[:, None], self.bounds.upper[:, None]
        step, params = newton.step, at.T
        valley = newton.is_narrow
        step = np.where(valley, step / (1 + SHORTER * damping), step)
        others = np.flatnonzero(((damping > 0) & ~valley) | ~newton.definite)
        if len(others):
            unit, gradient = newton.unit[:, :, others], newton.gradient[:, others]
            step[:, others] = _damped(unit, gradient, damping[others]) / newton.scales[:, others]
        step = np.where(newton.still, 0.0, step)  # eigenvectors of equal eigenvalues are mixed
        moved = params + step
        passing = ((moved <= lower) | (moved >= upper)) & ~newton.still
        cut = np.asarray(passing.any(axis=0))
        if cut.any():
            limit = np.where(moved <= lower, lower, upper)
            step = np.where(passing, TOWARDS_LIMIT * (limit - params), step)
        return step.T, cut

    def _look(
        self, found: Descended, rows: Places, places: Places, newton: "Newton", moved: Floats
    ) -> Flags:
        """Which rows, at `places` among the active ones, are settled after a short step."""
        if not len(rows):
            return np.zeros(0, dtype=bool)
        cost, gradient = self.objective.gradients(rows, moved)
        there = newton.at(places, gradient, self._scale(rows, cost))
        ready = np.isfinite(cost) & there.is_final
        self._settle(found, rows, ready, there, cost, moved + there.step.T)
        return ready

    def _settle(
        self,
        found: Descended,
        active: Places,
        ready: Flags,
        newton: "Newton",
        cost: Floats,
        moved: Floats,
    ) -> None:
        """Write down the rows that are ready."""
        rows, ended = active[ready], np.flatnonzero(ready)
        newton = newton.at(ended, None, newton.scale[ended])
        found.values[rows] = self.bounds.clip(moved[ready])
        found.cost[rows], found.edm[rows] = cost[ready], newton.edm
        found.scale[rows], found.settled[rows] = newton.scale, True
        found.stiffness[rows] = newton.stiffness
        found.curvature[rows] = newton.scales.T**2
        inverse = newton.inverse / newton.scales / newton.scales[:, None]
        still = newton.still | newton.still[:, None]
        found.inverse[rows] = np.where(still, 0.0, inverse).transpose(2, 0, 1)

    def _scale(self, active: Places, cost: Floats) -> Floats:
        """What brings costs of unknown scale to the order of ndof."""
        if self.ndof is None:
            return np.ones(len(active))
        return np.maximum(self.ndof[active], 1.0) / np.where(cost > 0, cost, np.inf)


def _newton(here: Derivatives, still: Flags, held: Flags, scale: Floats) -> Newton:
    """Newton's steps of parameters that are not `still`; `held` are at a limit."""
    count = len(here.gradient)
    diagonal = here.hessian[np.arange(count), np.arange(count)]
    scales = np.sqrt(np.abs(np.where(still | (diagonal == 0), 1.0, diagonal)))
    unit = here.hessian / scales / scales[:, None]
    unit = np.where(still | still[:, None], 0.0, unit)
    unit[np.arange(count), np.arange(count)] = np.where(still, 1.0, np.sign(diagonal))
    inverse, definite = inverses(unit)
    return Newton(
        unit,
        inverse,
        definite,
        scales,
        still,
        np.asarray(held.any(axis=0)),
        scale,
        np.where(still, 0.0, here.gradient / scales),
    )


def _kept(
    which: Flags, active: Places, here: Derivatives, damping: Floats, cuts: Places
) -> tuple[Places, Derivatives, Floats, Places]:
    if which.all():
        return active, here, damping, cuts
    return active[which], here.at(np.flatnonzero(which)), damping[which], cuts[which]


def _is_lower(there: Derivatives, here: Derivatives, slack: Floats) -> Flags:
    finite = np.isfinite(there.cost) & np.isfinite(there.hessian).all(axis=(0, 1))
    finite &= np.isfinite(there.gradient).all(axis=0)
    with np.errstate(invalid="ignore"):
        return finite & (there.cost <= here.cost + ROUNDING * np.abs(here.cost) + slack)


def _damped(unit: Floats, gradient: Floats, damping: Floats) -> Floats:
    """Levenberg's steps (parameters, rows), by the absolute eigenvalues."""
    values, vectors = np.linalg.eigh(unit.transpose(2, 0, 1))
    curvature = np.maximum(np.abs(values), 1e-3 * np.maximum(-values[:, :1], 0.0))
    curvature = np.maximum(curvature, 1e-10) + damping[:, None]
    along = np.einsum("rij,ir->rj", vectors, gradient)
    return -np.einsum("rij,rj->ir", vectors, along / curvature)
