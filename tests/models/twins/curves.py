"""Twins of the curves that laboratories fit to points.

Offsets are drawn larger than what could cancel them, so that no value comes near zero by
cancellation, where no double could hold 1e-10 relative.
"""

import mpmath
import numpy as np
from scipy import constants, special, stats

from models.shapes.arrhenius import Arrhenius
from models.shapes.damped_oscillation import DampedOscillation
from models.shapes.error_function_step import ErrorFunctionStep
from models.shapes.exponential_decay import ExponentialDecay
from models.shapes.gompertz import Gompertz
from models.shapes.hill import Hill
from models.shapes.linear import Linear
from models.shapes.logistic import Logistic
from models.shapes.michaelis_menten import MichaelisMenten
from models.shapes.planck import Planck
from models.shapes.power import Power
from models.shapes.sine import Sine
from models.shapes.stretched_exponential import StretchedExponential
from tests.models.twins.twin import Twin

INFINITY = float("inf")


def log_uniform(rng, low, high):
    return 10 ** rng.uniform(np.log10(low), np.log10(high))


def linear_area(lo, hi, slope, intercept):
    return slope * (hi**2 - lo**2) / 2 + intercept * (hi - lo)


def logistic_exact(x, height, mu, width, offset):
    return offset + height / (1 + mpmath.exp(-(x - mu) / width))


def logistic_area(lo, hi, height, mu, width, offset):
    a, b = (mpmath.log1p(mpmath.exp((edge - mu) / width)) for edge in (lo, hi))
    return offset * (hi - lo) + height * width * (b - a)


def error_function_step_exact(x, height, mu, sigma, offset):
    return offset + height * mpmath.erfc(-(x - mu) / (sigma * mpmath.sqrt(2))) / 2


def error_function_step_area(lo, hi, height, mu, sigma, offset):
    def antiderivative(z):
        density = mpmath.exp(-z * z / 2) / mpmath.sqrt(2 * mpmath.pi)
        return density + z * mpmath.erfc(-z / mpmath.sqrt(2)) / 2

    a, b = (antiderivative((edge - mu) / sigma) for edge in (lo, hi))
    return offset * (hi - lo) + height * sigma * (b - a)


def hill_exact(x, top, k, n, offset):
    return offset + top * x**n / (k**n + x**n)


def hill_area(lo, hi, top, k, n, offset):
    def antiderivative(x):
        series = mpmath.hyp2f1(1, 1 + 1 / n, 2 + 1 / n, -((x / k) ** n)) if x else 1
        return x * (x / k) ** n / (n + 1) * series

    return offset * (hi - lo) + top * (antiderivative(hi) - antiderivative(lo))


def michaelis_menten_area(lo, hi, vmax, km):
    return vmax * (hi - lo - km * mpmath.log((km + hi) / (km + lo)))


def arrhenius_exact(x, a, ea):
    gas_constant = mpmath.mpf("8.31446261815324")
    return a * mpmath.exp(-ea / (gas_constant * x))


def arrhenius_area(lo, hi, a, ea):
    c = ea / mpmath.mpf("8.31446261815324")
    lower, upper = (edge * mpmath.exp(-c / edge) - c * mpmath.e1(c / edge) for edge in (lo, hi))
    return a * (upper - lower)


def sine_exact(x, amplitude, frequency, phase, offset):
    return offset + amplitude * mpmath.sin(2 * mpmath.pi * frequency * x + phase)


def sine_area(lo, hi, amplitude, frequency, phase, offset):
    omega = 2 * mpmath.pi * frequency
    wave = (mpmath.cos(omega * lo + phase) - mpmath.cos(omega * hi + phase)) / omega
    return offset * (hi - lo) + amplitude * wave


def damped_value(x, amplitude, tau, frequency, phase, offset):
    wave = np.exp((-1 / tau + 2j * np.pi * frequency) * x + 1j * phase)
    return offset + amplitude * wave.imag


