"""Twins of the shapes with a support: from an end on, or between two."""

from functools import partial

import mpmath
import numpy as np
from numpy.polynomial import Chebyshev as NumpyChebyshev
from numpy.polynomial import Legendre as NumpyLegendre
from scipy import special, stats
from scipy.interpolate import BPoly

from models.shapes.argus import Argus
from models.shapes.bernstein import Bernstein
from models.shapes.beta import Beta
from models.shapes.chebyshev import Chebyshev
from models.shapes.gamma import Gamma
from models.shapes.legendre import Legendre
from models.shapes.log_normal import LogNormal
from models.shapes.power_law import PowerLaw
from models.shapes.uniform import Uniform
from models.shapes.weibull import Weibull
from tests.models.twins.basic import gaussian_area, gaussian_exact
from tests.models.twins.twin import Twin


def uniform_exact(x, amp, low, high):
    return amp / (high - low) if low <= x <= high else mpmath.mpf(0)


def uniform_area(lo, hi, amp, low, high):
    lo, hi = (min(max(edge, low), high) for edge in (lo, hi))
    return amp * (hi - lo) / (high - low)


def draw_uniform(rng, _):
    low, width = 10 ** rng.uniform(-3, 3), 10 ** rng.uniform(-3, 3)
    return 10 ** rng.uniform(-3, 9), low, low + width


def log_normal_exact(x, amp, mu, sigma):
    return gaussian_exact(mpmath.log(x), amp, mu, sigma) / x if x > 0 else mpmath.mpf(0)


def log_normal_area(lo, hi, amp, mu, sigma):
    lo, hi = (mpmath.log(edge) if edge > 0 else mpmath.ninf for edge in (lo, hi))
    return gaussian_area(lo, hi, amp, mu, sigma)


def draw_log_normal(rng, _):
    return 10 ** rng.uniform(-3, 9), rng.uniform(-20, 20), 10 ** rng.uniform(-1.2, 0.5)


def weibull_exact(x, amp, k, scale):
    if x < 0 or (x == 0 and k > 1):
        return mpmath.mpf(0)
    u = x / scale
    return amp * k / scale * u ** (k - 1) * mpmath.exp(-(u**k))


def weibull_area(lo, hi, amp, k, scale):
    u0, u1 = ((max(edge, 0) / scale) ** k for edge in (lo, hi))
    return -amp * mpmath.exp(-u0) * mpmath.expm1(u0 - u1)


def draw_weibull(rng, _):
    return 10 ** rng.uniform(-3, 9), 10 ** rng.uniform(-1, 1.2), 10 ** rng.uniform(-9, 9)


def gamma_exact(x, amp, k, theta):
    if x < 0 or (x == 0 and k > 1):
        return mpmath.mpf(0)
    u = x / theta
    return amp / theta * u ** (k - 1) * mpmath.exp(-u) / mpmath.gamma(k)


def gamma_area(lo, hi, amp, k, theta):
    lo, hi = (max(edge, 0) / theta for edge in (lo, hi))

    def below(u):
        return mpmath.gammainc(k, 0, u, regularized=True)

    def above(u):
        return mpmath.gammainc(k, u, mpmath.inf, regularized=True)

    if lo > k:
        return amp * (above(lo) - above(hi))
    return amp * (below(hi) - below(lo) if hi < k else 1 - below(lo) - above(hi))


def draw_gamma(rng, _):
    return 10 ** rng.uniform(-3, 9), 10 ** rng.uniform(-2, 2.5), 10 ** rng.uniform(-9, 9)


def frame_gamma(amp, k, theta):
    return (k * theta, k**0.5 * theta) if k > 20 else (0.0, theta)


def beta_value(x, amp, alpha, beta, low, high):
    """SciPy takes 1 - t of a rounded t, and loses the digits of the distance to the high end."""
    t, s = np.maximum(x - low, 0) / (high - low), np.maximum(high - x, 0) / (high - low)
    logarithm = special.xlogy(alpha - 1, t) + special.xlogy(beta - 1, s)
    inside = (x >= low) & (x <= high)
    density = np.exp(logarithm - special.betaln(alpha, beta)) / (high - low)
    return np.where(inside, amp * density, 0.0)


def beta_exact(x, amp, alpha, beta, low, high):
    t = (x - low) / (high - low)
    if not 0 < t < 1:
        return mpmath.mpf(0)
    return amp / (high - low) * t ** (alpha - 1) * (1 - t) ** (beta - 1) / mpmath.beta(alpha, beta)


def beta_area(lo, hi, amp, alpha, beta, low, high):
    lo, hi = ((min(max(edge, low), high) - low) / (high - low) for edge in (lo, hi))
    if lo * beta > (1 - lo) * alpha:
        return amp * mpmath.betainc(beta, alpha, 1 - hi, 1 - lo, regularized=True)
    return amp * mpmath.betainc(alpha, beta, lo, hi, regularized=True)


