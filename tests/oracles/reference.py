"""Slow, readable twins of the fit costs: use these to know what a fit must answer.

A cost is written once, over jets (`jets.py`) and shapes (`shapes.py`), so that its gradient and
Hessian are exact and owe nothing to JAX or Minuit. `minimise` is Newton's method with Levenberg
damping; it ends at the rounding floor, some 1e-9 errors or better. `high_precision_hessian`
(mpmath, 50 digits) checks the jets themselves.
"""

from dataclasses import dataclass, field

import mpmath
import numpy as np
from scipy.optimize import brentq

from .jets import variables
from .shapes import shapes


@dataclass
class Cost:
    """Chi-square-like cost of a model; `constraints` are {name: (value, sigma)}."""

    model: object
    constraints: dict = field(default_factory=dict, kw_only=True)

    @property
    def names(self):
        return [name for _, names in shapes(self.model) for name in names]

    def __call__(self, theta):
        """The cost as a jet of scalars."""
        parameters = dict(zip(self.names, variables(theta), strict=True))
        total = self.data_terms(parameters).sum()
        for name, (value, sigma) in self.constraints.items():
            pull = (parameters[name] - value) / sigma
            total = total + (pull * pull).sum()
        return total

    def gauss_newton(self, theta):
        """Covariance by expected information: 2 * inv(2 * J'J), J of the normalised residuals."""
        j = self.residual_slopes(dict(zip(self.names, variables(theta), strict=True)))
        pulls = [self.constraints[n][1] ** -2 if n in self.constraints else 0 for n in self.names]
        return np.linalg.inv(j @ j.T + np.diag(pulls))

    def _call(self, method, parameters, *x):
        parts = [
            getattr(shape, method)(*x, *[parameters[name] for name in names])
            for shape, names in shapes(self.model)
        ]
        return sum(parts[1:], start=parts[0])


@dataclass
class Poisson(Cost):
    """Baker-Cousins: 2 * sum(mu - n + n*log(n/mu)), infinite where mu is not positive."""

    edges: object
    counts: object
    keep: object = ...  # the bins that are fitted, as a mask

    def expected(self, parameters):
        edges = np.asarray(self.edges, float)
        return self._call("integral", parameters, edges[:-1][self.keep], edges[1:][self.keep])

    def expected_counts(self, values):
        """Expected count of each bin, as plain numbers, at {name: value}."""
        return self.expected(dict(zip(values, variables(values.values()), strict=True))).v

    def data_terms(self, parameters):
        mu, n = self.expected(parameters), np.asarray(self.counts, float)[self.keep]
        possible = (mu.v > 0) | ((mu.v == 0) & (n == 0))
        m = np.where(mu.v > 0, mu.v, 1.0)
        safe = np.where(n > 0, n, 1.0)
        x = np.clip((m - n) / safe, -0.5, 1.0)
        near = np.abs((m - n) / safe) < 0.5  # there n - n*log(..) would cancel
        term = np.where(near, n * (x - np.log1p(x)), m - n + n * np.log(safe / m))
        term = np.where(n > 0, term, mu.v)
        return mu.chain(2 * np.where(possible, term, np.inf), 2 * (m - n) / m, 2 * n / m**2)

    def residual_slopes(self, parameters):
        mu = self.expected(parameters)
        return mu.g / np.sqrt(mu.v)


@dataclass
class EffectiveVariance(Cost):
    """sum r^2 / (sy^2 + (f' sx)^2); Berkson adds the log of that variance."""

    x: object
    y: object
    sx: object
    sy: object
    berkson: bool = False

    def _parts(self, parameters):
        x, y = np.asarray(self.x, float), np.asarray(self.y, float)
        slope = self._call("slope", parameters, x) * np.broadcast_to(self.sx, x.shape)
        variance = slope * slope + np.broadcast_to(np.square(self.sy), x.shape)
        return y - self._call("value", parameters, x), variance

    def data_terms(self, parameters):
        residual, variance = self._parts(parameters)
        chi2 = residual * residual / variance
        return chi2 + variance.log() if self.berkson else chi2

    def residual_slopes(self, parameters):
        residual, variance = self._parts(parameters)
        return (residual * (variance.log() * -0.5).exp()).g


