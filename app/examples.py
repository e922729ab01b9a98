"""Request bodies that run as they are, for OpenAPI and the README's curl lines."""

from typing import Any

_PEAK_COUNTS = [1, 4, 14, 39, 72, 117, 128, 105, 73, 35, 9, 2]
_PEAK = {"edges": [-3 + 0.5 * i for i in range(13)], "counts": _PEAK_COUNTS}

HISTOGRAM_EXAMPLES: dict[str, Any] = {
    "gaussian": {"histogram": _PEAK, "model": "gaussian"},
    "sum of peak and background, with settings": {
        "histogram": {
            "edges": list(range(21)),
            "counts": [
                98,
                84,
                79,
                72,
                66,
                57,
                55,
                53,
                81,
                128,
                132,
                74,
                40,
                31,
                27,
                24,
                24,
                19,
                18,
                15,
            ],
        },
        "model": {
            "sum": [
                {"name": "gaussian", "prefix": "sig_"},
                {"name": "exponential", "prefix": "bkg_"},
            ]
        },
        "parameters": {
            "sig_mu": {"start": 10, "limits": [5, 15]},
            "sig_sigma": {"start": 1, "constraint": {"value": 1.0, "sigma": 0.1}},
        },
        "fit_range": [0, 18],
        "minos": ["sig_amp"],
    },
}

POINTS_EXAMPLES: dict[str, Any] = {
    "line with errors in x and y": {
        "x": [1, 2, 3, 4],
        "y": [2.1, 3.9, 6.2, 7.8],
        "x_err": 0.1,
        "y_err": 0.2,
        "model": {"name": "polynomial", "degree": 1},
    },
    "decay, an error for each point": {
        "x": [0.5, 1, 2, 3, 4, 6, 8],
        "y": [39.1, 30.4, 18.2, 11.3, 6.5, 2.6, 0.8],
        "y_err": [1, 1, 0.8, 0.6, 0.5, 0.4, 0.3],
        "model": "exponential",
    },
}
