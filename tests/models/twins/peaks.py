"""Twins of the peaks."""

import mpmath
import numpy as np
from mpmath import exp, mpf, pi, sqrt
from scipy import special, stats

from models.shapes.bifurcated_gaussian import BifurcatedGaussian
from models.shapes.crystal_ball import CrystalBall, DoubleCrystalBall
from models.shapes.exponentially_modified_gaussian import ExponentiallyModifiedGaussian
from models.shapes.johnson_su import JohnsonSU
from models.shapes.lorentzian import Lorentzian
from models.shapes.moyal import Moyal
from models.shapes.pseudo_voigt import PseudoVoigt
from models.shapes.relativistic_breit_wigner import RelativisticBreitWigner
from tests.models.twins.basic import gaussian_area, gaussian_exact
from tests.models.twins.twin import Twin


def draw_location(rng):
    """(amp, position, length)"""
    length = 10 ** rng.uniform(-9, 9)
    return 10 ** rng.uniform(-3, 9), rng.uniform(-100, 100) * length, length


def lorentzian_exact(x, amp, mu, gamma):
    return amp * gamma / (pi * ((x - mu) ** 2 + gamma**2))


def lorentzian_area(lo, hi, amp, mu, gamma):
    return amp * (mpmath.atan((hi - mu) / gamma) - mpmath.atan((lo - mu) / gamma)) / pi


def draw_lorentzian(rng, _):
    return draw_location(rng)


def bifurcated_value(x, amp, mu, left, right):
    sigma = np.where(x < mu, left, right)
    return amp * stats.norm.pdf(x, mu, sigma) * 2 * sigma / (left + right)


def bifurcated_exact(x, amp, mu, left, right):
    sigma = left if x < mu else right
    return amp * exp(-(((x - mu) / sigma) ** 2) / 2) * sqrt(2 / pi) / (left + right)


def bifurcated_area(lo, hi, amp, mu, left, right):
    total = mpf(0)
    if lo < mu:
        total += 2 * left * gaussian_area(lo, min(hi, mu), amp, mu, left)
    if hi > mu:
        total += 2 * right * gaussian_area(max(lo, mu), hi, amp, mu, right)
    return total / (left + right)


def draw_bifurcated(rng, _):
    amp, mu, left = draw_location(rng)
    return amp, mu, left, left * 10 ** rng.uniform(-2, 2)


def crystal_ball_value(x, amp, mu, sigma, alpha, n):
    return amp * stats.crystalball.pdf(x, alpha, n, mu, sigma)


def crystal_ball_exact(x, amp, mu, sigma, alpha, n):
    return double_crystal_ball_exact(x, amp, mu, sigma, alpha, n, mpmath.inf, None)


def crystal_ball_area(lo, hi, amp, mu, sigma, alpha, n):
    return double_crystal_ball_area(lo, hi, amp, mu, sigma, alpha, n, mpmath.inf, None)


def double_crystal_ball_value(x, amp, mu, sigma, alpha_left, n_left, alpha_right, n_right):
    """Of two of SciPy's, each right on its side of mu and known there up to a factor."""
    z = (x - mu) / sigma
    peak_left = stats.crystalball.pdf(0.0, alpha_left, n_left)
    peak_right = stats.crystalball.pdf(0.0, alpha_right, n_right)
    left = stats.crystalball.pdf(np.minimum(z, 0), alpha_left, n_left) / peak_left
    right = stats.crystalball.pdf(-np.maximum(z, 0), alpha_right, n_right) / peak_right
    # the area of each side over its peak, the Gaussian half of SciPy's taken off
    total = 1 / peak_left + 1 / peak_right - np.sqrt(2 * np.pi)
    return amp * left * right / (sigma * total)


def double_crystal_ball_exact(x, amp, mu, sigma, *tails):
    z = (x - mu) / sigma
    return amp * crystal_ball_height(z, *tails) / (sigma * crystal_ball_total(*tails))


def double_crystal_ball_area(lo, hi, amp, mu, sigma, *tails):
    a, b = (lo - mu) / sigma, (hi - mu) / sigma
    area = crystal_ball_between(a, b, *tails)
    return amp * area / crystal_ball_total(*tails)


def crystal_ball_height(z, alpha_left, n_left, alpha_right, n_right):
    if -alpha_left < z < alpha_right:
        return exp(-z * z / 2)
    alpha, n = (alpha_left, n_left) if z < 0 else (alpha_right, n_right)
    return (n / alpha) ** n * exp(-alpha * alpha / 2) * (n / alpha - alpha + abs(z)) ** -n


def crystal_ball_between(a, b, alpha_left, n_left, alpha_right, n_right):
    area = crystal_ball_tail(-min(b, -alpha_left), -a, alpha_left, n_left)
    area += crystal_ball_tail(max(a, alpha_right), b, alpha_right, n_right)
    a, b = max(a, -alpha_left), min(b, alpha_right)
    return area + (sqrt(2 * pi) * gaussian_area(a, b, 1, 0, 1) if a < b else 0)


