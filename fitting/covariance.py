"""Covariance of the free parameters: 2 errordef inv(H), errordef 1.

Methods:
    autodiff      exact second derivatives of the cost
    hesse         Minuit's finite differences of the same cost
    gauss-newton  first derivatives only (Fisher's information for counts, J'J of the pulls for
                  points), the convention of York et al. (Am. J. Phys. 72 (2004) 367),
                  ODRPACK and NIST; with Berkson errors that is less than Fisher's information,
                  which has half the square of the slope of log(variance), too
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from iminuit import Minuit

from fitting.bounds import block
from fitting.objective import Objective
from fitting.padding import Flags, Floats
from fitting.search.migrad import first_steps
from fitting.search.newton import ILL_CONDITIONED, Minimum, spectrum_at
from fitting.search.spectrum import Spectrum

HESSE_MAY_BE_OFF = 0.1
HESSE_FAILED = (
    "Minuit's finite differences fail here, or are off by more than ten per cent: the parameters "
    "are too strongly correlated, or one is next to a limit beyond which there is no model. Ask "
    "for method=autodiff, which is exact."
)

Method = Literal["autodiff", "hesse", "gauss-newton"]


@dataclass(frozen=True, eq=False)
class Covariance:
    """Matrix over the free parameters; None if the second derivatives are not those of a minimum.

    A matrix that is not finite is none, either: its scale is unknown, or no double holds it.
    `parameters` are indices into the model's parameters. `reason` tells of a matrix that was
    found and is not given.
    """

    method: Method
    parameters: tuple[int, ...]
    matrix: Floats | None
    reason: str | None = None

    def __post_init__(self) -> None:
        if self.matrix is not None:
            found = self.matrix + 0.0  # no negative zeros, as of residuals that are all 0
            object.__setattr__(self, "matrix", found if np.isfinite(found).all() else None)

    @property
    def positive_definite(self) -> bool:
        """A matrix of zeros is not: that of relative errors where there are no residuals."""
        return self.errors is not None and bool((self.errors > 0).all())

    @cached_property
    def errors(self) -> Floats | None:
        return None if self.matrix is None else np.sqrt(np.diag(self.matrix))

    @property
    def correlation(self) -> Floats | None:
        """None also where an error is zero: a fit of relative errors that leaves no residuals."""
        if self.matrix is None or self.errors is None or not self.errors.all():
            return None
        found = np.clip(self.matrix / self.errors / self.errors[:, None], -1.0, 1.0)
        np.fill_diagonal(found, 1.0)
        return found


def from_spectrum(
    spectrum: Spectrum | None, free: Flags, scale: float, method: Method
) -> Covariance:
    """2 scale inv(H) over the free parameters, or nothing; an indefinite H is never patched."""
    indices = tuple(np.flatnonzero(free).tolist())
    matrix = None
    if not indices:
        matrix = np.zeros((0, 0))
    elif spectrum is not None and spectrum.positive_definite:
        matrix = 2 * scale * spectrum.inverse
    return Covariance(method, indices, matrix)


def at_minimum(minimum: Minimum, scale: float) -> Covariance:
    """The exact covariance where a descent ended, from what it knows already."""
    return from_spectrum(minimum.spectrum, minimum.free, scale, "autodiff")


def at_point(
    objective: Objective,
    params: Floats,
    free: Flags,
    names: Sequence[str],
    method: Method,
    scale: float,
) -> Covariance:
    """Covariance by the asked method, from the derivatives at `params`, times `scale`.

    The cost should be brought to the order of ndof before (`Objective.scale`), for HESSE's sake.
    """
    scale = scale * objective.scale
    if method == "hesse" and free.any():
        return _hesse(objective, params, free, names, scale)
    decompose = _exact if method == "autodiff" else _expected
    return from_spectrum(decompose(objective, params, free), free, scale, method)


def _exact(objective: Objective, params: Floats, free: Flags) -> Spectrum | None:
    return spectrum_at(objective, params, objective.hessian(params), free)


def _expected(objective: Objective, params: Floats, free: Flags) -> Spectrum | None:
    """Of the information, from the Jacobian where that keeps more digits."""
    information = block(objective.linearised(params)[2], free)
    spectrum = Spectrum.of(information)
    if spectrum is None or spectrum.weakest > ILL_CONDITIONED:
        return spectrum
    with objective.without_logarithm():
        _, jacobian = objective.residuals(params)
    return Spectrum.from_factors(jacobian[:, free], np.zeros_like(information)) or spectrum


def _hesse(
    objective: Objective,
    params: Floats,
    free: Flags,
    names: Sequence[str],
    scale: float,
) -> Covariance:
    """Minuit's HESSE from values alone (with a gradient it would difference that instead).

    Its steps go along one axis at a time and are too long, or too short to be told from rounding,
    where parameters are strongly correlated; it then says that it is accurate all the same. It is
    not told the limits: of the angle that it makes of a limited parameter (F. James, Minuit
    Reference Manual, 1.3) the second derivatives are others wherever the gradient is not zero.
    """
    m = Minuit(objective.value, params, name=names)
    m.errordef = Minuit.LEAST_SQUARES
    m.fixed = (~free).tolist()
    m.errors = first_steps(objective, params)
    m.hesse()
    indices = tuple(np.flatnonzero(free).tolist())
    exact = from_spectrum(_exact(objective, params, free), free, scale, "autodiff").errors
    if exact is None:
        return Covariance("hesse", indices, None)
    if m.covariance is not None and m.fmin is not None and m.fmin.has_posdef_covar:
        found = Covariance("hesse", indices, block(np.array(m.covariance), free) * scale)
        if found.errors is not None and np.allclose(
            found.errors, exact, rtol=HESSE_MAY_BE_OFF, atol=0.0
        ):
            return found
    return Covariance("hesse", indices, None, HESSE_FAILED)
