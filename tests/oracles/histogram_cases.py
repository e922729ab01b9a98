"""Toy histograms with their truth, and iminuit's own fit of them: the cases of the oracle tests."""

import numpy as np
from iminuit import Minuit
from iminuit.cost import ExtendedBinnedNLL, NormalConstraint

from .reference import Poisson
from .shapes import shapes

PEAK = {"name": "gaussian", "prefix": "s_"}
PEAK2 = {"name": "gaussian", "prefix": "t_"}
DECAY = {"name": "exponential", "prefix": "b_"}


def poly(degree, prefix=""):
    return {"name": "polynomial", "degree": degree} | ({"prefix": prefix} if prefix else {})


def toy(model, truth, edges, seed):
    """(model, truth, edges, Poisson counts about the model at the truth)."""
    expected = Poisson(model, edges, 0).expected_counts(truth)
    return model, truth, np.asarray(edges, float), np.random.default_rng(seed).poisson(expected)


G = {"amp": 1000.0, "mu": 0.3, "sigma": 1.2}
E = {"amp": 2000.0, "tau": 1.7}
GE = {"s_amp": 500.0, "s_mu": 4.0, "s_sigma": 0.5, "b_amp": 4000.0, "b_tau": 3.0}
GP = {"s_amp": 400.0, "s_mu": 1.0, "s_sigma": 0.7, "b_c0": 60.0, "b_c1": -4.0}
GGP = {"s_amp": 900.0, "s_mu": -2.0, "s_sigma": 0.6, "t_amp": 600.0, "t_mu": 2.0, "t_sigma": 0.8}
GGP |= {"b_c0": 120.0, "b_c1": 8.0}
CUBIC = {"c0": 90.0, "c1": -12.0, "c2": 3.0, "c3": 1.5}
UNEVEN = np.concatenate(
    [np.linspace(-5, -1, 9), np.linspace(-0.8, 1, 16), np.geomspace(1.2, 6, 12)]
)

WITH_DECAY = {"sum": [PEAK, DECAY]}
WITH_LINE = {"sum": [PEAK, poly(1, "b_")]}
CASES = {
    "gaussian, 20 bins": toy("gaussian", G, np.linspace(-5, 5, 21), 2),
    "gaussian, uneven bins": toy("gaussian", G, UNEVEN, 3),
    "gaussian, 3000 bins, most empty": toy("gaussian", G, np.linspace(-6, 6, 3001), 4),
    "gaussian, 40 events": toy("gaussian", G | {"amp": 40.0}, np.linspace(-10, 10, 201), 5),
    "exponential": toy("exponential", E, np.linspace(0, 10, 51), 6),
    "exponential, not from 0": toy("exponential", E, np.geomspace(0.5, 9, 30), 7),
    "exponential, below 0 too": toy("exponential", E, np.linspace(-2.1, 8, 41), 8),
    "exponential, 30 events": toy("exponential", {"amp": 30.0, "tau": 2.0}, np.arange(101) / 4, 9),
    "constant": toy(poly(0), {"c0": 7.0}, UNEVEN, 10),
    "line": toy(poly(1), {"c0": 50.0, "c1": 6.0}, np.linspace(-3, 5, 41), 11),
    "parabola": toy(poly(2), {"c0": 50.0, "c1": 6.0, "c2": 4.0}, UNEVEN, 12),
    "cubic": toy(poly(3), CUBIC, np.linspace(-2, 5, 71), 13),
    "gaussian + exponential": toy(WITH_DECAY, GE, np.linspace(0, 12, 121), 14),
    "gaussian + line": toy(WITH_LINE, GP, np.linspace(-4, 6, 101), 15),
    "two gaussians + line": toy(
        {"sum": [PEAK, PEAK2, poly(1, "b_")]}, GGP, np.arange(81) / 8 - 5, 16
    ),
}


def body(model, edges, counts, parameters=None, **extra):
    request = {"histogram": {"edges": edges, "counts": counts}, "model": model, **extra}
    return request | ({"parameters": parameters} if parameters else {})


def iminuit_fit(model, edges, counts, start, fixed=(), constraint=None):
    """MIGRAD, HESSE on iminuit's own cost, at strategy 2 and a tight tolerance."""
    names = [name for _, parts in shapes(model) for name in parts]

    def integral(xe, *theta):  # ExtendedBinnedNLL takes differences of it
        bins = Poisson(model, xe, 0).expected_counts(dict(zip(names, theta, strict=True)))
        return np.concatenate([[0.0], np.cumsum(bins)])

    cost = ExtendedBinnedNLL(counts, edges, integral, name=names)
    if constraint:
        cost = cost + NormalConstraint(*constraint)
    m = Minuit(cost, **start)
    for name in names:  # far off: they only keep MIGRAD out of the senseless
        if name.endswith(("sigma", "tau")):
            m.limits[name] = (start[name] / 100, None)
    for name in fixed:
        m.fixed[name] = True
    m.strategy, m.tol = 2, 1e-4
    m.migrad(ncall=20000)
    m.hesse()
    return m