def damped_exact(x, amplitude, tau, frequency, phase, offset):
    wave = mpmath.exp(-x / tau) * mpmath.sin(2 * mpmath.pi * frequency * x + phase)
    return offset + amplitude * wave


def damped_area(lo, hi, amplitude, tau, frequency, phase, offset):
    s = mpmath.mpc(-1 / tau, 2 * mpmath.pi * frequency)
    a, b = (mpmath.exp(s * edge + mpmath.mpc(0, phase)) / s for edge in (lo, hi))
    return offset * (hi - lo) + amplitude * (b - a).imag


def gompertz_exact(x, height, mu, width, offset):
    return offset + height * mpmath.exp(-mpmath.exp(-(x - mu) / width))


def gompertz_area(lo, hi, height, mu, width, offset):
    a, b = (mpmath.e1(mpmath.exp(-(edge - mu) / width)) for edge in (lo, hi))
    return offset * (hi - lo) + height * width * (b - a)


def stretched_exact(x, amplitude, tau, beta, offset):
    return offset + amplitude * mpmath.exp(-((x / tau) ** beta))


def stretched_area(lo, hi, amplitude, tau, beta, offset):
    u, v = ((edge / tau) ** beta for edge in (lo, hi))
    return offset * (hi - lo) + amplitude * tau / beta * mpmath.gammainc(1 / beta, u, v)


def decay_exact(x, amplitude, tau, offset):
    return offset + amplitude * mpmath.exp(-x / tau)


def decay_area(lo, hi, amplitude, tau, offset):
    return offset * (hi - lo) + amplitude * tau * (mpmath.exp(-lo / tau) - mpmath.exp(-hi / tau))


def planck_value(x, amplitude, temperature):
    h, c, k = constants.h, constants.c, constants.k
    return amplitude * 2 * h * c**2 / x**5 / np.expm1(h * c / (x * k * temperature))


def planck_exact(x, amplitude, temperature):
    h, k = mpmath.mpf("6.62607015e-34"), mpmath.mpf("1.380649e-23")
    c = mpmath.mpf(299792458)
    return amplitude * 2 * h * c**2 / x**5 / mpmath.expm1(h * c / (x * k * temperature))


def polylogarithm(s, u):
    """Li_s(exp(-u)); mpmath's own has no digits left at large u."""
    if u < 1:
        return mpmath.polylog(s, mpmath.exp(-u))
    return sum(mpmath.exp(-n * u) / mpmath.mpf(n) ** s for n in range(1, int(140 / u) + 2))


def planck_area(lo, hi, amplitude, temperature):
    """By the series of Stefan and Boltzmann's law, over n of exp(-n u): polylogarithms."""
    h, k = mpmath.mpf("6.62607015e-34"), mpmath.mpf("1.380649e-23")
    c = mpmath.mpf(299792458)
    scale = h * c / (k * temperature)

    def below(x):
        """Integral of u^3 / (exp(u) - 1) from u = scale / x up."""
        if x <= 0:
            return mpmath.mpf(0)
        u = scale / x
        powers = {1: u**3, 2: 3 * u**2, 3: 6 * u, 4: 6}
        return sum(power * polylogarithm(n, u) for n, power in powers.items())

    return amplitude * 2 * h * c**2 / scale**4 * (below(hi) - below(lo))


def power_exact(x, amplitude, exponent, offset):
    return offset + amplitude * x**exponent


def power_area(lo, hi, amplitude, exponent, offset):
    p = exponent + 1
    return offset * (hi - lo) + amplitude * (hi**p - lo**p) / p


def draw_sine(rng, _):
    amplitude = log_uniform(rng, 1e-3, 1e6)
    frequency, phase = log_uniform(rng, 1e-9, 1e9), rng.uniform(-4, 4)
    return amplitude, frequency, phase, amplitude * rng.uniform(1.5, 5)


def draw_damped(rng, _):
    amplitude, tau = log_uniform(rng, 1e-3, 1e6), log_uniform(rng, 1e-9, 1e9)
    frequency = log_uniform(rng, 1e-2, 10) / tau
    return amplitude, tau, frequency, rng.uniform(-4, 4), amplitude * rng.uniform(10, 20)


