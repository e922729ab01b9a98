"""Covariance of the free parameters: 2 errordef inv(H), errordef 1.

Methods:
    autodiff      exact second derivatives of the cost
    hesse         Minuit's finite differences of the same cost
    gauss-newton  first derivatives only (Fisher's information for counts, J'J of the pulls for
                  points), the convention of York et al. (Am. J. Phys. 72 (2004) 367),
                  ODRPACK and NIST
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from iminuit import Minuit

from fitting.newton import Bounds, Minimum, Spectrum
from fitting.objective import Objective
from fitting.padding import Flags, Floats

Method = Literal["autodiff", "hesse", "gauss-newton"]


@dataclass(frozen=True, eq=False)
class Covariance:
    """Matrix over the free parameters; None if the second derivatives are not those of a minimum.

    `parameters` are indices into the model's parameters.
    """

    method: Method
    parameters: tuple[int, ...]
    matrix: Floats | None

    @property
    def positive_definite(self) -> bool:
        return self.matrix is not None

    @property
    def errors(self) -> Floats | None:
        return None if self.matrix is None else np.sqrt(np.diag(self.matrix))

    @property
    def correlation(self) -> Floats | None:
        if self.matrix is None or self.errors is None:
            return None
        return self.matrix / np.outer(self.errors, self.errors)


def from_hessian(hessian: Floats, free: Flags, scale: float, method: Method) -> Covariance:
    """2 scale inv(H) over the free parameters, or nothing; an indefinite H is never patched."""
    block = hessian[np.ix_(free, free)]
    indices = tuple(np.flatnonzero(free).tolist())
    matrix = None
    if len(block) == 0:
        matrix = block
    elif np.isfinite(block).all() and (np.diag(block) > 0).all():
        spectrum = Spectrum.of(block)
        if spectrum.positive_definite:
            matrix = 2 * scale * spectrum.inverse()
    return Covariance(method, indices, matrix)


def at_minimum(minimum: Minimum, scale: float) -> Covariance:
    """The exact covariance where a descent ended, from what it knows already."""
    indices = tuple(np.flatnonzero(minimum.free).tolist())
    matrix = None
    if not indices:
        matrix = np.zeros((0, 0))
    elif minimum.positive_definite and minimum.spectrum is not None:
        matrix = 2 * scale * minimum.spectrum.inverse()
    return Covariance("autodiff", indices, matrix)


def at_point(
    objective: Objective,
    params: Floats,
    free: Flags,
    bounds: Bounds,
    names: Sequence[str],
    method: Method,
    scale: float,
) -> Covariance:
    """Covariance by the asked method, from the derivatives at `params`."""
    if method == "autodiff":
        return from_hessian(objective.hessian(params), free, scale, method)
    if method == "gauss-newton":
        return from_hessian(objective.linearised(params)[2], free, scale, method)
    return _hesse(objective, params, free, bounds, names, scale)


def _hesse(
    objective: Objective,
    params: Floats,
    free: Flags,
    bounds: Bounds,
    names: Sequence[str],
    scale: float,
) -> Covariance:
    """Minuit's HESSE from values alone (with a gradient it would difference that instead)."""
    m = Minuit(objective.value, params, name=names)
    m.errordef = Minuit.LEAST_SQUARES
    m.limits = list(zip(bounds.lower, bounds.upper, strict=True))
    m.fixed = (~free).tolist()
    exact = from_hessian(objective.hessian(params), free, 1.0, "autodiff").errors
    if exact is not None:
        steps = np.ones(len(params))
        steps[free] = exact
        m.errors = steps
    m.hesse()
    indices = tuple(np.flatnonzero(free).tolist())
    sound = m.covariance is not None and m.fmin is not None and m.fmin.has_posdef_covar
    if not sound or (m.fmin is not None and m.fmin.has_made_posdef_covar):
        return Covariance("hesse", indices, None)
    matrix = np.array(m.covariance)[np.ix_(free, free)] * scale
    return Covariance("hesse", indices, matrix)
