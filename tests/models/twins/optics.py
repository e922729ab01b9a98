"""Twins of the curves of optics and of resonances.

Values near a dark fringe come by cancellation in any double: fringes far out, where the argument
of the sine has lost digits, are not compared.
"""

import mpmath
import numpy as np

from models.shapes.fabry_perot import FabryPerot
from models.shapes.fano import Fano
from models.shapes.gaussian_beam import GaussianBeam
from models.shapes.malus import Malus
from models.shapes.resonance import Resonance
from models.shapes.slits import DoubleSlit, SingleSlit
from tests.models.twins.curves import log_uniform
from tests.models.twins.twin import Twin


def malus_exact(x, i0, angle, offset):
    return offset + i0 * mpmath.cos(x - angle) ** 2


def malus_area(lo, hi, i0, angle, offset):
    a, b = (mpmath.sin(2 * (edge - angle)) / 4 for edge in (lo, hi))
    return (offset + i0 / 2) * (hi - lo) + i0 * (b - a)


def single_slit_exact(x, i0, slit, center):
    return i0 * mpmath.sincpi(slit * (x - center)) ** 2


def single_slit_area(lo, hi, i0, slit, center):
    def antiderivative(b):
        return mpmath.si(2 * b) - mpmath.sin(b) ** 2 / b if b else mpmath.mpf(0)

    a, b = (antiderivative(mpmath.pi * slit * (edge - center)) for edge in (lo, hi))
    return i0 * (b - a) / (mpmath.pi * slit)


def double_slit_exact(x, i0, slit, separation, center):
    fringes = mpmath.cospi(separation * (x - center))
    return single_slit_exact(x, i0, slit, center) * fringes**2


def double_slit_area(lo, hi, i0, slit, separation, center):
    """sin^2 cos^2 by product formulas: (1 - cos 2b)(1 + cos 2c) / 4 over b^2, each by parts."""

    def cosine(u, k):
        """Integral of (1 - cos k u) / u^2."""
        return k * mpmath.si(k * u) - (1 - mpmath.cos(k * u)) / u if u else mpmath.mpf(0)

    def antiderivative(u):
        s, d = 2 * mpmath.pi * slit, 2 * mpmath.pi * separation
        # (1 - cos s)(1 + cos d) = (1 - cos s) - (1 - cos d) + [(1 - cos +) + (1 - cos -)] / 2
        both = (cosine(u, d + s) + cosine(u, d - s)) / 2
        return (cosine(u, s) - cosine(u, d) + both) / 4

    area = antiderivative(hi - center) - antiderivative(lo - center)
    return i0 * area / (mpmath.pi * slit) ** 2


def fabry_perot_exact(x, i0, coefficient, fsr, center):
    return i0 / (1 + coefficient * mpmath.sinpi((x - center) / fsr) ** 2)


def fabry_perot_area(lo, hi, i0, coefficient, fsr, center):
    root = mpmath.sqrt(1 + coefficient)

    def antiderivative(x):
        ranges = (x - center) / fsr
        whole = mpmath.nint(ranges)
        return mpmath.atan(root * mpmath.tan(mpmath.pi * (ranges - whole))) + whole * mpmath.pi

    return i0 * fsr / (mpmath.pi * root) * (antiderivative(hi) - antiderivative(lo))


def gaussian_beam_exact(x, w0, z0, rayleigh):
    return w0 * mpmath.sqrt(1 + ((x - z0) / rayleigh) ** 2)


def gaussian_beam_area(lo, hi, w0, z0, rayleigh):
    a, b = ((edge - z0) / rayleigh for edge in (lo, hi))
    a, b = (t * mpmath.sqrt(1 + t * t) + mpmath.asinh(t) for t in (a, b))
    return w0 * rayleigh * (b - a) / 2


def resonance_exact(x, amplitude, f0, q):
    r = x / f0
    return amplitude / mpmath.sqrt((1 - r * r) ** 2 + (r / q) ** 2)


def resonance_area(lo, hi, amplitude, f0, q):
    """Carlson's elliptic integral from 0 on (DLMF 19.29.20); c is where the root is zero."""
    real, imaginary = 1 - 1 / (2 * q * q), mpmath.sqrt(mpmath.mpc(1 / q**2 - 1 / (4 * q**4)))
    roots = real + 1j * imaginary, real - 1j * imaginary

    def antiderivative(x):
        if x == 0:
            return mpmath.mpf(0)
        u = (f0 / x) ** 2
        return mpmath.sign(x) * f0 * mpmath.elliprf(u, *(u - c for c in roots)).real

    return amplitude * (antiderivative(hi) - antiderivative(lo))


def fano_value(x, amplitude, position, width, q, offset):
    """1 + (q - i) / (e + i), squared: Fano's amplitude as a complex number."""
    e = 2 * (x - position) / width
    return offset + amplitude * np.abs(1 + (q - 1j) / (e + 1j)) ** 2


def fano_exact(x, amplitude, position, width, q, offset):
    e = 2 * (x - position) / width
    return offset + amplitude * (q + e) ** 2 / (1 + e * e)


