"""Request bodies that run as they are, for OpenAPI and the README's curl lines."""

from typing import Any

_PEAK_COUNTS = [1, 4, 14, 39, 72, 117, 128, 105, 73, 35, 9, 2]
_PEAK = {"edges": [-3 + 0.5 * i for i in range(13)], "counts": _PEAK_COUNTS}

_COUNTS = "98 84 79 72 66 57 55 53 81 128 132 74 40 31 27 24 24 19 18 15"
_PEAK_ON_DECAY = {"edges": list(range(21)), "counts": [int(n) for n in _COUNTS.split()]}
_SIGNAL = {"name": "gaussian", "prefix": "sig_"}
_BACKGROUND = {"name": "exponential", "prefix": "bkg_"}

#: What can be made of models, each with a request that runs as it is.
COMPOSITIONS: dict[str, dict[str, Any]] = {
    "sum": {
        "description": "Components added, each with its own amp",
        "example": {
            "histogram": _PEAK_ON_DECAY,
            "model": {"sum": [_SIGNAL, _BACKGROUND]},
        },
    },
    "sum with fractions": {
        "description": "One amp, shared out by fractions; the last component gets the rest",
        "example": {
            "histogram": _PEAK_ON_DECAY,
            "model": {"sum": [_SIGNAL, _BACKGROUND], "fractions": True},
        },
    },
    "shared parameters": {
        "description": "A parameter renamed to another component's is one with it",
        "example": {
            "histogram": _PEAK,
            "model": {
                "sum": [
                    {"name": "gaussian", "prefix": "core_"},
                    {"name": "gaussian", "prefix": "tail_", "rename": {"mu": "core_mu"}},
                ]
            },
            "parameters": {
                "core_sigma": {"constraint": {"value": 0.7, "sigma": 0.05}},
                "tail_sigma": {"start": 1.4, "fixed": True},
            },
        },
    },
    "product": {
        "description": "Factors multiplied: densities without their amp, other models as they are. "
        "The scale is in the coefficients of the first factor that is no density, a sum before "
        "others; if all are densities, in an amp, which is no number of events, as their product "
        "is not normalised",
        "example": {
            "histogram": _PEAK,
            "model": {"product": [{"name": "gaussian"}, {"name": "polynomial", "degree": 1}]},
            "parameters": {"sigma": {"start": 1, "fixed": True}},
        },
    },
    "convolve": {
        "description": "A density smeared by a Gaussian of standard deviation resolution",
        "example": {
            "histogram": {
                "edges": list(range(-2, 13)),
                "counts": [0, 76, 295, 241, 135, 77, 55, 35, 31, 14, 1, 7, 2, 2],
            },
            "model": {"convolve": "exponential"},
        },
    },
    "template": {
        "description": "amp times a histogram, of a simulation or a control sample; its bins need "
        "not be those of the data",
        "example": {
            "histogram": _PEAK_ON_DECAY,
            "model": {
                "sum": [
                    _SIGNAL,
                    {
                        "prefix": "bkg_",
                        "template": {
                            "edges": [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20],
                            "counts": [908, 751, 622, 515, 427, 353, 293, 242, 201, 166],
                        },
                    },
                ]
            },
        },
    },
    "formula": {
        "description": "An expression in x, or for points in the columns of x; other names are "
        "parameters; densities of this list may be called in it, gaussian(x, mu, sigma), without "
        "their amp",
        "example": {
            "histogram": _PEAK_ON_DECAY,
            "model": {"formula": "n*gaussian(x, mu, sigma) + b*exp(-x/tau)"},
        },
    },
}

HISTOGRAM_EXAMPLES: dict[str, Any] = {
    "gaussian": {"histogram": _PEAK, "model": "gaussian"},
    "sum of peak and background, with settings": {
        "histogram": _PEAK_ON_DECAY,
        "model": {"sum": [_SIGNAL, _BACKGROUND]},
        "parameters": {
            "sig_mu": {"start": 10, "limits": [5, 15]},
            "sig_sigma": {"start": 1, "constraint": {"value": 1.0, "sigma": 0.1}},
        },
        "fit_range": [0, 18],
        "minos": ["sig_amp"],
    },
    **{name: entry["example"] for name, entry in COMPOSITIONS.items()},
}

