"""The question of a batch: many data sets, one model; `problem(i)` is that of one row alone."""

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from fitting.batch.rows import HistogramRows, Rows, mean_of
from fitting.bounds import Bounds
from fitting.data import Data
from fitting.entries import refuse_where
from fitting.kernels.key import KernelKey
from fitting.padding import Flags, Floats
from fitting.problem import (
    FAR_FROM_CONSTRAINT,
    FitProblem,
    Knowledge,
    describe,
    is_far,
    starts_of,
    with_ends,
)
from models.model import Density, Model


@dataclass(frozen=True, eq=False)
class Batch:
    """The same question about each row.

    `starts` (rows, parameters) are each row's own, NaN where it has none; those of fixed
    parameters are the values at which they are fixed. `resume`, of that form, is where rows go on
    that had no time to finish.
    """

    model: Model
    rows: Rows
    knowledge: tuple[Knowledge, ...]
    starts: Floats
    absolute_sigma: bool = True
    resume: Floats | None = None

    def __post_init__(self) -> None:
        counting = isinstance(self.rows, HistogramRows)
        pairs = zip(self.model.parameters, self.knowledge, strict=True)
        for k, (parameter, known) in enumerate(pairs):
            natural = parameter.limits(counting=counting)
            lower, upper = natural if known.limits is None else known.limits
            starts = self.starts[:, k]
            with np.errstate(invalid="ignore"):
                outside = starts < (-np.inf if lower is None else lower)
                outside |= starts > (np.inf if upper is None else upper)
            limits = describe((lower, upper))
            where = ("starts", parameter.name)
            refuse_where(outside, where, partial(_outside, limits))
            refuse_where(is_far(known, starts), where, lambda _: FAR_FROM_CONSTRAINT)
        _ = self.pooled  # refuses what cannot be meant

    def __len__(self) -> int:
        return len(self.rows)

    def some(self, places: Any, resume: Floats | None = None) -> "Batch":
        """The question about the rows at these places, perhaps where they `resume`."""
        resume = self.resume if resume is None else resume
        resume = None if resume is None else resume[places]
        rows, starts = self.rows.some(places), self.starts[places]
        return replace(self, rows=rows, starts=starts, resume=resume)

    @property
    def is_resumed(self) -> Flags:
        """Rows that go on where they were."""
        if self.resume is None:
            return np.zeros(len(self), dtype=bool)
        return np.asarray(np.isfinite(self.resume).all(axis=1))

    def problem(self, i: int) -> FitProblem:
        """The question about one row."""
        return self._ask(self.rows.row(i), self.starts[i])

    @cached_property
    def pooled(self) -> FitProblem:
        """The question about all rows together."""
        starts = mean_of(self.starts)  # NaN where a row has none
        return self._ask(self.rows.pooled, starts)

    @cached_property
    def given(self) -> Floats:
        """Where rows are to begin, (rows, parameters); NaN where it is left to us.

        Their own starts, else the common ones. A convex cost does not care about these.
        """
        if self.is_convex:
            return self.starts
        free = ~self.bounds.fixed
        common = starts_of(self.knowledge)
        return np.where(np.isnan(self.starts) & free, common, self.starts)

    @property
    def has_one_place(self) -> bool:
        """Whether minima are in one place: a single density in a histogram is where events are.

        A wave is not, nor is a step, or a formula.
        """
        return isinstance(self.rows, HistogramRows) and isinstance(self.model, Density)

    @property
    def is_led(self) -> Flags:
        """Rows that are told where to begin, in what bends the model: it may decide their end."""
        if self.has_one_place:
            return np.zeros(len(self), dtype=bool)
        linear = self.pooled.linear
        return np.asarray((~np.isnan(self.given) & ~linear & ~self.bounds.fixed).any(axis=1))

    def _ask(self, data: Data, starts: Floats) -> FitProblem:
        own = zip(self.knowledge, starts.tolist(), strict=True)
        knowledge = [k if s != s else replace(k, start=s) for k, s in own]
        return FitProblem(
            self.model, data, with_ends(self.model, data, knowledge), self.absolute_sigma
        )

    @property
    def bounds(self) -> Bounds:
        """The same for all rows."""
        return self.pooled.bounds

    @property
    def cost(self) -> str:
        """The name of the cost function, that of the row which needs most."""
        if isinstance(self.rows, HistogramRows):
            return "poisson"
        return "effective-variance" if self.rows.has_x_err else "least-squares"

    @cached_property
    def kernel_key(self) -> KernelKey:
        """What the rows need compiled."""
        return KernelKey(self.cost, self.model, self.rows.length)

    @property
    def ndof(self) -> Floats:
        """Degrees of freedom of each row."""
        return self.rows.sizes + (self.pooled.ndof - self.pooled.data.size)

    @property
    def ndof_of_free(self) -> Floats:
        """See `FitProblem.ndof_of_free`."""
        return self.ndof - (self.pooled.ndof - self.pooled.ndof_of_free)

    @property
    def penalty(self) -> Floats:
        """See `FitProblem.penalty`, (rows,)."""
        total = np.zeros(len(self))
        starts = np.where(np.isnan(self.starts), starts_of(self.knowledge), self.starts)
        for known, own in zip(self.knowledge, starts.T, strict=True):
            if known.fixed and known.constraint is not None:
                total += known.tension(own) ** 2
        return total

    @property
    def is_convex(self) -> bool:
        """Whether a minimum is the only one."""
        return self.cost != "effective-variance" and self.pooled.is_linear


def _outside(limits: str, _: int) -> str:
    return f"start is outside the limits {limits}; move it"
