"""Where among the data a model has no value: it is told by the first such place."""

import numpy as np

from fitting.data import Histogram
from fitting.objective import Objective
from fitting.padding import Floats
from fitting.problem import FitProblem
from models.formula.formula import Formula
from models.formula.names import PREDICTOR


def first_undefined(objective: Objective, problem: FitProblem, params: Floats) -> str:
    """As in x = 0 or the bin from 0 to 1; nothing where all or none of the data are such."""
    data = problem.data
    # a fit that has estimated its starts has this compiled already
    predicted = objective.jacobian(params)[0]
    if isinstance(data, Histogram):
        expected, counts = data.fitted(predicted), data.fitted_counts
        defined = np.isfinite(expected)
        if defined.all():
            defined = (expected > 0) | ((expected == 0) & (counts == 0))
        edges = data.intervals
        told = "the bin from {:g} to {:g}"
    else:
        defined = np.isfinite(predicted[: data.size])
        edges = np.atleast_2d(data.x)[:, data.inside].T
        model = problem.model
        names = model.predictors if isinstance(model, Formula) else (PREDICTOR,)
        told = " and ".join(f"{name} = {{:g}}" for name in names)
    if defined.all() or not defined.any():
        return ""
    return told.format(*edges[np.argmin(defined)])
