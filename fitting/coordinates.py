"""The same question in other parameters, where those of the model depend on each other too much.

The powers of x are nearly parallel unless x is centred and scaled, and their coefficients so
strongly correlated that a double cannot tell them apart (NIST's Filip: a condition number of 1e15).
A model that knows better coordinates offers them (`Model.coordinates`); the fit is done there, and
values and covariance are brought back by the linear map, which is known exactly.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import numpy as np

from fitting.covariance import Covariance
from fitting.padding import Floats
from fitting.problem import FitProblem, Knowledge, with_ends
from fitting.result import FitResult
from models.model import Model

WORTH_IT = 1e4  # condition number: below it the detour gains no digit that matters

Matrix = Sequence[Sequence[Fraction]]


@dataclass(frozen=True, eq=False)
class Eased:
    """A problem in better coordinates; `matrix`, upper triangular, leads back to the old ones."""

    problem: FitProblem
    matrix: Matrix

    def values(self, coordinates: Floats) -> Floats:
        """The model's own parameters; not numbers where a fit has found none."""
        if not np.isfinite(coordinates).all():
            return np.full(len(self.matrix), np.nan)
        return as_floats(times(self.matrix, coordinates.tolist()))

    def coordinates(self, values: Floats) -> Floats:
        """Where `values` are; what more the eased model has is known."""
        own = as_floats(solve(self.matrix, values.tolist()))
        return np.append(own, [k.start for k in self.problem.knowledge[len(values) :]])

    def covariance(self, covariance: Covariance) -> Covariance:
        """The covariance of the model's own parameters."""
        if covariance.matrix is None:
            return covariance
        with np.errstate(over="ignore", invalid="ignore"):
            matrix = self._floats @ covariance.matrix @ self._floats.T
        return replace(covariance, matrix=matrix)

    def result(self, result: FitResult) -> FitResult:
        """The result in the model's own parameters."""
        size = len(self.matrix)
        return replace(
            result,
            values=self.values(result.values[:size]),
            starts=self.values(result.starts[:size]),
            held=result.held[:size],
            covariance=self.covariance(result.covariance),
        )

    @cached_property
    def _floats(self) -> Floats:
        return as_floats(self.matrix)


def ease(problem: FitProblem) -> Eased | None:
    """The problem in better coordinates, if there are any and they are worth it.

    Limits, constraints and fixed values belong to a parameter and its own axis.
    """
    if not problem.model.has_coordinates:
        return None
    bounds = problem.bounds
    free = np.isinf(bounds.lower).all() and np.isinf(bounds.upper).all()
    if not free or bounds.fixed.any() or problem.prior.weight.any():
        return None
    offer = problem.model.coordinates(*problem.data.ends[0])
    if offer is None or not is_worth_it(offer[1]):
        return None
    return Eased(eased(problem, *offer), offer[1])


def ease_within(problem: FitProblem) -> Eased | None:
    """The same with the limits left out: right for a minimum that then lies inside of them."""
    limited = [known.limits is not None for known in problem.knowledge]
    if not any(limited) or problem.minos or not problem.is_linear:
        return None
    knowledge = tuple(replace(known, limits=None) for known in problem.knowledge)
    return ease(replace(problem, knowledge=knowledge))


def eased(problem: FitProblem, model: Model, matrix: Matrix) -> FitProblem:
    """The same data and starts for another model."""
    starts = [k.start for k in problem.knowledge]
    known: list[float | None] = [None] * len(starts)
    if None not in starts:
        known = as_floats(solve(matrix, starts)).tolist()
    known += [None] * (len(model.parameters) - len(known))
    knowledge = with_ends(model, problem.data, [Knowledge(start=value) for value in known])
    rows = np.zeros((len(starts), len(known)))
    rows[:, : len(starts)] = as_floats(matrix)
    combined = dict(zip(problem.names, rows, strict=True))
    return replace(problem, model=model, knowledge=knowledge, combined=combined)


def is_worth_it(matrix: Matrix) -> bool:
    """Whether the old parameters are far from independent, whatever their units."""
    floats = as_floats(matrix)
    with np.errstate(invalid="ignore"):
        scaled = floats / np.abs(floats).max(axis=1)[:, None]
    return bool(np.isfinite(scaled).all() and np.linalg.cond(scaled) > WORTH_IT)


def as_floats(numbers: Sequence[Fraction] | Matrix) -> Floats:
    """The nearest floats; infinite where there is none, which `float` refuses."""

    def as_float(number: Fraction) -> float:
        try:
            return float(number)
        except OverflowError:
            return math.inf if number > 0 else -math.inf

    return np.vectorize(as_float, otypes=[float])(np.array(numbers, dtype=object))


def times(matrix: Matrix, vector: Sequence[float]) -> list[Fraction]:
    """Product without rounding."""
    return [
        sum((m * Fraction(v) for m, v in zip(row, vector, strict=True) if m), start=Fraction(0))
        for row in matrix
    ]


def solve(matrix: Matrix, vector: Sequence[float | None]) -> list[Fraction]:
    """Solution for an upper triangular matrix, without rounding."""
    size = len(matrix)
    solution = [Fraction(0)] * size
    for i in reversed(range(size)):
        rest = sum((matrix[i][k] * solution[k] for k in range(i + 1, size)), start=Fraction(0))
        solution[i] = (Fraction(vector[i] or 0.0) - rest) / matrix[i][i]
    return solution
