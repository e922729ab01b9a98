"""How a model is fitted: data, costs, compiled kernels, Minuit, covariance. Knows no HTTP.

`fit.py` reads as the path of one fit; each other file is one step of it.
"""

import models  # noqa: F401 - sets JAX up before anything here imports it