@dataclass(frozen=True)
class Minimum:
    """What a perfect fit answers; errors are None where fixed or at a limit."""

    values: dict
    errors: dict
    free: list
    covariance: np.ndarray
    fval: float


def minimise(cost, start, fixed=(), limits=None, scale=1.0):
    """Newton with Levenberg damping inside limits; `scale` multiplies the covariance."""
    names = cost.names
    bounds = [(limits or {}).get(name, (None, None)) for name in names]
    lo = np.array([-np.inf if low is None else low for low, _ in bounds])
    hi = np.array([np.inf if high is None else high for _, high in bounds])
    theta = np.clip([float(start[n]) for n in names], lo, hi)
    here, damping = cost(theta), 1e-3
    assert np.isfinite(here.v), f"the twin needs a start with a finite cost, not {start}"

    def movable(jet, at):
        outwards = ((at <= lo) & (jet.g > 0)) | ((at >= hi) & (jet.g < 0))
        return np.array([n not in fixed for n in names]) & ~outwards

    def step(jet, free, damping):
        move = np.zeros(len(names))
        h = jet.h[np.ix_(free, free)]
        d = np.sqrt(np.abs(np.diag(h)) + 1e-300)
        curvature, axes = np.linalg.eigh(h / np.outer(d, d))  # |curvature|: always downhill
        move[free] = -(axes @ (axes.T @ (jet.g[free] / d) / (np.abs(curvature) + damping))) / d
        return move

    for _ in range(500):
        free = movable(here, theta)
        if abs(here.g @ step(here, free, 1e-14)) < 1e-10 * (1 + abs(here.v)):
            break
        trial = np.clip(theta + step(here, free, damping), lo, hi)
        with np.errstate(all="ignore"):
            there = cost(trial)
        if there.v <= here.v:
            theta, here, damping = trial, there, damping / 10
        else:
            damping *= 10
    for _ in range(6):  # the cost no longer sees these steps, the gradient does
        free = movable(here, theta)
        theta = np.clip(theta + step(here, free, 0.0), lo, hi)
        here = cost(theta)
    return _minimum(names, theta, here, free, scale)


def _minimum(names, theta, jet, free, scale):
    d = np.sqrt(np.diag(jet.h)[free])
    h = jet.h[np.ix_(free, free)] / np.outer(d, d)
    np.linalg.cholesky(h)  # a twin's minimum is one, or this raises
    covariance = 2 * scale * np.linalg.inv(h) / np.outer(d, d)
    errors = dict.fromkeys(names)
    kept = [name for name, f in zip(names, free, strict=True) if f]
    errors.update(zip(kept, np.sqrt(np.diag(covariance)).tolist(), strict=True))
    values = dict(zip(names, theta.tolist(), strict=True))
    return Minimum(values, errors, kept, covariance, float(jet.v))


def minos(cost, best, name, side, **options):
    """Distance, with its sign, at which the profiled cost has risen by 1."""
    fixed = (*options.pop("fixed", ()), name)

    def rise(distance):
        start = best.values | {name: best.values[name] + side * distance}
        return minimise(cost, start, fixed, **options).fval - best.fval - 1

    far = 1.3 * best.errors[name]
    while rise(far) < 0:
        far *= 1.3
    return side * brentq(rise, 0.0, far, rtol=1e-6)


def high_precision_hessian(function, theta, digits=50):
    """Gradient and Hessian of an mpmath function by central differences that keep 20 digits."""
    with mpmath.workdps(digits):
        h, p = mpmath.mpf(10) ** -12, len(theta)

        def at(*moves):
            t = [mpmath.mpf(float(v)) for v in theta]
            for i, s in moves:
                t[i] += s * w[i]
            return function(t)

        # steps of the unmoved point: those of a moved one would not be central
        w = [h * (1 + abs(mpmath.mpf(float(v)))) for v in theta]
        gradient = [float((at((i, 1)) - at((i, -1))) / (2 * w[i])) for i in range(p)]
        corners = [(1, 1), (1, -1), (-1, 1), (-1, -1)]
        hessian = [
            [
                float(sum(a * b * at((i, a), (j, b)) for a, b in corners) / (4 * w[i] * w[j]))
                for j in range(p)
            ]
            for i in range(p)
        ]
        return np.array(gradient), np.array(hessian)
