"""Fisher's scoring for many rows at once, from the minimum of their mean."""

import numpy as np

from fitting.batch.objective import RowsObjective
from fitting.batch.question import Batch
from fitting.batch.rows import field
from fitting.data import Bins, Marks
from fitting.objective import Objective
from fitting.padding import Flags, Floats

TINY = 1e-300  # the reciprocal of less may be infinite


class Scoring:
    """Steps of all rows from the minimum of their mean, by its own derivatives.

    `targets` (rows, length) are what is predicted: counts, or y.
    """

    def __init__(self, batch: Batch, pooled: Objective, rows: RowsObjective, start: Floats):
        self.start = start
        self.prediction, jacobian = pooled.jacobian(start)
        shared = batch.rows.shared()
        self.used = np.asarray(shared.used, dtype=bool)
        self.counting = isinstance(shared, Bins)
        if isinstance(shared, Marks):
            self.targets = field(rows.stack, "y")
            variance = np.asarray(shared.y_err) ** 2.0
        else:
            self.targets = rows.stack
            variance = self.prediction
        known = self.used & (variance > TINY)
        self.weight = np.where(known, 1 / np.where(known, variance, 1.0), 0.0)
        weighted = jacobian * self.weight[:, None]
        self.prior = batch.pooled.prior
        self.information = jacobian.T @ weighted + np.diag(self.prior.weight)
        towards = self.prior.weight * (self.prior.center - start)
        self.slopes = (self.targets - self.prediction) @ weighted + towards

    def step(self, free: Flags) -> tuple[Floats, Floats]:
        """Of the free parameters (rows, parameters), and its squared length in deviations."""
        block = self.information[np.ix_(free, free)]
        scales = np.sqrt(block.diagonal())
        scales[~(scales > 0)] = 1.0
        slopes = self.slopes[:, free] / scales
        step = np.zeros_like(self.slopes)
        size = np.full(len(slopes), np.inf)
        if np.isfinite(block).all() and np.isfinite(slopes).all():
            solved = slopes @ np.linalg.pinv(block / scales / scales[:, None], rcond=1e-10)
            step[:, free] = solved / scales
            size = np.einsum("rj,rj->r", slopes, solved)
        return step, size
