"""From a `FitResult` to the answer that a client gets."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from iminuit.pdg_format import pdg_format
from pydantic_core import to_jsonable_python
from scipy.special import gammaincc

from app.reading.binary import to_lists
from app.schemas.answers import (
    CovarianceBlock,
    FitAnswer,
    FitKind,
    GoodnessOfFit,
    KernelAnswer,
    Minimizer,
    MinosBlock,
    ParameterAnswer,
    Timing,
    WarningAnswer,
)
from app.schemas.requests import Asked
from fitting.covariance import Covariance
from fitting.message import ON_THE_MODEL, UNSCALED
from fitting.problem import FitProblem
from fitting.result import FitResult, MinosInterval
from fitting.search.migrad import EDM_GOAL

OUT_OF_RANGE = "A variance is so large or so small that no number holds it: use other units."


def to_answer(
    fit_id: str,
    created: float,
    kind: FitKind,
    model: Any,
    problem: FitProblem,
    result: FitResult,
    queue_s: float,
    total_s: float,
) -> FitAnswer:
    """The answer, complete but for its way into the store; `model` in the client's words."""
    names = problem.names
    errors = result.errors
    usage, effort, fitness = result.usage, result.effort, goodness(problem, result)
    reason = result.message
    if result.valid:
        scaled = problem.absolute_sigma or fitness.reduced_chi2 is not None
        reason = OUT_OF_RANGE if scaled else UNSCALED
    return FitAnswer(
        fit_id=fit_id,
        created=datetime.fromtimestamp(created, UTC),
        kind=kind,
        model=model,
        valid=result.valid,
        status=result.status,
        message=result.message,
        values={n: finite(v) for n, v in zip(names, result.values, strict=True)},
        errors=dict(zip(names, errors, strict=True)),
        covariance=covariance_block(result.covariance, names, reason),
        minos={name: minos_block(found) for name, found in result.minos.items()},
        fval=result.cost,
        goodness_of_fit=fitness,
        parameters=parameter_answers(problem, result, errors),
        minimizer=Minimizer(
            algorithm=effort.algorithm,
            edm=effort.edm,
            edm_goal=EDM_GOAL,
            nfcn=effort.nfcn,
            ngrad=effort.nfcn,
            nhess=effort.nhess,
        ),
        warnings=[WarningAnswer(code=w.code, message=w.message) for w in result.warnings],
        timing_ms=Timing(
            queue=milliseconds(queue_s),
            compile=milliseconds(usage.compile_s),
            minimize=milliseconds(max(effort.minimize_s - usage.compile_s, 0.0)),
            covariance=milliseconds(effort.covariance_s),
            total=milliseconds(total_s),
        ),
        kernel=KernelAnswer(cache=usage.tier),
    )


def model_as_sent(request: Asked) -> Any:
    """The model, in the client's words."""
    model = request.model
    if isinstance(model, str):
        return model
    sent = model.model_dump(exclude_unset=True, warnings=False)
    return to_jsonable_python(sent, fallback=to_lists)


def milliseconds(seconds: float) -> float:
    """Rounded to a microsecond."""
    return round(1e3 * seconds, 3)


def covariance_block(
    covariance: Covariance, names: tuple[str, ...], reason: str
) -> CovarianceBlock:
    """`reason` is told only if there is no matrix; one of zeros has its own."""
    matrix = covariance.matrix
    told = None if covariance.positive_definite else ON_THE_MODEL
    return CovarianceBlock(
        parameters=[names[i] for i in covariance.parameters],
        matrix=None if matrix is None else matrix.tolist(),
        method=covariance.method,
        positive_definite=covariance.positive_definite,
        reason=reason if matrix is None else told,
    )


def minos_block(found: MinosInterval) -> MinosBlock:
    return MinosBlock(
        lower=found.lower, upper=found.upper, valid=found.valid, message=found.message
    )


def goodness(problem: FitProblem, result: FitResult) -> GoodnessOfFit:
    """Chi-square and its p-value, where they mean something."""
    chi2, ndof = result.chi2, result.ndof
    reduced = p_value = reason = None
    if chi2 is None:
        reason = result.message
    elif ndof <= 0:
        reason = "no degrees of freedom: as many free parameters as data"
    else:
        reduced = chi2 / ndof
        if problem.absolute_sigma:
            p_value = float(gammaincc(ndof / 2, max(chi2, 0.0) / 2))
        else:
            reason = "no p-value: without absolute errors of the data chi2 has no scale"
    return GoodnessOfFit(chi2=chi2, ndof=ndof, reduced_chi2=reduced, p_value=p_value, reason=reason)


def parameter_answers(
    problem: FitProblem, result: FitResult, errors: list[float | None]
) -> list[ParameterAnswer]:
    """One entry a parameter, for people and tables."""
    answers = []
    rows = zip(problem.parameters, problem.knowledge, errors, strict=True)
    for i, (parameter, known, error) in enumerate(rows):
        value = finite(result.values[i])
        answers.append(
            ParameterAnswer(
                name=parameter.name,
                value=value,
                error=error,
                start=finite(result.starts[i]),
                limits=problem.limits_of(parameter, known),
                fixed=known.fixed,
                at_limit=bool(result.held[i]),
                display=display(value, error, fixed=known.fixed, held=bool(result.held[i])),
            )
        )
    return answers


def finite(number: float) -> float | None:
    """None for what a fit that was killed has not found."""
    return float(number) if math.isfinite(number) else None


def display(value: float | None, error: float | None, *, fixed: bool, held: bool) -> str:
    """Value and error rounded as the Particle Data Group does."""
    if value is None:
        return "unknown"
    if error:
        text: str = pdg_format(value, error)
        return text
    note = " (fixed)" if fixed else " (at limit)" if held else ""
    return f"{value:.6g}{note}"


def server_timing(timing_ms: Mapping[str, float], tier: str) -> dict[str, str]:
    """The same facts as `timing_ms` and `kernel`, as a header."""
    parts = [f"{name};dur={ms}" for name, ms in timing_ms.items()]
    return {"Server-Timing": ", ".join([*parts, f'kernel;desc="{tier}"'])}
