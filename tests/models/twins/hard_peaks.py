"""Twins of peaks without an easy cdf."""

from functools import cache

import mpmath
import numpy as np
from scipy import special, stats

from models.shapes.cruijff import Cruijff
from models.shapes.landau import Landau
from models.shapes.student_t import StudentT
from models.shapes.voigt import Voigt
from tests.models.twins.twin import Twin


def voigt_exact(x, amp, mu, sigma, gamma):
    z = mpmath.mpc(x - mu, gamma) / (sigma * mpmath.sqrt(2))
    return amp * faddeeva_exact(z).real / (sigma * mpmath.sqrt(2 * mpmath.pi))


def voigt_area(lo, hi, amp, mu, sigma, gamma):
    ends = [mpmath.mpc(x - mu, gamma) / (sigma * mpmath.sqrt(2)) for x in (lo, hi)]
    if ends[0].real < 0 < ends[1].real:
        middle = mpmath.mpc(0, ends[0].imag)
        return (
            amp
            / mpmath.sqrt(mpmath.pi)
            * (faddeeva_area(ends[0], middle) + faddeeva_area(middle, ends[1]))
        )
    return amp / mpmath.sqrt(mpmath.pi) * faddeeva_area(*ends)


def faddeeva_exact(z):
    """w(z): by its definition, or by its asymptotic series where that has fifty digits."""
    if z.real < 0:
        return mpmath.conj(faddeeva_exact(-mpmath.conj(z)))
    if abs(z) < 13:
        with mpmath.extradps(90):
            return mpmath.exp(-z * z) * mpmath.erfc(-1j * z)
    total, term = mpmath.mpc(0), 1 / z
    for k in range(150):
        total, term = total + term, term * (2 * k + 1) / (2 * z * z)
    near_axis = mpmath.exp(-z * z) if z.imag < 1 else 0
    return 1j * total / mpmath.sqrt(mpmath.pi) + near_axis


def faddeeva_area(a, b):
    """Real part of the integral of w from a to b, of the same imaginary part, on one side of 0."""
    if b.real <= 0:
        return faddeeva_area(-mpmath.conj(b), -mpmath.conj(a))
    if abs(a) < 12.99 and abs(b) > 13.01:
        middle = mpmath.mpc(mpmath.sqrt(13**2 - a.imag**2), a.imag)
        return faddeeva_area(a, middle) + faddeeva_area(middle, b)
    with mpmath.extradps(90):
        if abs(a) < 12.99:
            return (taylor(b) - taylor(a)).real
        return (asymptotic(b) - asymptotic(a)).real


