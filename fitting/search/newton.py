"""Newton's method with the exact Hessian: from 'EDM small enough' to the last digits.

Descents by first derivatives, MIGRAD's too, stop where their estimate of the distance to the
minimum is small against one standard deviation; two or three Newton steps from there are limited by
rounding alone. The method is safe from anywhere: steps end within the limits (`Bounds.step`), use
the absolute eigenvalues of an indefinite Hessian, and are kept only if the cost does not rise; with
the linear parameters at their best, if it only then does not (`levenberg`).
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from fitting.bounds import Bounds, block
from fitting.objective import Objective
from fitting.padding import Flags, Floats, Places
from fitting.search.determined import LONG, Minima
from fitting.search.levenberg import NARROW
from fitting.search.positions import Positions
from fitting.search.spectrum import INVOLVED, Spectrum

MAX_STEPS = 30
MAX_HALVINGS = 30
MOST_SETTLED = 4  # steps, each halved, of which more is asked than their cost
NEAR = 1e-6  # EDM below which the cost is too flat to compare
SETTLED = 3e-6  # standard deviations; a Newton step of this size leaves an error of its square
DONE = 1e-10  # standard deviations; a step of this size changes no digit that anybody is told
ROUNDING = 8 * np.finfo(float).eps
ILL_CONDITIONED = 1e-7  # weakest direction of a Hessian that has lost half of its digits there


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where the descent is, with exact derivatives there (of the cost times `scale`).

    `free` are the parameters neither fixed nor held at a limit; `spectrum` is that of their
    Hessian, None where it is not finite. Where breaks stand at `corners` the cost has a slope on
    either side, and the gradient is without these.
    """

    values: Floats
    cost: float
    gradient: Floats
    hessian: Floats
    free: Flags
    held: Flags
    spectrum: Spectrum | None
    scale: float
    corners: Positions | None = None

    @property
    def fval(self) -> float:
        """The cost itself."""
        return self.cost / self.scale

    @property
    def defined(self) -> bool:
        """Cost and its derivatives are finite."""
        return self.spectrum is not None and bool(np.isfinite(self.cost))

    @cached_property
    def positive_definite(self) -> bool:
        """The cost curves upwards along every combination of the free parameters."""
        return self.spectrum is not None and self.spectrum.positive_definite

    @cached_property
    def edm(self) -> float:
        """Estimated distance to the minimum, in cost: g' inv(H) g / 2."""
        if self.spectrum is None or not self.positive_definite:
            return float("inf")
        return self.spectrum.decrement(self.gradient[self.free])

    def at_corners(self, corners: Positions | None) -> "Minimum":
        """The same, where the cost has corners."""
        if corners is None:
            return self
        return replace(self, gradient=corners.along(self.gradient), corners=corners)

    def sigmas(self, moved: Floats) -> float:
        """How far it is to `moved`, in standard deviations of each parameter alone."""
        if self.spectrum is None:
            return float("inf")
        way = np.abs(moved - self.values)[self.free] * self.spectrum.scales
        return float(way.max(initial=0.0)) / math.sqrt(2)

    @property
    def flat(self) -> tuple[int, ...]:
        """The parameters along the direction in which the cost curves least."""
        if self.spectrum is None or not self.free.any():
            return ()
        weakest = np.abs(self.spectrum.direction)
        return tuple(np.flatnonzero(self.free)[weakest > INVOLVED * weakest.max()].tolist())


def polish(
    objective: Objective, start: Floats, bounds: Bounds, linear: Flags | None = None
) -> Minimum:
    """Descend from `start` to the nearest minimum inside `bounds`, until steps are `DONE`.

    `linear` are parameters in which the model is linear, all of them together.
    """
    here = certify(objective, bounds.clip(start), bounds)
    linear = np.zeros(len(start), dtype=bool) if linear is None else linear & ~bounds.fixed
    for _ in range(MAX_STEPS):
        moved = _step(objective, here, bounds, linear)
        if moved is None:
            break
        settled = here.positive_definite and here.sigmas(moved) < SETTLED
        # the Hessian, too, is taken where the fit ends: GET /covariance must repeat its digits
        before, here = here, certify(objective, moved, bounds)
        # a step cut short by a limit was no Newton step
        if settled and (here.free == before.free).all():
            break
    return here


