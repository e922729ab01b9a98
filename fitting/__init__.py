"""How a model is fitted: data, costs, compiled kernels, Minuit, covariance. Knows no HTTP.

`fit.py` reads as the path of one fit: from a `problem` about `data`, bound to compiled `kernels` as
an `objective`, by a `search` for its minimum, to the `report` of a `result`. `batch` does the same
for many data sets at once.
"""

import models  # noqa: F401 - sets JAX up before anything here imports it