HISTOGRAM_BATCH_EXAMPLES: dict[str, Any] = {
    "three histograms": {
        "edges": [0, 1, 2, 3, 4, 5, 6],
        "counts": [[2, 11, 33, 30, 12, 1], [1, 6, 25, 41, 17, 4], [5, 17, 38, 22, 6, 0]],
        "model": "gaussian",
    },
}

POINTS_BATCH_EXAMPLES: dict[str, Any] = {
    "two lines": {
        "x": [1, 2, 3, 4],
        "y": [[2.1, 3.9, 6.2, 7.8], [0.9, 2.1, 2.8, 4.1]],
        "y_err": 0.2,
        "model": {"name": "polynomial", "degree": 1},
        "covariance": True,
    },
}

#: The same as NDJSON, for jobs.
HISTOGRAM_LINES = """{"edges": [0, 1, 2, 3, 4, 5, 6], "model": "gaussian"}
[2, 11, 33, 30, 12, 1]
[1, 6, 25, 41, 17, 4]
[5, 17, 38, 22, 6, 0]
"""
POINTS_LINES = """{"x": [1, 2, 3, 4], "model": {"name": "polynomial", "degree": 1}}
{"y": [2.1, 3.9, 6.2, 7.8], "y_err": [0.2, 0.2, 0.3, 0.3]}
{"y": [0.9, 2.1, 2.8, 4.1], "y_err": [0.2, 0.1, 0.2, 0.3]}
"""

#: The results of two of these histograms, of a job that was deleted before the third.
RESULT_LINES = (
    '{"row":0,"values":{"amp":89.14,"mu":2.971,"sigma":0.950},'
    '"errors":{"amp":9.45,"mu":0.106,"sigma":0.082},"fval":0.453,"chi2":0.453,"ndof":3,'
    '"valid":true,"status":"converged","path":"batch","edm":3.9e-21}\n'
    '{"row":1,"values":{"amp":94.24,"mu":3.347,"sigma":0.941},'
    '"errors":{"amp":9.72,"mu":0.103,"sigma":0.080},"fval":1.008,"chi2":1.008,"ndof":3,'
    '"valid":true,"status":"converged","path":"batch","edm":1.1e-19}\n'
    '{"end":"cancelled","message":"The job was deleted."}\n'
)

POINTS_EXAMPLES: dict[str, Any] = {
    "line with errors in x and y": {
        "x": [1, 2, 3, 4],
        "y": [2.1, 3.9, 6.2, 7.8],
        "x_err": 0.1,
        "y_err": 0.2,
        "model": {"name": "polynomial", "degree": 1},
    },
    "formula": {
        "x": [0, 1, 2, 3, 4, 5, 6],
        "y": [5.1, 3.4, 2.5, 1.9, 1.5, 1.4, 1.2],
        "y_err": 0.1,
        "model": {"formula": "a*exp(-x/tau) + c"},
    },
    "two predictors, one with errors": {
        "x": {"t": [0, 1, 2, 3, 4, 5], "h": [3, 1, 4, 1, 5, 9]},
        "y": [1.2, 2.1, 1.8, 3.3, 2.4, 1.8],
        "x_err": {"h": 0.2},
        "y_err": 0.1,
        "model": {"formula": "a + b*t + c*h"},
    },
    "decay, an error for each point": {
        "x": [0.5, 1, 2, 3, 4, 6, 8],
        "y": [39.1, 30.4, 18.2, 11.3, 6.5, 2.6, 0.8],
        "y_err": [1, 1, 0.8, 0.6, 0.5, 0.4, 0.3],
        "model": "exponential",
    },
}

