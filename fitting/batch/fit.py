"""A batch, from question to columns: all rows at once, then one by one those that need more."""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from fitting.batch.descent import Descended
from fitting.batch.objective import RowsObjective
from fitting.batch.question import Batch
from fitting.batch.result import CONVERGED, STATUSES, BatchResult
from fitting.batch.search import search
from fitting.batch.starts import origin_of
from fitting.batch.verdict import judge_rows
from fitting.coordinates import Eased, as_floats, ease
from fitting.data import Marks
from fitting.errors import NO_NUMBER, DeadlineReached
from fitting.fit import fit
from fitting.kernels.cache import KernelCache
from fitting.objective import Objective
from fitting.padding import Flags, Floats, Places
from fitting.result import FitResult
from fitting.status import Status

FOREVER = float("inf")

Stop = Callable[[], None]


def fit_batch(
    batch: Batch,
    kernels: KernelCache,
    deadline: float = FOREVER,
    stop: Stop | None = None,
    *,
    until: float = FOREVER,
    alone: Flags | None = None,
    origin: Floats | None = None,
    covariance: bool = False,
) -> BatchResult:
    """Fit the rows; those that are not done at `until`, or at the deadline, have no status.

    Both are moments on time.monotonic's clock. `alone` are rows that were tried with the others
    before, `origin` is where another part of the batch began. At least one row is tried in each
    call.
    """
    began = time.perf_counter()
    result = BatchResult.empty(batch, covariance=covariance)
    if alone is not None:
        result.alone[:] = alone
    try:
        together = np.flatnonzero(~result.alone)
        if len(together):
            times = min(deadline, until), deadline
            try:
                origin = _together(batch, together, result, kernels, *times, stop, origin)
            except NO_NUMBER:  # of one row, and who knows which
                result.alone[together] = True
        for i in np.flatnonzero(result.alone & ~result.done).tolist():
            _put_single(result, i, fit(batch.problem(i), kernels, deadline, stop))
            if time.monotonic() > until:
                break
    except DeadlineReached:
        pass
    return replace(result, origin=origin, seconds=time.perf_counter() - began)


def _together(
    batch: Batch,
    places: Places,
    result: BatchResult,
    kernels: KernelCache,
    until: float,
    deadline: float,
    stop: Stop | None,
    origin: Floats | None,
) -> Floats | None:
    """All rows at once; what is not certain is marked to be fitted alone. Gives the origin."""
    lonely = batch.some(places).rows.is_empty
    if batch.bounds.fixed.all():
        lonely[:] = True
    result.alone[places[lonely]] = True
    places = places[~lonely]
    if not len(places):
        return origin
    asked = batch.some(places)
    if (asked.ndof_of_free < 0).any():
        result.alone[places] = True
        return origin
    eased = ease(asked.pooled)
    work = asked if eased is None else _eased(asked, eased)
    if eased is not None:
        until = deadline  # where such a row was cannot be told in its own parameters
    rows, pooled = _objectives(work, result, kernels, deadline, stop)
    if eased is not None:
        origin = None  # the coordinates of another part may be other ones
    if origin is None and np.isnan(work.given).any():
        origin = origin_of(work, pooled, kernels)
    found, exact = search(work, rows, pooled, origin, until)
    verdict = judge_rows(work, rows, pooled, found, exact)
    again = np.zeros(len(work), dtype=bool)
    if eased is None:
        result.resume[places[found.unfinished]] = found.values[found.unfinished]
        again = work.is_resumed | (work.is_led & found.bent)
    result.alone[places] = ~verdict.sound & (~found.unfinished | again)
    _put(result, places, asked, found, verdict.certain, verdict.chi2, eased)
    result.status[places[verdict.sound]] = CONVERGED
    for i in places[verdict.sound & asked.rows.is_fractional].tolist():
        result.warnings[i] = ("fractional-counts",)
    return None if eased is not None else origin