def fano_area(lo, hi, amplitude, position, width, q, offset):
    def antiderivative(e):
        return e + (q * q - 1) * mpmath.atan(e) + q * mpmath.log(1 + e * e)

    a, b = (antiderivative(2 * (edge - position) / width) for edge in (lo, hi))
    return offset * (hi - lo) + amplitude * width / 2 * (b - a)


def draw_malus(rng, _):
    i0 = log_uniform(rng, 1e-3, 1e6)
    return i0, rng.uniform(-3, 3), i0 * log_uniform(rng, 0.1, 10)


def draw_single_slit(rng, _):
    slit = log_uniform(rng, 1e-6, 1e6)
    return log_uniform(rng, 1e-3, 1e6), slit, rng.uniform(-2, 2) / slit


def draw_double_slit(rng, _):
    i0, slit, center = draw_single_slit(rng, _)
    return i0, slit, slit * rng.uniform(1.5, 5), center


def draw_fabry_perot(rng, _):
    fsr = log_uniform(rng, 1e-9, 1e9)
    coefficient = log_uniform(rng, 0.1, 1e4)
    return log_uniform(rng, 1e-3, 1e6), coefficient, fsr, rng.uniform(-3, 3) * fsr


def draw_gaussian_beam(rng, _):
    rayleigh = log_uniform(rng, 1e-9, 1e9)
    return log_uniform(rng, 1e-3, 1e6), rng.uniform(-100, 100) * rayleigh, rayleigh


def draw_resonance(rng, _):
    return log_uniform(rng, 1e-3, 1e6), log_uniform(rng, 1e-9, 1e9), log_uniform(rng, 0.1, 1e6)


def draw_fano(rng, _):
    amplitude, width = log_uniform(rng, 1e-3, 1e6), log_uniform(rng, 1e-9, 1e9)
    position, offset = rng.uniform(-100, 100) * width, amplitude * rng.uniform(1, 10)
    return amplitude, position, width, rng.uniform(-4, 4), offset


TWINS = {
    "malus": Twin(
        models=(Malus(),),
        value=lambda x, i0, angle, offset: offset + i0 * (1 + np.cos(2 * (x - angle))) / 2,
        exact_value=malus_exact,
        exact_integral=malus_area,
        draw=draw_malus,
        frame=lambda i0, angle, offset: (angle, 1.0),
        params=lambda _: (3.0, 0.5, 0.4),
    ),
    "single_slit": Twin(
        models=(SingleSlit(),),
        value=lambda x, i0, slit, center: i0 * np.sinc(slit * (x - center)) ** 2,
        exact_value=single_slit_exact,
        exact_integral=single_slit_area,
        draw=draw_single_slit,
        frame=lambda i0, slit, center: (center, 0.3 / slit),
        params=lambda _: (3.0, 0.8, 0.5),
        domain=(-20.0, 20.0),
    ),
    "double_slit": Twin(
        models=(DoubleSlit(),),
        value=lambda x, i0, slit, separation, center: (
            i0 * (np.sinc(slit * (x - center)) * np.cos(np.pi * separation * (x - center))) ** 2
        ),
        exact_value=double_slit_exact,
        exact_integral=double_slit_area,
        draw=draw_double_slit,
        frame=lambda i0, slit, separation, center: (center, 0.23 / separation),
        params=lambda _: (3.0, 0.8, 1.9, 0.5),
        domain=(-20.0, 20.0),
    ),
    "fabry_perot": Twin(
        models=(FabryPerot(),),
        value=lambda x, i0, coefficient, fsr, center: (
            i0 / (1 + coefficient * np.sin(np.pi * (x - center) / fsr) ** 2)
        ),
        exact_value=fabry_perot_exact,
        exact_integral=fabry_perot_area,
        draw=draw_fabry_perot,
        frame=lambda i0, coefficient, fsr, center: (center, fsr),
        params=lambda _: (3.0, 4.0, 1.25, 0.5),
    ),
    "gaussian_beam": Twin(
        models=(GaussianBeam(),),
        value=lambda x, w0, z0, rayleigh: w0 * np.hypot(1, (x - z0) / rayleigh),
        exact_value=gaussian_beam_exact,
        exact_integral=gaussian_beam_area,
        draw=draw_gaussian_beam,
        frame=lambda w0, z0, rayleigh: (z0, rayleigh),
        params=lambda _: (3.0, 0.5, 1.25),
    ),
    "resonance": Twin(
        models=(Resonance(),),
        value=lambda x, amplitude, f0, q: (
            amplitude / np.abs((1 - x / f0) * (1 + x / f0) + 1j * (x / f0) / q)
        ),
        exact_value=resonance_exact,
        exact_integral=resonance_area,
        draw=draw_resonance,
        frame=lambda amplitude, f0, q: (f0, 0.15 * f0 / q),
        params=lambda _: (3.0, 1.3, 2.5),
    ),
    "fano": Twin(
        models=(Fano(),),
        value=fano_value,
        exact_value=fano_exact,
        exact_integral=fano_area,
        draw=draw_fano,
        frame=lambda amplitude, position, width, q, offset: (position, width / 2),
        params=lambda _: (3.0, 0.5, 1.25, 1.4, 4.0),
    ),
}