def draw_stretched(rng, _):
    amplitude, tau = log_uniform(rng, 1e-3, 1e6), log_uniform(rng, 1e-9, 1e9)
    return amplitude, tau, log_uniform(rng, 0.03, 10), amplitude * log_uniform(rng, 1e-3, 10)


def draw_decay(rng, _):
    amplitude, tau = log_uniform(rng, 1e-3, 1e6), log_uniform(rng, 1e-9, 1e9)
    return amplitude, tau, amplitude * log_uniform(rng, 1e-3, 10)


def frame_planck(_, temperature):
    peak = constants.h * constants.c / constants.k / 4.965 / temperature
    return peak, peak / 50


def draw_step(rng, _):
    width, height = log_uniform(rng, 1e-9, 1e9), log_uniform(rng, 1e-3, 1e6)
    return height, rng.uniform(-100, 100) * width, width, height * log_uniform(rng, 1e-3, 10)


def draw_hill(rng, _):
    top = log_uniform(rng, 1e-3, 1e6)
    offset = top * rng.choice([0.0, rng.uniform(0, 2)])
    return top, log_uniform(rng, 1e-9, 1e9), log_uniform(rng, 0.03, 20), offset


def draw_arrhenius(rng, _):
    ea = log_uniform(rng, 1e3, 1e6)
    return log_uniform(rng, 1e-3, 1e15), ea


def frame_arrhenius(_, ea):
    """About the temperature at which exp(-15) of the prefactor is left."""
    temperature = ea / 15 / constants.R
    return temperature, temperature / 50