def crystal_ball_tail(near, far, alpha, n):
    if not near < far:
        return mpf(0)
    scale = (n / alpha) ** n * exp(-alpha * alpha / 2) / (n - 1)
    beyond = [(n / alpha - alpha + z) ** (1 - n) if z < mpmath.inf else 0 for z in (near, far)]
    return scale * (beyond[0] - beyond[1])


def crystal_ball_total(*tails):
    return crystal_ball_between(-mpmath.inf, mpmath.inf, *tails)


def draw_crystal_ball(rng, model):
    sides = 1 if isinstance(model, CrystalBall) else 2
    tails = ((10 ** rng.uniform(-1, 0.6), 1 + 10 ** rng.uniform(-2, 1.3)) for _ in range(sides))
    return (*draw_location(rng), *(number for tail in tails for number in tail))


def of_fwhm(fwhm, root=np.sqrt, log=np.log):
    """(gamma, sigma)"""
    return fwhm / 2, fwhm / (2 * root(2 * log(2)))


def pseudo_voigt_value(x, amp, mu, fwhm, eta):
    gamma, sigma = of_fwhm(fwhm)
    return amp * (eta * stats.cauchy.pdf(x, mu, gamma) + (1 - eta) * stats.norm.pdf(x, mu, sigma))


def pseudo_voigt_exact(x, amp, mu, fwhm, eta):
    gamma, sigma = of_fwhm(fwhm, sqrt, mpmath.log)
    lorentzian = eta * lorentzian_exact(x, amp, mu, gamma)
    return lorentzian + (1 - eta) * gaussian_exact(x, amp, mu, sigma)


def pseudo_voigt_area(lo, hi, amp, mu, fwhm, eta):
    gamma, sigma = of_fwhm(fwhm, sqrt, mpmath.log)
    lorentzian = eta * lorentzian_area(lo, hi, amp, mu, gamma)
    return lorentzian + (1 - eta) * gaussian_area(lo, hi, amp, mu, sigma)


def draw_pseudo_voigt(rng, _):
    return (*draw_location(rng), rng.choice([0.0, 1.0, 10 ** rng.uniform(-6, 0)]))


def modified_value(x, amp, mu, sigma, tau):
    """Not SciPy's exponnorm, which loses digits where tau is small."""
    z, ratio = (x - mu) / sigma, sigma / tau
    w = (ratio - z) / np.sqrt(2)
    on_left = np.exp(-z * z / 2) * special.erfcx(np.maximum(w, 0))
    on_right = np.exp(ratio * np.minimum(ratio / 2 - z, 0)) * special.erfc(np.minimum(w, 0))
    return amp / (2 * tau) * np.where(w > 0, on_left, on_right)


def modified_decay(z, ratio):
    """exp(ratio^2 / 2 - ratio z) times the cdf of a Gaussian at z - ratio."""
    return exp(ratio * ratio / 2 - ratio * z) * mpmath.erfc((ratio - z) / sqrt(2)) / 2


def modified_exact(x, amp, mu, sigma, tau):
    return amp / tau * modified_decay((x - mu) / sigma, sigma / tau)


def modified_area(lo, hi, amp, mu, sigma, tau):
    a, b = (lo - mu) / sigma, (hi - mu) / sigma
    gaussian = gaussian_area(a, b, 1, 0, 1)
    return amp * (gaussian + modified_decay(a, sigma / tau) - modified_decay(b, sigma / tau))


def draw_modified(rng, _):
    amp, mu, sigma = draw_location(rng)
    return amp, mu, sigma, sigma * 10 ** rng.uniform(-9, 9)


def johnson_z(x, mu, sigma, gamma, delta):
    return gamma + delta * mpmath.asinh((x - mu) / sigma)


def johnson_exact(x, amp, mu, sigma, gamma, delta):
    z = johnson_z(x, mu, sigma, gamma, delta)
    return gaussian_exact(z, amp, 0, 1) * delta / sqrt(sigma**2 + (x - mu) ** 2)


def johnson_area(lo, hi, amp, *params):
    return gaussian_area(johnson_z(lo, *params), johnson_z(hi, *params), amp, 0, 1)


def draw_johnson(rng, _):
    return (*draw_location(rng), rng.uniform(-3, 3), 10 ** rng.uniform(-0.5, 0.7))


def moyal_exact(x, amp, mu, sigma):
    z = (x - mu) / sigma
    return amp * exp(-(z + exp(-z)) / 2) / (sigma * sqrt(2 * pi))


def moyal_area(lo, hi, amp, mu, sigma):
    a, b = (min(exp(-(edge - mu) / (2 * sigma)), mpf(10) ** 6) / sqrt(2) for edge in (lo, hi))
    if a < 1:  # far to the right, where erfc is 1 to all its digits
        return amp * (mpmath.erf(a) - mpmath.erf(b))
    return amp * (mpmath.erfc(b) - mpmath.erfc(a))


def breit_wigner_value(x, amp, mass, width):
    return amp * stats.rel_breitwigner.pdf(x, mass / width, scale=width)