def _step(objective: Objective, here: Minimum, bounds: Bounds, linear: Flags) -> Floats | None:
    """Where the longest of a full step, its half, its quarter, ... that comes nearer leads.

    Nearer is a lower cost, or, where the cost has no digits left to tell, a smaller gradient
    (measured by the EDM with the Hessian of before).
    """
    spectrum = here.spectrum
    if spectrum is None or not here.free.any():
        return None

    def descent(gradient: Floats, free: Flags) -> Floats:
        if (free == here.free).all():
            return spectrum.descent(gradient)
        rest = Spectrum.of(block(here.hessian, free))
        assert rest is not None
        return rest.descent(gradient)

    step = bounds.step(here.values, here.gradient, here.hessian, here.free, descent)
    near = here.positive_definite and here.edm < NEAR
    way = here.sigmas(here.values + step)
    if near and way < DONE:
        return None
    slack = ROUNDING * abs(here.cost)
    for halving in range(MAX_HALVINGS + 1):
        moved = bounds.clip(here.values + step / 2**halving)
        if (moved == here.values).all():
            return None
        if here.positive_definite and not halving:
            objective.hessian(moved)  # will be asked for next: one call instead of two
        cost, gradient = objective.evaluate(moved)
        if not (np.isfinite(cost) and np.isfinite(gradient).all()):
            continue
        if near:
            flatter = spectrum.decrement(gradient[here.free]) < here.edm
            if flatter and cost < here.cost + NEAR:
                return moved
        elif cost <= here.cost + slack:
            return moved
        elif halving < MOST_SETTLED and linear.any() and spectrum.weakest < NARROW:
            moved = _settled(objective, moved, bounds, linear)
            if objective.evaluate(moved)[0] <= here.cost + slack:
                return moved
    return None


def _settled(objective: Objective, params: Floats, bounds: Bounds, linear: Flags) -> Floats:
    """`params` with the linear ones where Newton's step leads: at their best, if of squares."""
    hessian, (_, gradient) = objective.hessian(params), objective.evaluate(params)

    def descent(gradient: Floats, free: Flags) -> Floats:
        spectrum = Spectrum.of(block(hessian, free))
        return np.zeros(len(gradient)) if spectrum is None else spectrum.descent(gradient)

    return bounds.clip(params + bounds.step(params, gradient, hessian, linear, descent))


def certify(objective: Objective, params: Floats, bounds: Bounds) -> Minimum:
    """What the exact derivatives say of this point."""
    hessian = objective.hessian(params)
    cost, gradient = objective.evaluate(params)
    held = bounds.held(params, gradient)
    free = ~bounds.fixed & ~held
    finite = math.isfinite(gradient.sum())
    spectrum = spectrum_at(objective, params, hessian, free) if finite else None
    return Minimum(params, cost, gradient, hessian, free, held, spectrum, objective.scale)


def spectrum_at(
    objective: Objective, params: Floats, hessian: Floats, free: Flags
) -> Spectrum | None:
    """Of the Hessian of the free parameters, from its factors where that keeps more digits."""
    spectrum = Spectrum.of(block(hessian, free))
    if spectrum is None or spectrum.weakest > ILL_CONDITIONED:
        return spectrum
    _, jacobian = objective.residuals(params)
    rest = block(objective.rest(params), free)
    factored = Spectrum.from_factors(jacobian[:, free], rest)
    # where even the derivatives are parallel, what curvature there is, is rounding
    return factored or replace(spectrum, singular=ILL_CONDITIONED)


def undetermined(
    objective: Objective, minimum: Minimum, bounds: Bounds, reach: Floats
) -> tuple[int, ...]:
    """Free parameters that the data do not determine although the cost has a minimum.

    What has a standard deviation below `reach` (parameters,) is determined.
    """
    assert minimum.spectrum is not None
    free, inverse = np.flatnonzero(minimum.free), 2 * minimum.spectrum.inverse
    longest = np.maximum(LONG * np.abs(minimum.values[free]), reach[free])
    if (np.sqrt(inverse.diagonal()) < longest).all():
        return ()
    covariance = np.zeros_like(minimum.hessian)
    covariance[np.ix_(free, free)] = inverse

    def rises(_: Places, points: Floats) -> Floats:
        return np.array([objective.evaluate(point)[0] - minimum.cost for point in points])

    def settled(_: Places, points: Floats, held: Bounds) -> Floats:
        ends = [polish(objective, point, held) for point in points]
        return np.array([m.cost - minimum.cost if m.edm < NEAR else np.nan for m in ends])

    curvature = np.abs(minimum.hessian.diagonal())
    values = minimum.values[None]
    stack = Minima(values, covariance[None], curvature[None], bounds, rises, settled, reach)
    return tuple(np.flatnonzero(stack.undetermined(np.array([True]))[0]).tolist())
