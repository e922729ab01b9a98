"""The Hessian of the free parameters, decomposed: is it positive definite, its inverse, steps.

There are two ways. Usually the Hessian itself is decomposed (`of`). Where the data hardly tell
parameters apart, its weakest direction drowns in the rounding of the strongest. A Hessian is also
2 J'J + S, with J the derivatives of the residuals and S all the rest; the decomposition of J has
the condition number of J, the root of that of J'J (`from_factors`; A. Bjorck, Numerical Methods
for Least Squares Problems, SIAM 1996, 1.4 and 2.7).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import qr
from scipy.linalg.lapack import dsyevd

from fitting.padding import Flags, Floats

SINGULAR = 1e-13  # smallest eigenvalue of a Hessian of unit diagonal, per parameter
SINGULAR_JACOBIAN = 1e-14  # smallest singular value of a Jacobian of unit columns, per parameter
INVOLVED = 0.3  # share in a combination, of the largest
FLOOR = 1e-3  # smallest curvature of a step, of the most negative one


@dataclass(frozen=True, eq=False)
class Spectrum:
    """`basis` diagonalises the Hessian H: basis' H basis has the `values` on its diagonal.

    `scales` are the roots of the curvatures of each parameter alone; `weakest` is the smallest
    eigenvalue of H brought to unit diagonal, `singular` what of it is rounding.
    """

    scales: Floats
    values: Floats
    basis: Floats
    weakest: float
    singular: float

    @classmethod
    def of(cls, hessian: Floats) -> "Spectrum | None":
        """From the Hessian itself; None where it is not finite."""
        scales = np.sqrt(np.abs(hessian.diagonal()))
        scales[scales == 0] = 1.0
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = hessian / scales / scales[:, None]
        if not np.isfinite(scaled).all():
            return None
        values, vectors, failed = dsyevd(scaled)  # np.linalg.eigh takes three times as long
        if failed:
            return None
        # ascending, as eigh gives them
        weakest = float(values[0]) if len(values) else 1.0
        return cls(scales, values, vectors / scales[:, None], weakest, SINGULAR * len(values))

    @classmethod
    def from_factors(cls, jacobian: Floats, rest: Floats) -> "Spectrum | None":
        """Of 2 J'J + S, in the coordinates in which 2 J'J is 1; None where J has a null space."""
        if not (np.isfinite(jacobian).all() and np.isfinite(rest).all()):
            return None
        scales, widths, right = _decomposed(jacobian)
        if _is_null(widths).any():
            return None
        stretch = right.T / widths
        bent = stretch.T @ (rest / scales / scales[:, None]) @ stretch
        values, turned = np.linalg.eigh(np.eye(len(widths)) + bent)
        weakest = float(widths[-1] ** 2 * np.sign(values[0]))
        return cls(scales, values, stretch @ turned / scales[:, None], weakest, 0.0)

    @property
    def positive_definite(self) -> bool:
        return len(self.values) == 0 or self.weakest > self.singular

    def decrement(self, gradient: Floats) -> float:
        """g' inv(H) g / 2, what a Newton step promises."""
        along = self.basis.T @ gradient
        return float(0.5 * (along @ (along / self.values)))

    @cached_property
    def inverse(self) -> Floats:
        """Inverse of the Hessian."""
        root = self.basis / np.sqrt(self.values)
        return root @ root.T

    def slope(self, gradient: Floats) -> float:
        """The `decrement`, with curvatures that are no smaller than rounding leaves them."""
        along = self.basis.T @ gradient
        floor = max(SINGULAR * len(self.values), self.singular)
        return float(0.5 * (along @ (along / np.maximum(np.abs(self.values), floor))))

    def descent(self, gradient: Floats) -> Floats:
        """The Newton step, with absolute and not too small eigenvalues."""
        floor = max(SINGULAR * len(self.values), FLOOR * -self.values.min(initial=0.0))
        along = self.basis.T @ gradient
        return -(self.basis @ (along / np.maximum(np.abs(self.values), floor)))

    @cached_property
    def direction(self) -> Floats:
        """Along which the cost curves least, or downwards, in units of 1 / `scales`."""
        scaled = self.basis * self.scales[:, None]
        if self.values[0] <= 0:
            return scaled[:, 0]
        lengths = np.sum(scaled * scaled, axis=0) / self.values
        return scaled[:, int(np.argmax(lengths))]


def parallel(jacobian: Floats) -> Flags:
    """The parameters of combinations along which no residual changes, to first order."""
    _, widths, right = _decomposed(jacobian)
    weights = np.linalg.norm(right[_is_null(widths)], axis=0)
    return (weights > 0) & (weights > INVOLVED * weights.max(initial=0.0))


def spanned(jacobian: Floats) -> tuple[int, ...]:
    """Parameters without which there is no such combination, and no residual loses a direction."""
    scales, widths, _ = _decomposed(jacobian)
    _, pivots = qr(jacobian / scales, mode="r", pivoting=True)
    return tuple(sorted(pivots[len(widths) - np.count_nonzero(_is_null(widths)) :].tolist()))


def _decomposed(jacobian: Floats) -> tuple[Floats, Floats, Floats]:
    """Scales that bring 2 J'J to unit diagonal, and of J over these the singular values and right
    singular vectors, one for each parameter."""
    scales = np.sqrt(2 * np.sum(jacobian * jacobian, axis=0))
    scales[scales == 0] = 1.0
    triangle = np.linalg.qr(np.sqrt(2) * jacobian / scales, mode="r")
    _, widths, right = np.linalg.svd(triangle)
    return scales, np.append(widths, np.zeros(len(scales) - len(widths))), right


def _is_null(widths: Floats) -> Flags:
    return widths <= SINGULAR_JACOBIAN * len(widths) * widths.max(initial=0.0)