def taylor(z):
    """Integral of w from 0, by its power series, (iz)^n / Gamma(n / 2 + 1) term by term."""
    even, odd = z, 1j * z * z * 2 / mpmath.sqrt(mpmath.pi)
    total, n = mpmath.mpc(0), 0
    while abs(even) > mpmath.eps or n < 2:
        total += even / (n + 1) + odd / (n + 2)
        even, odd, n = -even * z * z / (n // 2 + 1), -odd * z * z * 2 / (n + 3), n + 2
    return total


def asymptotic(z):
    """An integral of w where |z| is large, good to exp(-|z|^2)."""
    total, term = mpmath.log(z), 1 / (2 * z * z)
    for k in range(1, 150):  # the terms fall up to the 169th at least
        total -= term / (2 * k)
        term *= (2 * k + 1) / (2 * z * z)
    gaussian = mpmath.sqrt(mpmath.pi) / 2 * mpmath.erfc(z) if z.imag < 1 else 0
    return 1j * total / mpmath.sqrt(mpmath.pi) - gaussian


def draw_voigt(rng, _):
    sigma = 10 ** rng.uniform(-9, 9)
    gamma = sigma * 10 ** rng.uniform(-6, 6)
    return 10 ** rng.uniform(-3, 9), rng.uniform(-100, 100) * sigma, sigma, gamma


def student_t_exact(x, amp, mu, sigma, nu):
    z = (x - mu) / sigma
    log_norm = mpmath.loggamma((nu + 1) / 2) - mpmath.loggamma(nu / 2)
    log_norm -= mpmath.log(nu * mpmath.pi) / 2 + mpmath.log(sigma)
    return amp * mpmath.exp(log_norm - (nu + 1) / 2 * mpmath.log1p(z * z / nu))


def student_t_area(lo, hi, amp, mu, sigma, nu):
    a, b = (lo - mu) / sigma, (hi - mu) / sigma
    if b <= 0:
        a, b = -b, -a
    with mpmath.extradps(30):
        if a < 0:
            return amp * (1 - student_t_tail(-a, nu) - student_t_tail(b, nu))
        return amp * (student_t_tail(a, nu) - student_t_tail(b, nu))


def student_t_tail(z, nu):
    return mpmath.betainc(nu / 2, mpmath.mpf(1) / 2, 0, nu / (nu + z * z), regularized=True) / 2


def draw_student_t(rng, _):
    sigma = 10 ** rng.uniform(-9, 9)
    nu = 10 ** rng.uniform(-1, 3)
    return 10 ** rng.uniform(-3, 9), rng.uniform(-100, 100) * sigma, sigma, nu


def landau_variable(x, mu, sigma):
    return mpmath.pi / 2 * (x - mu) / sigma + mpmath.log(mpmath.pi / 2)


def landau_exact(x, amp, mu, sigma):
    y = landau_variable(x, mu, sigma)
    density = landau_right(y, 0) if y > 0 else landau_left(y, 0)
    return amp * mpmath.pi / 2 / sigma * density


def landau_area(lo, hi, amp, mu, sigma):
    a, b = landau_variable(lo, mu, sigma), landau_variable(hi, mu, sigma)
    if a > 0:
        return amp * (landau_right(a, 1) - landau_right(b, 1))
    if b > 0:
        return amp * (1 - landau_left(a, 1) - landau_right(b, 1))
    return amp * (landau_left(b, 1) - landau_left(a, 1))


def landau_right(y, power):
    """Landau's density (power 0) or the area to the right of y (power 1): his integral."""
    scale = 1 / max(y, 1)

    def integrand(r):
        t = r * scale
        return mpmath.exp(-t * mpmath.log(t) - y * t) * mpmath.sin(mpmath.pi * t) / t**power

    start = mpmath.quad(integrand, [0, 1])  # its logarithm asks for the default rule
    rest = mpmath.quad(integrand, [1, 4, 16, 40, 130], method="gauss-legendre")
    return (start + rest) * scale / mpmath.pi


def landau_left(y, power):
    """Landau's density (power 0) or the area to the left of y (power 1): the saddle point."""
    s = mpmath.exp(-1 - y)
    if s > 850:
        return mpmath.mpf(0)  # below 1e-360
    scale = 1 / mpmath.sqrt(s)

    def integrand(t):
        z = mpmath.mpc(1, t * scale)
        return mpmath.re(mpmath.exp(s * (z * (mpmath.log(z) - 1) + 1)) / z**power)

    total = mpmath.quad(integrand, [0, 2, 6, 16, 40, 130], method="gauss-legendre")
    return total * scale * mpmath.exp(-s) * s ** (1 - power) / mpmath.pi


def draw_landau(rng, _):
    sigma = 10 ** rng.uniform(-9, 9)
    return 10 ** rng.uniform(-3, 9), rng.uniform(-100, 100) * sigma, sigma


def cruijff_value(x, amp, mu, sigma_left, sigma_right, alpha_left, alpha_right, low, high):
    def density(x):
        sigma = np.where(x < mu, sigma_left, sigma_right)
        alpha = np.where(x < mu, alpha_left, alpha_right)
        return np.exp(-((x - mu) ** 2) / (2 * sigma**2 + alpha * (x - mu) ** 2))

    nodes, weights = np.polynomial.legendre.leggauss(20)
    ends = np.concatenate([np.linspace(low, mu, 2001), np.linspace(mu, high, 2001)[1:]])
    half, middle = np.diff(ends) / 2, (ends[1:] + ends[:-1]) / 2
    total = half @ density(middle[:, None] + half[:, None] * nodes) @ weights
    return np.where((x >= low) & (x <= high), amp / total * density(x), 0.0)


def cruijff_log(d, sigma, alpha):
    return -d * d / (2 * sigma * sigma + alpha * d * d)


def cruijff_exact(x, amp, mu, sigma_left, sigma_right, alpha_left, alpha_right, low, high):
    if not low <= x <= high:
        return mpmath.mpf(0)
    sides = (sigma_left, alpha_left), (sigma_right, alpha_right)
    density = mpmath.exp(cruijff_log(x - mu, *sides[x >= mu]))
    return amp * density / cruijff_between(low, high, mu, *sides)


def cruijff_area(lo, hi, amp, mu, sigma_left, sigma_right, alpha_left, alpha_right, low, high):
    sides = (sigma_left, alpha_left), (sigma_right, alpha_right)
    lo, hi = (min(max(edge, low), high) for edge in (lo, hi))
    total = cruijff_between(low, high, mu, *sides)
    return amp * cruijff_between(lo, hi, mu, *sides) / total


def cruijff_between(lo, hi, mu, left, right):
    area = mpmath.mpf(0)
    if lo < mu:
        area += cruijff_side(mu - min(hi, mu), mu - lo, *left)
    if hi > mu:
        area += cruijff_side(max(lo, mu) - mu, hi - mu, *right)
    return area


@cache
def cruijff_side(near, far, sigma, alpha):
    """From `near` to `far` from the peak, in pieces of a width, then wider ones."""
    inner = [sigma * k * 3 / 2 for k in range(1, 40)]
    outer = [inner[-1] * 2**k for k in range(1, 60)]
    ends = [near, *(end for end in inner + outer if near < end < far), far]
    scale = cruijff_log(near, sigma, alpha)  # mpmath's goal is absolute
    return mpmath.exp(scale) * mpmath.quad(
        lambda d: mpmath.exp(cruijff_log(d, sigma, alpha) - scale), ends, method="gauss-legendre"
    )


def draw_cruijff(rng, _):
    sigma = 10 ** rng.uniform(-9, 9)
    mu = rng.uniform(-100, 100) * sigma
    low, high = mu - rng.uniform(3, 60) * sigma, mu + rng.uniform(3, 60) * sigma
    alphas = 10 ** rng.uniform(-2, 0.5, 2)
    return 10 ** rng.uniform(-3, 9), mu, sigma, sigma * rng.uniform(0.3, 3), *alphas, low, high


TWINS = {
    "cruijff": Twin(
        models=(Cruijff(),),
        value=cruijff_value,
        exact_value=cruijff_exact,
        exact_integral=cruijff_area,
        draw=draw_cruijff,
        frame=lambda amp, mu, sigma_left, *_: (mu, sigma_left),
        params=lambda _: (3.0, 0.5, 1.25, 0.8, 0.15, 0.3, -4.1, 5.3),
        slow=True,
    ),
    "landau": Twin(
        models=(Landau(),),
        value=lambda x, amp, mu, sigma: amp * stats.landau.pdf(x, mu, sigma),
        exact_value=landau_exact,
        exact_integral=landau_area,
        draw=draw_landau,
        frame=lambda amp, mu, sigma: (mu, sigma),
        params=lambda _: (3.0, 0.5, 1.25),
        domain=(-5.0, float("inf")),  # exp(-exp(6.4)): doubles end soon
        slow=True,
    ),
    "student_t": Twin(
        models=(StudentT(),),
        value=lambda x, amp, mu, sigma, nu: amp * stats.t.pdf(x, nu, mu, sigma),
        exact_value=student_t_exact,
        exact_integral=student_t_area,
        draw=draw_student_t,
        frame=lambda amp, mu, sigma, nu: (mu, sigma),
        params=lambda _: (3.0, 0.5, 1.25, 3.5),
    ),
    "voigt": Twin(
        models=(Voigt(),),
        value=lambda x, amp, mu, sigma, gamma: amp * special.voigt_profile(x - mu, sigma, gamma),
        exact_value=voigt_exact,
        exact_integral=voigt_area,
        draw=draw_voigt,
        frame=lambda amp, mu, sigma, gamma: (mu, sigma + gamma),
        params=lambda _: (3.0, 0.5, 1.25, 0.4),
    ),
}
