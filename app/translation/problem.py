"""From a valid request to a `FitProblem`: the words of the API to those of the library."""

from collections.abc import Sequence

import numpy as np

from app.errors import InvalidRequest
from app.schemas.batches import PointsBatchRequest
from app.schemas.requests import (
    Asked,
    FitRequest,
    HistogramRequest,
    ParameterSettings,
    PointsRequest,
)
from app.settings import Settings
from app.translation import points
from app.translation.build import build_model
from app.translation.predictors import model_in_columns
from app.translation.refusals import refuse_many, refuse_unknown
from fitting.data import Data, Histogram
from fitting.errors import InvalidProblem, Path
from fitting.problem import FitProblem, Knowledge, with_ends
from models.model import Model


def to_problem(request: FitRequest, settings: Settings) -> FitProblem:
    """The question that a request asks; InvalidRequest says what is wrong with it."""
    model = to_model(request, settings)
    names = [p.name for p in model.parameters]
    try:
        data = to_data(request, model, settings)
        refuse_large(model, data.size, settings)
        knowledge = with_ends(model, data, to_knowledge(request, names))
        return FitProblem(
            model=model,
            data=data,
            knowledge=knowledge,
            absolute_sigma=is_absolute(request),
            minos=to_minos(request, names, knowledge, settings),
        )
    except InvalidProblem as invalid:
        raise InvalidRequest(
            [(as_sent(path, request, model), m) for path, m in invalid.problems]
        ) from invalid


def as_sent(path: Path, request: FitRequest, model: Model) -> Path:
    """A path into the problem as a path into the body."""
    match path:
        case ("edges" | "counts", *_):
            return ("histogram", *path)
        case ("parameters", *_):
            return of_parameter(path, request)
        case ("minos", name) if isinstance(request.minos, list):
            return ("minos", request.minos.index(str(name)))
    return points.as_sent(path, request, model) if isinstance(request, PointsRequest) else path


def of_parameter(path: Path, request: Asked) -> Path:
    """The same of a path to what is known of a parameter: a start may be all that was sent."""
    settings = isinstance(request.parameters.get(str(path[1])), ParameterSettings)
    return path if settings else path[:2]


def to_model(request: FitRequest, settings: Settings) -> Model:
    """The model, of whatever size."""
    if isinstance(request, PointsRequest) and isinstance(request.x, dict):
        return model_in_columns(request, settings)
    return build_model(request.model, settings)


def refuse_large(model: Model, entries: int, settings: Settings) -> None:
    """InvalidRequest for a model that is beyond the limits, for data of so many entries."""
    parameters = len(model.declare())
    refuse_many(("model",), parameters, settings.max_parameters, "parameters")
    # a kernel holds the derivative of each entry by each parameter
    slopes, what = parameters * entries, "parameters times bins or points"
    refuse_many(("model",), slopes, settings.max_slopes, what)


def to_data(request: FitRequest, model: Model, settings: Settings) -> Data:
    """The data, within the limits."""
    if isinstance(request, PointsRequest):
        return points.to_points(request, model, settings)
    assert isinstance(request, HistogramRequest)
    ranges = points.to_ranges(request.fit_range)
    counts = request.histogram.counts
    refuse_many(("histogram", "counts"), len(counts), settings.max_bins)
    return Histogram(np.asarray(request.histogram.edges), np.asarray(counts), ranges)


def to_knowledge(request: Asked, names: list[str]) -> tuple[Knowledge, ...]:
    """What the client says of each parameter."""
    refuse_unknown(((("parameters", name), name) for name in request.parameters), names)
    return tuple(to_known(request.parameters.get(name)) for name in names)


def to_known(spec: ParameterSettings | float | None) -> Knowledge:
    """One entry of `parameters`."""
    if not isinstance(spec, ParameterSettings):
        return Knowledge(start=spec)
    known = spec.constraint
    constraint = None if known is None else (known.value, known.sigma)
    return Knowledge(spec.start, spec.limits, spec.fixed, constraint)


def to_minos(
    request: FitRequest, names: list[str], knowledge: Sequence[Knowledge], settings: Settings
) -> tuple[str, ...]:
    """The names whose intervals are wanted, each once; true: those of all free parameters."""
    if isinstance(request.minos, list):
        refuse_many(("minos",), len(request.minos), settings.max_parameters, "names")
        refuse_unknown(((("minos", i), name) for i, name in enumerate(request.minos)), names)
        return tuple(dict.fromkeys(request.minos))
    free = (name for name, known in zip(names, knowledge, strict=True) if not known.fixed)
    return tuple(free) if request.minos else ()


def is_absolute(request: Asked) -> bool:
    """Whether the errors of the data are known absolutely."""
    if not isinstance(request, PointsRequest | PointsBatchRequest):
        return True
    if request.y_err is None and request.absolute_sigma:
        raise InvalidRequest(
            [(("absolute_sigma",), "true needs y_err: without it no error is known")]
        )
    given = request.absolute_sigma
    return request.y_err is not None if given is None else given
