"""Other fitters on NIST's problems, each as its own documentation would have it used.

MIGRAD          iminuit's least squares with unit errors, numerical gradient, default strategy
MIGRAD, tuned   errors of the size of the residuals, strategy 2, tolerance 1e-5, called again
                until valid, ten times at most
SciPy           `least_squares(method="lm")`, MINPACK's, tolerances 1e-15
lmfit           `minimize` with its default method, `leastsq`
"""

import warnings
from collections.abc import Callable

import lmfit
import numpy as np
from iminuit import Minuit
from iminuit.cost import LeastSquares
from scipy.optimize import least_squares

from fitting.padding import Floats
from tests.oracles.nist_nonlinear import Problem

Peer = Callable[[Problem, Floats], Floats]

FUNCTIONS = {name: getattr(np, name) for name in ("exp", "cos", "sin", "pi")} | {"atan": np.arctan}


def model(problem: Problem) -> Callable[[Floats], Floats]:
    """The problem's own formula, computed by NumPy."""
    code = compile(problem.formula, problem.name, "eval")
    x = problem.x if isinstance(problem.x, dict) else {"x": problem.x}

    def predicted(params: Floats) -> Floats:
        known = dict(zip(problem.names, params, strict=True))
        with np.errstate(all="ignore"):
            y = eval(code, {"__builtins__": {}}, FUNCTIONS | x | known)
        return np.nan_to_num(np.broadcast_to(y, problem.y.shape), nan=1e100, posinf=1e100)

    return predicted


def migrad(problem: Problem, start: Floats) -> Floats:
    m = _minuit(problem, start, 1.0)
    m.migrad()
    return np.array(m.values)


def migrad_tuned(problem: Problem, start: Floats) -> Floats:
    values, predicted = start, model(problem)
    for _ in range(10):
        residuals = problem.y - predicted(values)
        m = _minuit(problem, values, float(np.sqrt(np.mean(residuals**2))) or 1.0)
        m.strategy, m.tol = 2, 1e-5
        m.migrad(ncall=100_000)
        values = np.array(m.values)
        if m.valid:
            break
    return values


def _minuit(problem: Problem, start: Floats, error: float) -> Minuit:
    predicted = model(problem)
    index = np.arange(len(problem.y), dtype=float)
    cost = LeastSquares(index, problem.y, error, lambda _, params: predicted(params))
    return Minuit(cost, start)


def scipy_lm(problem: Problem, start: Floats) -> Floats:
    predicted = model(problem)
    options = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15, "max_nfev": 100_000}
    return least_squares(lambda p: predicted(p) - problem.y, start, method="lm", **options).x


def lmfit_leastsq(problem: Problem, start: Floats) -> Floats:
    predicted, params = model(problem), lmfit.Parameters()
    for name, value in zip(problem.names, start, strict=True):
        params.add(name, value=float(value))

    def residuals(given: lmfit.Parameters) -> Floats:
        return predicted(np.array(list(given.valuesdict().values()))) - problem.y

    found = lmfit.minimize(residuals, params).params
    return np.array([found[name].value for name in problem.names])


PEERS: dict[str, Peer] = {
    "MIGRAD": migrad,
    "MIGRAD, tuned": migrad_tuned,
    "SciPy LM": scipy_lm,
    "lmfit": lmfit_leastsq,
}


def found_by(peer: Peer, problem: Problem, start: Floats) -> Floats:
    """What the peer found; its start, where it gave up with an exception."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return peer(problem, start)
        except (ValueError, RuntimeError, np.linalg.LinAlgError):
            return start
