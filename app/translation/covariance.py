"""GET /covariance: the client's words to a point, and an outcome to the answer."""

import math
import re
from typing import Any

import numpy as np

from app.errors import InvalidRequest
from app.schemas.answers import CovarianceAnswer, KernelAnswer
from app.translation.answer import milliseconds
from app.translation.refusals import refuse_unknown
from fitting.covariance import Covariance
from fitting.further import CovarianceOutcome
from fitting.message import ON_THE_MODEL, UNSCALED
from fitting.padding import Floats
from fitting.problem import FitProblem, describe
from fitting.status import Status

NOT_A_MINIMUM = (
    "The second derivatives of the cost are not positive definite here, so their inverse is no "
    "covariance. Ask for another point, or for method=gauss-newton."
)
NO_INFORMATION = (
    "The expected information is singular here: the data do not determine all free parameters, so "
    "it has no inverse. Ask for another point, or fit with some of them fixed or constrained."
)

HOPELESS = (Status.EMPTY_DATA, Status.UNDER_DETERMINED)  # whatever the start

NUMBER = re.compile(
    r"[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?"
)  # as JSON writes it, or with a +
PLUS = re.compile(r"(?<=[eE]) ")  # which is a space in a query
AT = (
    "write name:value pairs joined by commas, each once, with numbers as JSON writes them: "
    "mu:0.5,sigma:1.1"
)

ZERO_ERROR = "An error is zero, so it is correlated with nothing."


def chi2_scale(problem: FitProblem, answer: dict[str, Any]) -> float:
    """The factor on the covariance: 1, or the reduced chi-square at the minimum, NaN without it."""
    if problem.absolute_sigma:
        return 1.0
    reduced = answer["goodness_of_fit"]["reduced_chi2"]
    return math.nan if reduced is None else float(reduced)


def to_point(problem: FitProblem, answer: dict[str, Any], at: str | None) -> Floats:
    """The minimum, with the parameters named in `at` moved."""
    values: dict[str, float | None] = answer["values"]
    named: dict[str, float | None] = {**parse_at(at)} if at else {}
    refuse_unknown(((("at", name), name) for name in named), list(problem.names))
    values = values | named
    point = np.array([np.nan if values[n] is None else values[n] for n in problem.names], float)
    if np.isnan(point).any():
        status = answer["status"]
        remedy = "send other data" if status in HOPELESS else "post it again"
        what = f"this fit has no values ({status}): {remedy}, or name all parameters in at"
        raise InvalidRequest([(("fit_id",), what)])
    bounds = problem.bounds
    for name, low, high, value in zip(
        problem.names, bounds.lower, bounds.upper, point, strict=True
    ):
        if name in named and not low <= value <= high:
            limits = describe((None if np.isinf(low) else low, None if np.isinf(high) else high))
            raise InvalidRequest([(("at", name), f"{name} is outside its limits {limits}")])
    return point


def parse_at(at: str) -> dict[str, float]:
    """'mu:0.5,sigma:1.1' as a mapping."""
    named: dict[str, float] = {}
    for pair in at.split(","):
        name, _, text = pair.partition(":")
        text = PLUS.sub("+", text.strip())
        value = float(text) if NUMBER.fullmatch(text) else float("nan")
        if not name.strip() or name.strip() in named or not np.isfinite(value):
            raise InvalidRequest([(("at",), AT)])
        named[name.strip()] = value
    return named


def reason_for(covariance: Covariance, answer: dict[str, Any] | None, scale: float) -> str | None:
    """Why a matrix is missing, or means little; `answer` is that of the fit whose it is."""
    if answer is not None and not answer["valid"]:
        return f"The fit itself is not valid ({answer['status']}): {answer['message']}"
    if covariance.matrix is None:
        none = NO_INFORMATION if covariance.method == "gauss-newton" else NOT_A_MINIMUM
        return covariance.reason or (UNSCALED if math.isnan(scale) else none)
    if covariance.correlation is None:
        return ZERO_ERROR if scale else ON_THE_MODEL
    return None


def to_answer(
    fit_id: str,
    problem: FitProblem,
    point: Floats,
    outcome: CovarianceOutcome,
    reason: str | None,
    queue_s: float,
) -> CovarianceAnswer:
    """The answer."""
    covariance, names = outcome.covariance, problem.names
    matrix, correlation = covariance.matrix, covariance.correlation
    errors: dict[str, float | None] = dict.fromkeys(names)
    if covariance.errors is not None:
        found = zip(covariance.parameters, covariance.errors, strict=True)
        errors |= {names[i]: float(error) for i, error in found}
    return CovarianceAnswer(
        fit_id=fit_id,
        method=covariance.method,
        parameters=[names[i] for i in covariance.parameters],
        matrix=None if matrix is None else matrix.tolist(),
        correlation=None if correlation is None else correlation.tolist(),
        errors=errors,
        positive_definite=covariance.positive_definite,
        reason=reason,
        at={n: float(v) for n, v in zip(names, point, strict=True)},
        timing_ms={
            "queue": milliseconds(queue_s),
            "compile": milliseconds(outcome.usage.compile_s),
            "covariance": milliseconds(outcome.seconds),
        },
        kernel=KernelAnswer(cache=outcome.usage.tier),
    )