def draw_beta(rng, _):
    low, width = 10 ** rng.uniform(-3, 3), 10 ** rng.uniform(-3, 3)
    alpha, beta = 10 ** rng.uniform(-1.5, 2.2, 2)
    return 10 ** rng.uniform(-3, 9), alpha, beta, low, low + width


def frame_beta(amp, alpha, beta, low, high):
    total = alpha + beta
    deviation = (alpha * beta / (total + 1)) ** 0.5 / total
    return low + alpha / total * (high - low), deviation * (high - low)


def argus_exact(x, amp, chi, c):
    if not 0 < x < c:
        return mpmath.mpf(0)
    rate, y = chi**2 / 2, 1 - (x / c) ** 2
    norm = mpmath.gammainc(mpmath.mpf(3) / 2, 0, rate) / rate ** (mpmath.mpf(3) / 2)
    return amp * 2 * x / c**2 * mpmath.sqrt(y) * mpmath.exp(-rate * y) / norm


def argus_area(lo, hi, amp, chi, c):
    rate, power = chi**2 / 2, mpmath.mpf(3) / 2
    late, early = (rate * (1 - (min(max(edge, 0), c) / c) ** 2) for edge in (hi, lo))
    if late > power:  # by the tails, as for a Gaussian
        area = mpmath.gammainc(power, late) - mpmath.gammainc(power, early)
    else:
        area = mpmath.gammainc(power, 0, early) - mpmath.gammainc(power, 0, late)
    return amp * area / mpmath.gammainc(power, 0, rate)


def draw_argus(rng, _):
    return 10 ** rng.uniform(-3, 9), 10 ** rng.uniform(-3, 1.3), 10 ** rng.uniform(-9, 9)


def power_law_value(x, amp, n, low, high):
    inside = (x >= low) & (x <= high)
    norm = special.exprel((1 - n) * np.log(high / low)) * np.log(high / low) * low
    return inside * amp * np.where(inside, x / low, 1.0) ** -n / norm


def power_law_total(lo, hi, n):
    return mpmath.log(hi / lo) if n == 1 else (hi ** (1 - n) - lo ** (1 - n)) / (1 - n)


def power_law_exact(x, amp, n, low, high):
    return amp * x**-n / power_law_total(low, high, n) if low <= x <= high else mpmath.mpf(0)


def power_law_area(lo, hi, amp, n, low, high):
    lo, hi = (min(max(edge, low), high) for edge in (lo, hi))
    return amp * power_law_total(lo, hi, n) / power_law_total(low, high, n)


def draw_power_law(rng, _):
    low = 10 ** rng.uniform(-9, 9)
    n = rng.choice([1.0, 1 + 1e-9, rng.uniform(-5, 9)])
    return 10 ** rng.uniform(-3, 9), n, low, low * 10 ** rng.uniform(0.2, 4)


def in_the_middle(*params):
    """Most bins of the tests lie in this frame."""
    low, high = params[-2:]
    return (low + high) / 2, (high - low) / 80


def series_value(series, x, *params):
    *coefficients, low, high = params
    return series(coefficients, domain=(low, high))(x)


def series_exact(polynomial, x, *params):
    *coefficients, low, high = params
    u = (2 * x - low - high) / (high - low)
    return sum((c * polynomial(k, u) for k, c in enumerate(coefficients)), start=mpmath.mpf(0))


def legendre_polynomial(n, u):
    before, last = mpmath.mpf(0), mpmath.mpf(1)
    for k in range(1, n + 1):
        before, last = last, ((2 * k - 1) * u * last - (k - 1) * before) / k
    return last


def chebyshev_antiderivative(n, u):
    if n < 2:
        return u if n == 0 else u * u / 2
    up, down = mpmath.chebyt(n + 1, u), mpmath.chebyt(n - 1, u)
    return (up / (n + 1) - down / (n - 1)) / 2


def legendre_antiderivative(n, u):
    if n == 0:
        return u
    return (legendre_polynomial(n + 1, u) - legendre_polynomial(n - 1, u)) / (2 * n + 1)


def series_area(antiderivative, lo, hi, *params):
    difference = series_exact(antiderivative, hi, *params) - series_exact(
        antiderivative, lo, *params
    )
    return difference * (params[-1] - params[-2]) / 2


def draw_series(rng, model):
    """A constant that outweighs the rest: no cancellation to forgive."""
    low = rng.uniform(-10, 10)
    coefficients = rng.uniform(-1, 1, model.degree) / (model.degree + 1)
    return 1.5, *coefficients, low, low + 10 ** rng.uniform(-3, 3)


def bernstein_value(x, *params):
    *coefficients, low, high = params
    return BPoly(np.array(coefficients)[:, None], [low, high])(x)


