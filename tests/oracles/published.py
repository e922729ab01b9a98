"""Histograms that others have fitted, with what they published, and where.

A fit of a density with a free `amp` is a maximum-likelihood estimate from grouped data, if the
bins cover all values there may be: an open class is a bin up to `FAR`. Tolerances are half a unit
of the last published digit, or what the program that was used promises, whichever is wider.
"""

import itertools
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tests.examples import HISTOGRAM, XY_ERRORS

FAR = 1e9


@dataclass(frozen=True)
class Published:
    """A request to `path`, and what was published: {name: (number, tolerance)}."""

    source: str
    path: str
    body: dict[str, Any]
    values: dict[str, tuple[float, float]]
    errors: dict[str, tuple[float, float]] = field(default_factory=dict)
    fval: tuple[float, float] | None = None


def _grouped(
    source: str,
    edges: list[float],
    counts: list[float],
    model: str,
    values: dict[str, tuple[float, float]],
    errors: dict[str, tuple[float, float]],
    **options: Any,
) -> Published:
    body = {"histogram": {"edges": edges, "counts": counts}, "model": model, **options}
    return Published(source, HISTOGRAM, body, values, errors)


def _root(
    source: str,
    edges: list[float],
    counts: list[float],
    formula: str,
    published: dict[str, tuple[float, float]],
    fval: float | None = None,
    **options: Any,
) -> Published:
    """ROOT's chi-square: the bin centres as points, errors are the roots of the contents.

    Published are values and errors with six digits, of a program that stops at an EDM.
    """
    body = {
        "x": [(low + high) / 2 for low, high in itertools.pairwise(edges)],
        "y": counts,
        "y_err": [count**0.5 for count in counts],
        "model": {"formula": formula},
        **options,
    }
    values = {name: (value, 2e-3 * error) for name, (value, error) in published.items()}
    errors = {name: (error, 5e-3 * error) for name, (_, error) in published.items()}
    minimum = None if fval is None else (fval, 1e-6 + 2e-5 * fval)
    return Published(source, XY_ERRORS, body, values, errors, minimum)


MULTIFIT_SOURCE = (
    "ROOT, tutorial multifit, https://root.cern.ch/doc/v622/multifit_8C.html; the peaks together "
    "as printed by later versions, which minimise with Minuit2"
)
MULTIFIT = """1.913521 1.953769 2.347435 2.883654 3.493567 4.047560 4.337210 4.364347 4.563004
5.054247 5.194183 5.380521 5.303213 5.384578 5.563983 5.728500 5.685752 5.080029 4.251809 3.372246
2.207432 1.227541 0.8597788 0.8220503 0.8046592 0.7684097 0.7469761 0.8019787 0.8362375 0.8744895
0.9143721 0.9462768 0.9285364 0.8954604 0.8410891 0.7853871 0.7100883 0.6938808 0.7363682 0.7032954
0.6029015 0.5600163 0.7477068 1.188785 1.938228 2.602717 3.472962 4.465014 5.177035"""


def _multifit(
    low: float, high: float, published: dict[str, tuple[float, float]], fval: float
) -> Published:
    """One to three peaks; each height, mean and width is free."""
    peaks = [name.removeprefix("mu") for name in published if name.startswith("mu")]
    fit = _root(
        MULTIFIT_SOURCE,
        [float(edge) for edge in range(85, 135)],
        [float(text) for text in MULTIFIT.split()],
        " + ".join(f"h{i}*exp(-0.5*((x - mu{i})/sigma{i})^2)" for i in peaks),
        published,
        fval,
        fit_range=[low, high],
        parameters={name: round(value, 1) for name, (value, _) in published.items()},
    )
    # for a single peak ROOT limits sigma, which distorts the errors where they are large
    return fit if len(peaks) > 1 else replace(fit, errors={})


FITTING_DEMO = [6, 1, 10, 12, 6, 13, 23, 22, 15, 21, 23, 26, 36, 25, 27, 35, 40, 44, 66, 81]
FITTING_DEMO += [75, 57, 48, 45, 46, 41, 35, 36, 53, 32, 40, 37, 38, 31, 36, 44, 42, 37, 32, 32]
FITTING_DEMO += [43, 44, 35, 33, 33, 39, 29, 41, 32, 44, 26, 39, 29, 35, 32, 21, 21, 15, 25, 15]

WEIBULL = "1 1 1 1 3 3 4 7 6 16 17 26 58 59 94 117 148 176 112 78 58 13 1"
NORMAL = "4 7 27 65 136 244 443 656 949 1234 1299 1292 1148 932 690 420 250 122 53 17"


