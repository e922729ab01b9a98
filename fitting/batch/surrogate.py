"""Polynomials in place of the costs of all rows, near the minimum of their mean.

A cost is linear in the data, whatever the model: apart from a constant it is

    counts   2 sum(mu - n log mu)
    points   sum((f - 2 y) f / y_err^2)

So the costs of all rows at some nodes are one product of matrices, data with functions of the
predictions there; and so are the coefficients of the polynomials that go through them. Their
minima cost a small part of one evaluation of the model in all rows, and are so near those of the
costs that one such evaluation is left to do: the one which certifies them.
"""

from dataclasses import dataclass
from functools import cache
from math import comb

import numpy as np

from fitting.batch.polynomials import derivatives, terms
from fitting.batch.scoring import Scoring
from fitting.batch.stacks import inverses
from fitting.bounds import Bounds
from fitting.objective import Objective
from fitting.padding import Flags, Floats, Places

MOST_TERMS = 100
DEGREES = range(3, 9)
NODES = 2  # for each term
MOST_ENTRIES = 2**22  # nodes times length: what is kept of each is 32 MB
WIDER = 1.1  # than the longest step of scoring
ROOM = 0.9  # of the way to the nearest limit
LEAST_ROOM = 2.0  # standard deviations; with less most rows would be left out
SMOOTH = 0.01  # of the cost at the nodes; what a polynomial of this degree may leave of it
STEPS = 4
NEAR = 3e-3  # standard deviations; a step of this size leaves an error of its square


def refine(
    points: Floats,
    rows: Places,
    free: Flags,
    scoring: Scoring,
    pooled: Objective,
    bounds: Bounds,
) -> None:
    """Bring `points` (rows, parameters) of some rows to the minima of their polynomials, in place.

    Those that are not found stay where they are, as all do where polynomials are not worth it.
    """
    number = int(free.sum())
    degree = degree_for(number, len(rows), len(scoring.used))
    if degree is None:
        return
    axes = _axes(scoring.information[np.ix_(free, free)])
    if axes is None:
        return
    center = scoring.start[free]
    deviations = np.asarray(np.linalg.solve(axes, (points[rows][:, free] - center).T))
    away = (bounds.upper[free] - center, center - bounds.lower[free])
    room = ROOM * float((np.minimum(*away) / np.linalg.norm(axes, axis=1)).min())
    radius = min(room, WIDER * float(np.linalg.norm(deviations, axis=0).max()))
    if room < LEAST_ROOM or not radius > 0:
        return
    at, fitted = nodes(number, degree)
    there = np.tile(scoring.start, (len(at), 1))
    there[:, free] += radius * at @ axes.T
    common, of_data = costs_at(there, scoring, pooled)
    if not (np.isfinite(common).all() and np.isfinite(of_data).all()):
        return
    targets = scoring.targets[rows]
    mean = common + of_data @ targets.mean(axis=0)
    if not np.abs(mean - terms(at, degree) @ (fitted @ mean)).max() < SMOOTH:
        return
    coefficients = (fitted @ of_data) @ targets.T + (fitted @ common)[:, None]
    u, found = Polynomials(coefficients, degree, radius).minima(deviations / radius)
    own = rows[found]
    points[np.ix_(own, free)] = center + radius * u[:, found].T @ axes.T


def _axes(information: Floats) -> Floats | None:
    """What leads from unit deviations to parameters, (free, free); None if not determined."""
    scales = np.sqrt(information.diagonal())
    if not (np.isfinite(information).all() and scales.all()):
        return None
    try:
        root = np.linalg.cholesky(information / scales / scales[:, None])
    except np.linalg.LinAlgError:
        return None
    return np.asarray(np.linalg.inv(root).T / scales[:, None])


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def costs_at(nodes: Floats, scoring: Scoring, pooled: Objective) -> tuple[Floats, Floats]:
    """Of each node what all rows' costs have in common, (nodes,), and what multiplies their data.

    The second is (nodes, length). Both are differences from the minimum of the mean, which keeps
    digits. Where the model is undefined they are not finite.
    """
    here, there = scoring.prediction, pooled.predictions(nodes)
    if scoring.counting:
        common = 2 * np.where(scoring.used, there - here, 0.0)
        seen = scoring.used & scoring.targets.any(axis=0)
        of_data = np.where(seen, -2 * np.log(there / here), 0.0)
    else:
        moved = scoring.weight * np.where(scoring.used, there - here, 0.0)
        common, of_data = moved * (there + here), -2 * moved
    away = nodes - scoring.prior.center
    return common.sum(axis=1) + away**2 @ scoring.prior.weight, of_data


def degree_for(free: int, rows: int, length: int) -> int | None:
    """The highest that is worth its nodes for so many rows of this length; None if none is."""
    if not free:
        return None
    most = min(MOST_TERMS, rows, MOST_ENTRIES // (NODES * length))
    return max((d for d in DEGREES if comb(free + d, d) <= most), default=None)


@cache
def nodes(free: int, degree: int) -> tuple[Floats, Floats]:
    """Places (nodes, free) in the unit ball, more towards its surface, and what fits their values.

    The second, (terms, nodes), makes coefficients from values at the nodes, by least squares.
    """
    count = NODES * comb(free + degree, degree)
    rng = np.random.default_rng(1)
    directions = rng.normal(size=(count, free))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    # the distances of a ball filled evenly, spread as Chebyshev's nodes are
    distances = np.sin(np.pi / 2 * rng.random(count) ** (1 / free))
    places = directions * distances[:, None]
    return places, np.asarray(np.linalg.pinv(terms(places, degree)), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Polynomials:
    """Of places in the unit ball, `radius` standard deviations wide; (terms, rows)."""

    coefficients: Floats
    degree: int
    radius: float

    def minima(self, starts: Floats) -> tuple[Floats, Flags]:
        """The minima (free, rows), and which of them were found in the ball."""
        u = starts.copy()
        found = np.zeros(u.shape[1], dtype=bool)
        left: Places = np.arange(len(found))
        for _ in range(STEPS):
            step, sound = self._newton(left, u[:, left])
            u[:, left] += np.where(sound, step, 0.0)
            sound &= np.linalg.norm(u[:, left], axis=0) < 1
            near = np.abs(step).max(axis=0) * self.radius < NEAR
            found[left] = sound & near
            left = left[sound & ~near]
            if not len(left):
                break
        return u, found

    def _newton(self, rows: Places, at: Floats) -> tuple[Floats, Flags]:
        """Steps (free, rows), and which of them are of a positive definite Hessian."""
        gradient, hessian = derivatives(self.coefficients[:, rows], at, self.degree)
        diagonal = np.einsum("iir->ir", hessian)
        rising = (diagonal > 0).all(axis=0)
        scales = np.sqrt(np.where(rising, diagonal, 1.0))
        inverse, definite = inverses(hessian / scales / scales[:, None])
        step = -np.einsum("ijr,jr->ir", inverse, gradient / scales) / scales
        return step, definite & rising
