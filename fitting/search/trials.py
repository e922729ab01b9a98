"""Points tried on coarse data, on the way to starting values: solved, refined and compared."""

from operator import itemgetter

import numpy as np

from fitting.data import Bins, Data, Points
from fitting.kernels.cache import KernelCache
from fitting.kernels.key import KernelKey
from fitting.objective import Objective
from fitting.padding import Flags, Floats
from fitting.problem import FitProblem
from fitting.search.coarse import coarsen
from fitting.search.least_squares import least_squares
from fitting.search.levenberg import approach
from fitting.search.rivals import CLOSE, different, squares_of, to_deviance

MOST_REFINED = 4
INSIDE = 0.01  # of the distance between limits, or of the value: a start at a limit cannot move


class Trials:
    """What weighted squares on coarse data say of points; entries of `given` are kept."""

    def __init__(
        self, problem: FitProblem, objective: Objective, kernels: KernelCache, given: Floats
    ):
        known = problem.data
        data: Data = coarsen(known.softened() if isinstance(known, Points) else known)
        padded = data.padded()
        cost = "poisson" if isinstance(padded, Bins) else "least-squares"
        kernel = kernels.get(KernelKey(cost, problem.model, data.length))
        self.problem = problem
        self.objective = objective
        self.coarse = objective.sibling(kernel, padded)
        self.counting = isinstance(padded, Bins)
        self.used: Flags = padded.used
        if isinstance(padded, Bins):
            self.target: Floats = padded.counts[self.used]
            self.root_weight: Floats = np.maximum(self.target, 1) ** -0.5
        else:
            self.target = padded.y[self.used]
            self.root_weight = 1 / padded.y_err[self.used]
        self.data = data
        self.parts = problem.model.parts
        self.unknown = np.isnan(given)
        self.linear = np.array([p.linear for p in problem.parameters])
        self.relative = self._relative()
        self.linear[list(self.relative)] = True

    def _relative(self) -> dict[int, int]:
        """Parameters a of products a*n in which the model is affine, each with its n."""
        everywhere = [place for _, places in self.parts for place in places]
        pairs = [
            (places[a], places[n]) for part, places in self.parts for a, n in part.relative.items()
        ]
        return {a: n for a, n in pairs if everywhere.count(a) == 1 and self.linear[n]}

    def _refined(self, point: Floats, placed: Flags) -> Floats:
        """`point` moved to lower the weighted squares, which know no negative expectations."""

        @np.errstate(over="ignore", invalid="ignore")
        def linearised(params: Floats) -> tuple[float, Floats, Floats]:
            prediction, jacobian = self.coarse.jacobian(params)
            pulls = (self.target - prediction[self.used]) * self.root_weight
            slopes = jacobian[self.used] * self.root_weight[:, None]
            return float(pulls @ pulls), -2 * slopes.T @ pulls, 2 * slopes.T @ slopes

        free = placed & self.unknown & ~self.problem.bounds.fixed
        start = inside(point, self.problem)
        bounds = self.problem.bounds
        ended, _ = approach(linearised, start, bounds, free, relative=1e-3)
        # off a limit by a part of the way: only the way tells in what units to measure
        stopped = free & ((ended <= bounds.lower) | (ended >= bounds.upper))
        return np.where(stopped, ended + INSIDE * (start - ended), ended)

    def solved(self, point: Floats) -> Floats:
        """`point` with its linear parameters solved for, smoothed until the cost is defined."""
        everything: Flags = np.ones(len(self.unknown), dtype=np.bool_)
        for smoothing in (0.0, 0.5, 0.9, 1.0):
            solution = inside(self._solve(point, everything, smoothing), self.problem)
            if self.objective.can_start_at(solution):
                break
        return solution

    def _misfit(self, point: Floats) -> float:
        return float(squares_of(self._residual(point)))

    def _residual(self, point: Floats) -> Floats:
        prediction, _ = self.coarse.jacobian(point)
        return (self.target - prediction[self.used]) * self.root_weight

    def _solve(self, point: Floats, active: Flags, smoothing: float = 0.0) -> Floats:
        """`point` with its active linear parameters at the weighted least-squares solution.

        `smoothing` draws the data towards their mean: a sparse histogram's least-squares
        solution may expect less than nothing in some bin, a flat one does not.
        """
        unknown = self.linear & self.unknown & active
        if not unknown.any():
            return point
        rest = np.where(unknown, 0.0, point)
        # the column of a product a*n is that of a where n is 1
        products = {a: n for a, n in self.relative.items() if unknown[a] and unknown[n]}
        scales = list(set(products.values()))
        rest[scales] = 1.0
        prediction, jacobian = self.coarse.jacobian(rest)
        constant = prediction - jacobian[:, scales].sum(axis=1)
        target = (1 - smoothing) * self.target + smoothing * self.target.mean()
        b = (target - constant[self.used]) * self.root_weight
        a = jacobian[np.ix_(self.used, unknown)] * self.root_weight[:, None]
        if not (np.isfinite(a).all() and np.isfinite(b).all()):
            return point
        # of a product the limits are those of neither
        free = np.isin(np.arange(len(point)), list(products))[unknown]
        lower = np.where(free, -np.inf, self.problem.bounds.lower[unknown])
        upper = np.where(free, np.inf, self.problem.bounds.upper[unknown])
        rest[unknown] = least_squares(a, b, lower, upper)
        for one, scale in products.items():
            rest[one] = rest[one] / rest[scale] if rest[scale] else 0.0
        return self.problem.bounds.clip(rest) if products else rest

    def _reach(self, squares: float, residuals: Floats) -> float:
        """So many squares, in units of what errors of unknown scale leave at best."""
        if self.problem.absolute_sigma:
            return squares
        least = squares_of(residuals).min(initial=np.inf)
        return squares * float(least) / max(self.problem.ndof_of_free, 1)

    def _compared(self, points: list[Floats]) -> list[Floats]:
        """Refined points, the best few first and at the minima of counts, if there are rivals."""
        residuals = np.array([self._residual(point) for point in points])
        squares = squares_of(residuals)
        order = different(residuals, np.argsort(squares, kind="stable").tolist())
        close = squares < squares.min() + self._reach(CLOSE, residuals)
        among = [i for i in order if close[i]]
        others = [self.solved(points[i]) for i in order if not close[i]]
        if len(among) < 2 or not self.counting:
            return [*(self.solved(points[i]) for i in among), *others][:MOST_REFINED]
        free = self.unknown & ~self.problem.bounds.fixed
        ends = [
            to_deviance(self.target, self._predicted, points[i], self.problem.bounds, free)
            for i in among
        ]
        ends.sort(key=itemgetter(1))
        return [inside(point, self.problem) for point, _ in ends][:MOST_REFINED]

    def _predicted(self, params: Floats) -> tuple[Floats, Floats]:
        prediction, jacobian = self.coarse.jacobian(params)
        return prediction[self.used], jacobian[self.used]


def inside(params: Floats, problem: FitProblem) -> Floats:
    """Free parameters at a limit, or beyond it, are moved a little inside."""
    bounds = problem.bounds
    if bounds.surround(params):
        return params
    with np.errstate(invalid="ignore"):
        width = bounds.upper - bounds.lower
    margin = np.where(np.isfinite(width), INSIDE * width, INSIDE * np.maximum(np.abs(params), 1.0))
    low = np.where(params <= bounds.lower, bounds.lower + margin, params)
    moved = np.where(low >= bounds.upper, bounds.upper - margin, low)
    return np.where(bounds.fixed, params, moved)