PUBLISHED = {
    "exponential": _grouped(
        "Meeker and Escobar, Statistical Methods for Reliability Data (1998), example 7.1, sample "
        "of 200; with more digits: https://help.reliasoft.com/articles/content/"
        "reference_examples/weibull/1p-exponential_mle_solution_for_interval_data.html",
        [0, 100, 300, 500, 700, 1000, 2000, 4000, FAR],
        [41, 44, 24, 32, 29, 21, 9, 0],
        "exponential",
        {"amp": (200, 1e-6), "tau": (572.27, 0.005)},
        {"tau": (1740.52**0.5, 2e-3)},
    ),
    "exponential in closed form": _grouped(
        "Society of Actuaries, exam C sample question 44, https://stochiki.com/w/index.php?"
        "title=exercise%3A93bdaec1c8: 1000 / log(33 / 20)",
        [0, 1000, 2000, FAR],
        [7, 6, 7],
        "exponential",
        {"amp": (20, 1e-6), "tau": (1996.90, 0.005)},
        {},
    ),
    "power law": _grouped(
        "Society of Actuaries, exam C sample question 276; with its error: https://www.ssc.wisc.edu"
        "/~jfrees/loss-data-analytics/chapter-3-modeling-loss-severity/theory-and-practice-"
        "exercises/parametric-maximum-likelihood-estimation-with-grouped-data-soa-exam-c-"
        "question-276/",
        [1e-3, 10, 25, 1e12],
        [9, 6, 5],
        "power_law",
        {"amp": (20, 1e-6), "low": (5.5, 1e-6)},
        {"low": (1.11243, 1e-4)},
        parameters={
            "n": {"start": 2, "fixed": True},
            "low": {"start": 3, "fixed": False, "limits": [0.1, 10]},
            "high": {"start": 1e12, "fixed": True},
        },
    ),
    "weibull": _grouped(
        "JimB, https://mathematica.stackexchange.com/questions/207578; its edges are exp(k / 5)",
        [0, *np.exp(np.arange(-12, 12) / 5).tolist(), FAR],
        [0, *map(float, WEIBULL.split()), 0],
        "weibull",
        {"amp": (1000, 1e-6), "k": (2.0714, 5e-5), "scale": (2.9929, 5e-5)},
        {"k": (0.0516358, 1e-6), "scale": (0.0485239, 1e-6)},
    ),
    "gaussian": _grouped(
        "JimB, https://mathematica.stackexchange.com/questions/203547; its sum ends after 20 of the"
        " 24 bins, so that the others are empty",
        [-FAR, *range(-6, 15), FAR],
        [0, *map(float, NORMAL.split()), 0],
        "gaussian",
        {"amp": (10_000 - 12, 1e-4), "mu": (4.94984, 5e-6), "sigma": (2.96156, 5e-6)},
        {"mu": (0.0297738, 1e-7)},
    ),
    "log-normal": _grouped(
        "J. W. Lewis, newsgroup on Excel, https://groups.google.com/g/"
        "microsoft.public.mac.office.excel/c/DJev9u2YUHs: 28 titres, each known within a factor 2",
        [0, *(2.0**k for k in range(8, 14)), FAR],
        [0, 1, 8, 4, 8, 7, 0],
        "log_normal",
        {"amp": (28, 1e-6), "mu": (7.575, 5e-4), "sigma": (0.833, 5e-4)},
        {},
    ),
    "three peaks, the first": _multifit(
        85,
        95,
        {"h1": (4.96664, 2.83221), "mu1": (95.4663, 12.3905), "sigma1": (6.82779, 7.49131)},
        0.0848003,
    ),
    "three peaks, the second": _multifit(
        98,
        108,
        {"h1": (5.96312, 1.14355), "mu1": (100.467, 1.53372), "sigma1": (3.54806, 1.16899)},
        0.0771026,
    ),
    "three peaks, the third": _multifit(
        110,
        121,
        {"h1": (0.912665, 0.437176), "mu1": (116.309, 8.37408), "sigma1": (8.38413, 18.4577)},
        0.0087702,
    ),
    "three peaks, together": _multifit(
        85,
        125,
        {
            "h1": (4.91052, 1.41324),
            "mu1": (94.4492, 3.71244),
            "sigma1": (5.9461, 2.41662),
            "h2": (3.22456, 3.11384),
            "mu2": (101.662, 1.67862),
            "sigma2": (2.48631, 1.91151),
            "h3": (0.911626, 0.368736),
            "mu3": (117.581, 5.06092),
            "sigma3": (7.59194, 8.78217),
        },
        0.31282,
    ),
    "lorentzian on a parabola": _root(
        "ROOT, tutorial FittingDemo (Bevington's exercise): contents as in "
        "https://github.com/aprozo/cernroot_training, its result as others quote it",
        [k / 20 for k in range(61)],
        [float(n) for n in FITTING_DEMO],
        "p0 + p1*x + p2*x^2 + 0.5*p3*p4/pi/((x - p5)^2 + 0.25*p4^2)",
        {
            "p0": (-0.864713, 0.891794),
            "p1": (45.8434, 2.64221),
            "p2": (-13.3214, 0.976963),
            "p3": (13.8074, 2.17751),
            "p4": (0.172309, 0.0358302),
            "p5": (0.987281, 0.0112690),
        },
        parameters={"p4": 0.2, "p5": 1.0},
    ),
}