def _objectives(
    work: Batch, result: BatchResult, kernels: KernelCache, deadline: float, stop: Stop | None
) -> tuple[RowsObjective, Objective]:
    """That of the rows, and that of the pooled data, in which x is exact."""
    problem = work.pooled
    kernel = kernels.get(work.kernel_key)
    rows = RowsObjective(
        kernel, problem, work.rows.shared(), work.rows.stack(), result.usage, deadline, stop
    )
    padded = problem.data.padded()
    if isinstance(padded, Marks):
        exact = np.zeros_like(padded.x_err)
        padded = padded._replace(x_err=exact, log_weight=np.asarray(0.0))
    pooled = Objective(
        kernels.get(problem.kernel_key),
        padded,
        problem.prior,
        problem.model.tables,
        result.usage,
        deadline,
        stop,
    )
    return rows, pooled


def _eased(batch: Batch, eased: Eased) -> Batch:
    """The batch in other coordinates; starts are found anew."""
    count = len(eased.problem.parameters)
    knowledge = eased.problem.knowledge
    starts = np.full((len(batch), count), np.nan)
    for k, known in enumerate(knowledge):
        if known.fixed and known.start is not None:
            starts[:, k] = known.start
    model = eased.problem.model
    return replace(batch, model=model, knowledge=knowledge, starts=starts, resume=None)


def _put(
    result: BatchResult,
    places: Places,
    batch: Batch,
    found: Descended,
    certain: Flags,
    chi2: Floats,
    eased: Eased | None,
) -> None:
    """The numbers of certain minima."""
    rows, own = places[certain], np.flatnonzero(certain)
    scale, penalty = np.ones(len(own)), batch.penalty[own]
    # of rounding they may be negative
    fval, chi2 = (np.maximum(cost[own], 0.0) + penalty for cost in (found.cost, chi2))
    if not batch.absolute_sigma:
        ndof = batch.ndof[own]
        scale = np.where(ndof > 0, chi2 / np.where(ndof > 0, ndof, 1.0), np.nan)
    values, matrices = found.values[own], 2 * scale[:, None, None] * found.inverse[own]
    if eased is not None:
        size = len(eased.matrix)
        values = np.array([eased.values(row[:size]) for row in values]).reshape(-1, size)
        back = as_floats(eased.matrix)
        matrices = back @ matrices[:, :size, :size] @ back.T
    fixed = batch.bounds.fixed
    result.values[rows] = values
    errors = np.sqrt(np.einsum("rii->ri", matrices))
    errors[:, fixed] = np.nan
    result.errors[rows] = errors
    result.fval[rows], result.chi2[rows] = fval, chi2
    result.edm[rows] = found.edm[own]
    if result.covariance is not None:
        matrices[:, fixed] = np.nan
        matrices[:, :, fixed] = np.nan
        result.covariance[rows] = matrices


def _put_single(result: BatchResult, i: int, single: FitResult) -> None:
    """The answer of a fit by itself; one that ran out of time leaves what there was."""
    result.usage.add(single.usage)
    if single.status is Status.DEADLINE and np.isfinite(result.values[i]).all():
        raise DeadlineReached
    none = float("nan")
    result.status[i] = STATUSES.index(single.status)
    result.message[i] = single.message
    result.warnings[i] = tuple(warning.code for warning in single.warnings)
    result.values[i] = single.values
    result.errors[i] = [none if e is None else e for e in single.errors]
    result.fval[i] = none if single.cost is None else single.cost
    result.chi2[i] = none if single.chi2 is None else single.chi2
    result.ndof[i] = single.ndof
    result.edm[i] = none if single.effort.edm is None else single.effort.edm
    result.held[i] = single.held
    if result.covariance is not None:
        result.covariance[i] = none
        if single.covariance.matrix is not None:
            free = list(single.covariance.parameters)
            result.covariance[i][np.ix_(free, free)] = single.covariance.matrix
