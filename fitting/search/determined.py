"""Whether the data determine a parameter: whether the cost rises as its second derivatives say.

A parameter of which the data know nothing (where a peak is whose amplitude is 0) has a curvature of
rounding, which may be positive; at the end of a valley that leads to infinity it is as small as the
valley is long. Where one standard deviation is longer than the parameter, or for a place on the
axis of x covers all that is fitted of it, the cost must really rise there, on one side at least:

    alone     with the others where they are, or the parameter has no effect at all
    walk      with the others moved as their covariance with it says, by about one, and on the way
    profile   where the walk leads far up, out of a valley that may only be bent: with the others
              at their best, there and on the way

All of this is about stacks of minima; that of a single fit is a stack of one.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from fitting.bounds import Bounds
from fitting.padding import Flags, Floats, Places

LONG = 3.0  # standard deviations over the size of the parameter: worth a look
RISES = (0.05, 20.0)  # of the cost at one standard deviation, where a parabola rises by 1
PARTS = (1.0, 0.1)  # of a standard deviation


@dataclass(frozen=True, eq=False)
class Minima:
    """Minima of some rows: `values` (rows, parameters) and what the second derivatives say.

    `covariance` (rows, parameters, parameters) is 0 for parameters that are not free, `curvature`
    (rows, parameters) that of each parameter alone. `rises(places, points)` gives how much higher
    the cost of some rows is at a point each, `settled(places, points, bounds)` how much at the
    minimum within `bounds` to which a descent from there leads, not a number if to none.
    Standard deviations below `reach` (parameters,) need no look.
    """

    values: Floats
    covariance: Floats
    curvature: Floats
    bounds: Bounds
    rises: Callable[[Places, Floats], Floats]
    settled: Callable[[Places, Floats, Bounds], Floats]
    reach: Floats

    def undetermined(self, among: Flags) -> Flags:
        """Parameters (rows, parameters) that the data of these rows do not determine."""
        sigmas = self._sigmas
        longest = np.maximum(LONG * np.abs(self.values), self.reach)
        long = (sigmas >= longest) & (sigmas > 0) & among[:, None]
        vague = np.zeros_like(long)
        for k in np.flatnonzero(long.any(axis=0)).tolist():
            places = np.flatnonzero(long[:, k])
            vague[places, k] = ~self._determined(k, places)
        return vague

    def _determined(self, k: int, places: Places) -> Flags:
        alone = np.sqrt(2 / self.curvature[places, k, None]) * np.eye(len(self.values.T))[k]
        walk = self.covariance[places, :, k] / self._sigmas[places, k, None]
        found = self._on_one_side(places, alone, self._has_effect)
        bent = np.flatnonzero(found)
        bent = bent[~self._on_one_side(places[bent], walk[bent], self._is_parabola)]
        found[bent] = self._on_one_side(places[bent], walk[bent], partial(self._is_bent, k))
        return found

    def _on_one_side(
        self, places: Places, steps: Floats, holds: Callable[[Places, Floats], Flags]
    ) -> Flags:
        found = np.zeros(len(places), dtype=bool)
        for side in (1, -1):
            left = np.flatnonzero(~found)
            if len(left):
                points = self.values[places[left]] + side * steps[left]
                found[left] = holds(places[left], points)
        return found

    def _has_effect(self, places: Places, points: Floats) -> Flags:
        return ~(self.rises(places, points) <= RISES[0])  # no number is an effect, too

    def _is_parabola(self, places: Places, points: Floats) -> Flags:
        """On the way, too: beyond the data all rises are one, what a peak gains that is lost."""
        values, found = self.values[places], np.ones(len(places), dtype=bool)
        for part in PARTS:
            rises = self.rises(places, values + part * (points - values))
            found &= (rises > RISES[0] * part**2) & (rises < RISES[1] * part**2)
        return found

    def _is_bent(self, k: int, places: Places, points: Floats) -> Flags:
        """Whether it is a parabola along the valley, which the walk to these points has left."""
        bent = ~(self.rises(places, points) <= RISES[0])
        values, bounds = self.values[places], self.bounds
        held = replace(bounds, fixed=bounds.fixed | (np.arange(len(values.T)) == k))
        for part in PARTS:
            starts = values.copy()  # of the others: the walk may end anywhere
            starts[:, k] = bounds.clip(values + part * (points - values))[:, k]
            expected = ((starts - values)[:, k] / self._sigmas[places, k]) ** 2
            rises = self.settled(places, starts, held)
            bent &= (rises > RISES[0] * expected) & (rises < RISES[1] * expected)
        return bent

    @cached_property
    def _sigmas(self) -> Floats:
        return np.sqrt(np.maximum(np.einsum("rii->ri", self.covariance), 0.0))