TWINS = {
    "linear": Twin(
        models=(Linear(),),
        value=lambda x, *params: np.polyval(params, x),
        exact_value=lambda x, slope, intercept: slope * x + intercept,
        exact_integral=linear_area,
        draw=lambda rng, _: (log_uniform(rng, 1e-3, 1e3), log_uniform(rng, 1e-3, 1e3)),
        frame=lambda *_: (0.0, 1.0),
        params=lambda _: (0.7, 1.3),
        domain=(0.0, INFINITY),  # both terms of one sign there
    ),
    "logistic": Twin(
        models=(Logistic(),),
        value=lambda x, height, mu, width, offset: (
            offset + height * special.expit((x - mu) / width)
        ),
        exact_value=logistic_exact,
        exact_integral=logistic_area,
        draw=draw_step,
        frame=lambda height, mu, width, offset: (mu, width),
        params=lambda _: (3.0, 0.5, 1.25, 0.4),
    ),
    "error_function_step": Twin(
        models=(ErrorFunctionStep(),),
        value=lambda x, height, mu, sigma, offset: offset + height * special.ndtr((x - mu) / sigma),
        exact_value=error_function_step_exact,
        exact_integral=error_function_step_area,
        draw=draw_step,
        frame=lambda height, mu, sigma, offset: (mu, sigma),
        params=lambda _: (3.0, 0.5, 1.25, 0.4),
    ),
    "hill": Twin(
        models=(Hill(),),
        value=lambda x, top, k, n, offset: (
            offset + top * np.power(x / k, n) / (1 + np.power(x / k, n))
        ),
        exact_value=hill_exact,
        exact_integral=hill_area,
        draw=draw_hill,
        frame=lambda top, k, n, offset: (0.0, k),
        params=lambda _: (3.0, 1.3, 2.2, 0.4),
        domain=(0.0, INFINITY),
    ),
    "michaelis_menten": Twin(
        models=(MichaelisMenten(),),
        value=lambda x, vmax, km: vmax * x / (km + x),
        exact_value=lambda x, vmax, km: vmax * x / (km + x),
        exact_integral=michaelis_menten_area,
        draw=lambda rng, _: (log_uniform(rng, 1e-3, 1e6), log_uniform(rng, 1e-9, 1e9)),
        frame=lambda vmax, km: (0.0, km),
        params=lambda _: (3.0, 1.3),
        domain=(0.0, INFINITY),
    ),
    "arrhenius": Twin(
        models=(Arrhenius(),),
        value=lambda x, a, ea: a * np.exp(-ea / (constants.R * x)),
        exact_value=arrhenius_exact,
        exact_integral=arrhenius_area,
        draw=draw_arrhenius,
        frame=frame_arrhenius,
        params=lambda _: (3.0, 60.0),
        domain=(-36.0, 36.0),  # x > 0, and no bin in which the exponent changes by more than 16
    ),
    "sine": Twin(
        models=(Sine(),),
        value=lambda x, amplitude, frequency, phase, offset: (
            offset + amplitude * np.sin(2 * np.pi * frequency * x + phase)
        ),
        exact_value=sine_exact,
        exact_integral=sine_area,
        draw=draw_sine,
        frame=lambda amplitude, frequency, phase, offset: (0.0, 1 / frequency),
        params=lambda _: (3.0, 0.8, 0.5, 5.0),
        domain=(-1e4, 1e4),  # farther out a double does not know its phase
    ),
    "damped_oscillation": Twin(
        models=(DampedOscillation(),),
        value=damped_value,
        exact_value=damped_exact,
        exact_integral=damped_area,
        draw=draw_damped,
        frame=lambda amplitude, tau, frequency, phase, offset: (0.0, tau),
        params=lambda _: (3.0, 1.25, 0.7, 0.5, 40.0),
        domain=(-2.0, INFINITY),  # where the offset outweighs the amplitude
    ),
    "gompertz": Twin(
        models=(Gompertz(),),
        value=lambda x, height, mu, width, offset: (
            offset + height * stats.gumbel_r.cdf(x, mu, width)
        ),
        exact_value=gompertz_exact,
        exact_integral=gompertz_area,
        draw=draw_step,
        frame=lambda height, mu, width, offset: (mu, width / 4),
        params=lambda _: (3.0, 0.5, 1.25, 0.4),
        domain=(-36.0, 36.0),  # in bins of many widths the quadrature misses the step's corner
    ),
    "stretched_exponential": Twin(
        models=(StretchedExponential(),),
        value=lambda x, amplitude, tau, beta, offset: (
            offset + amplitude * np.exp(-np.power(x / tau, beta))
        ),
        exact_value=stretched_exact,
        exact_integral=stretched_area,
        draw=draw_stretched,
        frame=lambda amplitude, tau, beta, offset: (0.0, tau),
        params=lambda _: (3.0, 1.3, 1.4, 0.4),  # below beta = 1 the slope at 0 is infinite
        domain=(0.0, INFINITY),
    ),
    "exponential_decay": Twin(
        models=(ExponentialDecay(),),
        value=lambda x, amplitude, tau, offset: offset + amplitude * np.exp(-x / tau),
        exact_value=decay_exact,
        exact_integral=decay_area,
        draw=draw_decay,
        frame=lambda amplitude, tau, offset: (0.0, tau),
        params=lambda _: (3.0, 1.75, 0.4),
        domain=(-40.0, INFINITY),  # it overflows at -700
    ),
    "planck": Twin(
        models=(Planck(),),
        value=planck_value,
        exact_value=planck_exact,
        exact_integral=planck_area,
        draw=lambda rng, _: (log_uniform(rng, 1e-3, 1e6), log_uniform(rng, 1e-3, 1e9)),
        frame=frame_planck,
        params=lambda _: (3.0, 5000.0),
        domain=(-50.0, INFINITY),  # x >= 0
    ),
    "power": Twin(
        models=(Power(),),
        value=lambda x, amplitude, exponent, offset: offset + amplitude * np.power(x, exponent),
        exact_value=power_exact,
        exact_integral=power_area,
        draw=lambda rng, _: (
            log_uniform(rng, 1e-3, 1e6),
            rng.uniform(-4, 4),
            log_uniform(rng, 1e-3, 1e6),
        ),
        frame=lambda *_: (0.0, 1.3),
        params=lambda _: (3.0, 1.7, 0.4),
        domain=(1e-3, INFINITY),
    ),
}