#: Answers to the first of the histograms and of the points, numbers rounded.
HISTOGRAM_ANSWER: dict[str, Any] = {
    "fit_id": "1RVLvtb5jtYgNWWX_RxcErre",
    "created": "2026-01-01T00:00:00Z",
    "kind": "histogram",
    "model": "gaussian",
    "valid": True,
    "status": "converged",
    "message": "The fit converged: gradient zero to rounding, Hessian positive definite.",
    "values": {"amp": 599.791, "mu": 0.204219, "sigma": 0.912752},
    "errors": {"amp": 24.5083, "mu": 0.0380434, "sigma": 0.0282039},
    "covariance": {
        "parameters": ["amp", "mu", "sigma"],
        "matrix": [
            [600.658, 0.00289214, 0.00745612],
            [0.00289214, 0.0014473, 2.21722e-05],
            [0.00745612, 2.21722e-05, 0.000795458],
        ],
        "method": "autodiff",
        "positive_definite": True,
        "reason": None,
    },
    "minos": {},
    "fval": 1.89808,
    "goodness_of_fit": {
        "chi2": 1.89808,
        "ndof": 9,
        "reduced_chi2": 0.210898,
        "p_value": 0.992979,
        "reason": None,
    },
    "parameters": [
        {
            "name": "amp",
            "value": 599.791,
            "error": 24.5083,
            "start": 597.727,
            "limits": [0.0, None],
            "fixed": False,
            "at_limit": False,
            "display": "600 ± 24",
        },
        {
            "name": "mu",
            "value": 0.204219,
            "error": 0.0380434,
            "start": 0.201586,
            "limits": [None, None],
            "fixed": False,
            "at_limit": False,
            "display": "0.20 ± 0.04",
        },
        {
            "name": "sigma",
            "value": 0.912752,
            "error": 0.0282039,
            "start": 0.917367,
            "limits": [0.0, None],
            "fixed": False,
            "at_limit": False,
            "display": "0.913 ± 0.028",
        },
    ],
    "minimizer": {
        "algorithm": "newton",
        "edm": 7.3e-30,
        "edm_goal": 0.0002,
        "nfcn": 4,
        "ngrad": 4,
        "nhess": 4,
    },
    "warnings": [],
    "timing_ms": {"queue": 0.1, "compile": 0.0, "minimize": 1.1, "covariance": 0.1, "total": 1.6},
    "kernel": {"cache": "memory"},
}
POINTS_ANSWER: dict[str, Any] = {
    "fit_id": "eAF6yOQ6N3KYn4PA65vJr8NV",
    "created": "2026-01-01T00:00:00Z",
    "kind": "xy-errors",
    "model": {"name": "polynomial", "degree": 1},
    "valid": True,
    "status": "converged",
    "message": "The fit converged: gradient zero to rounding, Hessian positive definite.",
    "values": {"c0": 0.139744, "c1": 1.9441},
    "errors": {"c0": 0.341904, "c1": 0.124868},
    "covariance": {
        "parameters": ["c0", "c1"],
        "matrix": [[0.116899, -0.0389799], [-0.0389799, 0.015592]],
        "method": "autodiff",
        "positive_definite": True,
        "reason": None,
    },
    "minos": {},
    "fval": 1.05513,
    "goodness_of_fit": {
        "chi2": 1.05513,
        "ndof": 2,
        "reduced_chi2": 0.527565,
        "p_value": 0.59004,
        "reason": None,
    },
    "parameters": [
        {
            "name": "c0",
            "value": 0.139744,
            "error": 0.341904,
            "start": 0.15,
            "limits": [None, None],
            "fixed": False,
            "at_limit": False,
            "display": "0.14 ± 0.34",
        },
        {
            "name": "c1",
            "value": 1.9441,
            "error": 0.124868,
            "start": 1.94,
            "limits": [None, None],
            "fixed": False,
            "at_limit": False,
            "display": "1.94 ± 0.12",
        },
    ],
    "minimizer": {
        "algorithm": "newton",
        "edm": 8.2e-31,
        "edm_goal": 0.0002,
        "nfcn": 8,
        "ngrad": 8,
        "nhess": 4,
    },
    "warnings": [],
    "timing_ms": {"queue": 0.1, "compile": 0.0, "minimize": 1.5, "covariance": 0.1, "total": 2.1},
    "kernel": {"cache": "memory"},
}

#: By path: what its first example is answered.
ANSWERS = {"/fit/histogram": HISTOGRAM_ANSWER, "/fit/xy-errors": POINTS_ANSWER}
