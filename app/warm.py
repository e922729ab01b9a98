"""The usual kernels: every shape of the catalogue at the usual lengths, before clients come."""

from app.catalogue import example_histogram, example_points
from app.schemas.requests import HistogramRequest, PointsRequest
from app.settings import Settings
from app.translate import to_problem
from app.workers.tasks import Task, WarmTask
from models.registry import SHAPES

BINS = (20, 50, 100, 1000)
POINTS = (20, 50)


def warm_up_tasks(settings: Settings) -> list[Task]:
    """Fits that leave each worker with the kernels that most clients need."""
    requests = [
        HistogramRequest.model_validate(example_histogram(name, bins), strict=False)
        for name in SHAPES
        for bins in BINS
        if bins <= settings.max_bins
    ] + [
        PointsRequest.model_validate(request, strict=False)
        for name in SHAPES
        for points in POINTS
        if points <= settings.max_points
        for request in with_and_without_x_err(example_points(name, points))
    ]
    return [WarmTask(to_problem(request, settings)) for request in requests]


def with_and_without_x_err(request: dict[str, object]) -> list[dict[str, object]]:
    """Both costs of points."""
    return [request, {k: v for k, v in request.items() if k != "x_err"}]
