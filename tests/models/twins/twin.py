"""What a twin is, and what the tests ask of one."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import mpmath
import numpy as np

from models.model import Model

DIGITS = 50


@dataclass(frozen=True)
class Twin:
    """A shape by other means.

    `value(x, *params)` is SciPy's or NumPy's, of arrays; `exact_value(x, *params)` and
    `exact_integral(lo, hi, *params)` are mpmath's, of single numbers, good to `DIGITS`.
    `draw(rng, model)` gives parameters over many orders of magnitude. `frame(*params)` is the
    position and length in which bins and points are meant: peak and standard deviation, or origin
    and decay length. `params(model)` are parameters of order 1, at which derivatives are compared.
    `domain` limits bins and points, in lengths from the origin. `slow`: the exact integral is a
    quadrature, so fewer of them are compared. `heavy`: the shape takes long to compile, so most
    of its tests wait for `make test-full`.
    """

    models: tuple[Model, ...]
    value: Callable
    exact_value: Callable
    exact_integral: Callable
    draw: Callable
    frame: Callable
    params: Callable
    domain: tuple[float, float] = (-float("inf"), float("inf"))
    slow: bool = False
    heavy: bool = False

    def within(self, positions):
        """Those in the domain, in lengths from the origin."""
        low, high = self.domain
        return [p for p in positions if low <= p <= high]

    def bins_within(self, bins):
        """Those (lower, upper) in the domain."""
        return [pair for pair in bins if len(self.within(pair)) == len(pair)]


def exactly(function, x, params):
    """An mpmath function at one point or bin and at floats, with all digits, as a float."""
    with mpmath.workdps(DIGITS):
        return float(function(*map(mpmath.mpf, x), *map(mpmath.mpf, map(float, params))))


def exact_integrals(twin, edges, params):
    return np.array([exactly(twin.exact_integral, pair, params) for pair in pairwise(edges)])


def exact_derivatives(function, params):
    """Gradient and Hessian of an mpmath function by central differences that keep 20 digits."""
    with mpmath.workdps(DIGITS):
        h, p = mpmath.mpf(10) ** -12, len(params)

        def at(*moves):
            point = [mpmath.mpf(float(value)) for value in params]
            for i, steps in moves:
                point[i] += steps * h
            return function(*point)

        here = at()
        up, down = [at((i, 1)) for i in range(p)], [at((i, -1)) for i in range(p)]
        gradient = [(up[i] - down[i]) / (2 * h) for i in range(p)]
        bends = [up[i] + down[i] - 2 * here for i in range(p)]
        hessian = np.zeros((p, p))
        for i in range(p):
            hessian[i, i] = bends[i] / h**2
            for j in range(i):
                together = at((i, 1), (j, 1)) + at((i, -1), (j, -1)) - 2 * here
                hessian[i, j] = hessian[j, i] = (together - bends[i] - bends[j]) / (2 * h**2)
        return np.array(gradient, dtype=float), hessian