def bernstein_exact(x, *params):
    *b, low, high = params
    n, t = len(b) - 1, (x - low) / (high - low)
    terms = (bk * mpmath.binomial(n, k) * t**k * (1 - t) ** (n - k) for k, bk in enumerate(b))
    return sum(terms, start=mpmath.mpf(0))


def bernstein_area(lo, hi, *params):
    """By the antiderivative, whose coefficients are sums of those."""
    *b, low, high = params
    sums = [sum(b[:k], start=mpmath.mpf(0)) for k in range(len(b) + 1)]
    upper, lower = (bernstein_exact(edge, *sums, low, high) for edge in (hi, lo))
    return (upper - lower) * (high - low) / len(b)


def draw_bernstein(rng, model):
    low = rng.uniform(-10, 10)
    return *rng.uniform(0, 3, model.degree + 1), low, low + 10 ** rng.uniform(-3, 3)


def series_twin(shape, value, exact_value, exact_integral, draw):
    return Twin(
        models=tuple(shape(degree=degree) for degree in (0, 2, 5)),
        value=value,
        exact_value=exact_value,
        exact_integral=exact_integral,
        draw=draw,
        frame=in_the_middle,
        params=lambda model: (*(1.7 - 0.2 * k for k in range(model.degree + 1)), -0.5, 2.25),
        domain=(-40.0, 40.0),  # the interval itself
    )


TWINS = {
    "uniform": Twin(
        models=(Uniform(),),
        value=lambda x, amp, low, high: amp * stats.uniform.pdf(x, low, high - low),
        exact_value=uniform_exact,
        exact_integral=uniform_area,
        draw=draw_uniform,
        frame=lambda amp, low, high: (low + (high - low) / 7, (high - low) / 15),
        params=lambda _: (3.0, 0.5, 4.25),
    ),
    "weibull": Twin(
        models=(Weibull(),),
        value=lambda x, amp, k, scale: amp * stats.weibull_min.pdf(x, k, scale=scale),
        exact_value=weibull_exact,
        exact_integral=weibull_area,
        draw=draw_weibull,
        frame=lambda amp, k, scale: (0.0, scale),
        params=lambda _: (3.0, 2.5, 1.25),
    ),
    "log_normal": Twin(
        models=(LogNormal(),),
        value=lambda x, amp, mu, sigma: amp * stats.lognorm.pdf(x, sigma, scale=np.exp(mu)),
        exact_value=log_normal_exact,
        exact_integral=log_normal_area,
        draw=draw_log_normal,
        frame=lambda amp, mu, sigma: (0.0, np.exp(mu)),
        params=lambda _: (3.0, 0.5, 0.75),
    ),
    "gamma": Twin(
        heavy=True,
        models=(Gamma(),),
        value=lambda x, amp, k, theta: amp * stats.gamma.pdf(x, k, scale=theta),
        exact_value=gamma_exact,
        exact_integral=gamma_area,
        draw=draw_gamma,
        frame=frame_gamma,
        params=lambda _: (0.5, 2.5, 1.25),  # small amp: a sum's rounding errors are allowed for
    ),
    "beta": Twin(
        heavy=True,
        models=(Beta(),),
        value=beta_value,
        exact_value=beta_exact,
        exact_integral=beta_area,
        draw=draw_beta,
        frame=frame_beta,
        params=lambda _: (0.5, 2.5, 3.25, -0.5, 4.25),
    ),
    "argus": Twin(
        models=(Argus(),),
        value=lambda x, amp, chi, c: amp * stats.argus.pdf(x, chi, scale=c),
        exact_value=argus_exact,
        exact_integral=argus_area,
        draw=draw_argus,
        frame=lambda amp, chi, c: (0.57 * c, 0.15 * c),
        params=lambda _: (0.5, 1.75, 1.25),
    ),
    "power_law": Twin(
        models=(PowerLaw(),),
        value=power_law_value,
        exact_value=power_law_exact,
        exact_integral=power_law_area,
        draw=draw_power_law,
        frame=lambda amp, n, low, high: (low + (high - low) / 7, (high - low) / 15),
        params=lambda _: (3.0, 2.5, 0.5, 4.25),
    ),
    "chebyshev": series_twin(
        Chebyshev,
        partial(series_value, NumpyChebyshev),
        partial(series_exact, mpmath.chebyt),
        partial(series_area, chebyshev_antiderivative),
        draw_series,
    ),
    "legendre": series_twin(
        Legendre,
        partial(series_value, NumpyLegendre),
        partial(series_exact, legendre_polynomial),
        partial(series_area, legendre_antiderivative),
        draw_series,
    ),
    "bernstein": series_twin(
        Bernstein, bernstein_value, bernstein_exact, bernstein_area, draw_bernstein
    ),
}