def breit_wigner_exact(x, amp, mass, width):
    if x < 0:
        return mpf(0)
    g = mass * sqrt(mass**2 + width**2)
    k = 2 * sqrt(2) * mass * width * g / (pi * sqrt(mass**2 + g))
    return amp * k / ((x * x - mass**2) ** 2 + (mass * width) ** 2)


def breit_wigner_cdf(x, mass, width):
    """By partial fractions; fifty digits stand the cancelling."""
    c = sqrt(mass**2 + 1j * mass * width)
    integral = (mpmath.log(c - x) - mpmath.log(c + x)) / (2 * c)  # of 1 / (x^2 - c^2)
    g = mass * sqrt(mass**2 + width**2)
    return integral.imag * 2 * sqrt(2) * g / (pi * sqrt(mass**2 + g))


def breit_wigner_area(lo, hi, amp, mass, width):
    ends = (breit_wigner_cdf(max(x, 0), mass, width) for x in (hi, lo))
    return amp * (next(ends) - next(ends))


def draw_breit_wigner(rng, _):
    width = 10 ** rng.uniform(-9, 9)
    return 10 ** rng.uniform(-3, 9), width * 10 ** rng.uniform(-1, 2.5), width


TWINS = {
    "lorentzian": Twin(
        models=(Lorentzian(),),
        value=lambda x, amp, mu, gamma: amp * stats.cauchy.pdf(x, mu, gamma),
        exact_value=lorentzian_exact,
        exact_integral=lorentzian_area,
        draw=draw_lorentzian,
        frame=lambda amp, mu, gamma: (mu, gamma),
        params=lambda _: (3.0, 0.5, 1.25),
    ),
    "bifurcated_gaussian": Twin(
        models=(BifurcatedGaussian(),),
        value=bifurcated_value,
        exact_value=bifurcated_exact,
        exact_integral=bifurcated_area,
        draw=draw_bifurcated,
        frame=lambda amp, mu, left, right: (mu, min(left, right)),
        params=lambda _: (3.0, 0.5, 1.0, 2.0),
    ),
    "crystal_ball": Twin(
        models=(CrystalBall(),),
        value=crystal_ball_value,
        exact_value=crystal_ball_exact,
        exact_integral=crystal_ball_area,
        draw=draw_crystal_ball,
        frame=lambda amp, mu, sigma, *tail: (mu, sigma),
        params=lambda _: (3.0, 0.5, 1.25, 1.3, 2.5),
    ),
    "double_crystal_ball": Twin(
        models=(DoubleCrystalBall(),),
        value=double_crystal_ball_value,
        exact_value=double_crystal_ball_exact,
        exact_integral=double_crystal_ball_area,
        draw=draw_crystal_ball,
        frame=lambda amp, mu, sigma, *tails: (mu, sigma),
        params=lambda _: (3.0, 0.5, 1.25, 1.3, 2.5, 0.9, 3.5),
    ),
    "pseudo_voigt": Twin(
        models=(PseudoVoigt(),),
        value=pseudo_voigt_value,
        exact_value=pseudo_voigt_exact,
        exact_integral=pseudo_voigt_area,
        draw=draw_pseudo_voigt,
        frame=lambda amp, mu, fwhm, eta: (mu, fwhm * 0.42),  # about sigma
        params=lambda _: (3.0, 0.5, 1.25, 0.3),
    ),
    "exponentially_modified_gaussian": Twin(
        models=(ExponentiallyModifiedGaussian(),),
        value=modified_value,
        exact_value=modified_exact,
        exact_integral=modified_area,
        draw=draw_modified,
        frame=lambda amp, mu, sigma, tau: (mu, sigma),
        params=lambda _: (3.0, 0.5, 1.25, 1.5),
    ),
    "johnson_su": Twin(
        models=(JohnsonSU(),),
        value=lambda x, amp, mu, sigma, gamma, delta: (
            amp * stats.johnsonsu.pdf(x, gamma, delta, mu, sigma)
        ),
        exact_value=johnson_exact,
        exact_integral=johnson_area,
        draw=draw_johnson,
        frame=lambda amp, mu, sigma, gamma, delta: (mu, sigma),
        params=lambda _: (3.0, 0.5, 1.25, -0.6, 1.5),
    ),
    "moyal": Twin(
        models=(Moyal(),),
        value=lambda x, amp, mu, sigma: amp * stats.moyal.pdf(x, mu, sigma),
        exact_value=moyal_exact,
        exact_integral=moyal_area,
        draw=lambda rng, _: draw_location(rng),
        frame=lambda amp, mu, sigma: (mu + sigma, sigma),
        params=lambda _: (3.0, 0.5, 1.25),
        domain=(-8.0, float("inf")),  # exp(-exp(7) / 2): doubles end soon
    ),
    "relativistic_breit_wigner": Twin(
        models=(RelativisticBreitWigner(),),
        value=breit_wigner_value,
        exact_value=breit_wigner_exact,
        exact_integral=breit_wigner_area,
        draw=draw_breit_wigner,
        frame=lambda amp, mass, width: (mass, width),
        params=lambda _: (3.0, 12.25, 0.75),
    ),
}
