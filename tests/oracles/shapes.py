"""The shapes of API.md over jets: bin integral, value and slope in x, written for accuracy.

The normal distribution comes from scipy.stats. `shapes` reads a model as a request spells it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm


def _cdf(z):
    return z.chain(norm.cdf(z.v), norm.pdf(z.v), -z.v * norm.pdf(z.v))


class Gaussian:
    names = ("amp", "mu", "sigma")

    def integral(self, lo, hi, amp, mu, sigma):
        a, b = (lo - mu) / sigma, (hi - mu) / sigma
        side = np.where(a.v > 0, -1.0, 1.0)  # right of the peak take sf: 1 - 1e-40 has no digits
        return amp * (_cdf(b * side) - _cdf(a * side)) * side

    def value(self, x, amp, mu, sigma):
        z = (x - mu) / sigma
        return amp / sigma * (z * z * -0.5).exp() / np.sqrt(2 * np.pi)

    def slope(self, x, amp, mu, sigma):
        return self.value(x, amp, mu, sigma) * (mu - x) / (sigma * sigma)


class Exponential:
    names = ("amp", "tau")

    def integral(self, lo, hi, amp, tau):
        lo, hi = np.maximum(lo, 0), np.maximum(hi, 0)
        return -amp * (-lo / tau).exp() * (-(hi - lo) / tau).expm1()

    def value(self, x, amp, tau):
        return amp / tau * (-np.maximum(x, 0) / tau).exp() * np.where(x >= 0, 1.0, 0.0)

    def slope(self, x, amp, tau):
        return -self.value(x, amp, tau) / tau


@dataclass(frozen=True)
class Polynomial:
    degree: int

    @property
    def names(self):
        return tuple(f"c{k}" for k in range(self.degree + 1))

    def integral(self, lo, hi, *c):
        # (hi^(k+1) - lo^(k+1)) / (k+1) without the cancellation
        mean = [sum(hi**j * lo ** (k - j) for j in range(k + 1)) / (k + 1) for k in range(len(c))]
        return sum(ck * (m * (hi - lo)) for ck, m in zip(c, mean, strict=True))

    def value(self, x, *c):
        return sum(ck * np.asarray(x, float) ** k for k, ck in enumerate(c))

    def slope(self, x, *c):
        return sum((ck * (k * x ** max(k - 1, 0)) for k, ck in enumerate(c)), start=c[0] * (0 * x))


def shapes(spec):
    """[(shape, parameter names)] of a model as a request spells it."""
    if isinstance(spec, str):
        spec = {"name": spec}
    if "sum" in spec:
        return [found for part in spec["sum"] for found in shapes(part)]
    known = {"gaussian": Gaussian, "exponential": Exponential}
    shape = known[spec["name"]]() if spec["name"] in known else Polynomial(spec["degree"])
    return [(shape, [spec.get("prefix", "") + name for name in shape.names])]
