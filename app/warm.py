"""The usual kernels, at the usual lengths, before clients come.

The other shapes are compiled when first asked for, and found on disk ever after: a start that
compiled them all would take minutes.
"""

from app.catalogue import example_histogram, example_points
from app.schemas.requests import HistogramRequest, PointsRequest
from app.settings import Settings
from app.translate import to_problem
from app.workers.tasks import Task, WarmTask

USUAL = ("gaussian", "exponential", "polynomial")
BINS = (20, 50, 100, 1000)
POINTS = (20, 50)


def warm_up_tasks(settings: Settings) -> list[Task]:
    """Fits that leave each worker with the kernels that most clients need."""
    requests = [
        HistogramRequest.model_validate(example_histogram(name, bins), strict=False)
        for name in USUAL
        for bins in BINS
        if bins <= settings.max_bins
    ] + [
        PointsRequest.model_validate(request, strict=False)
        for name in USUAL
        for points in POINTS
        if points <= settings.max_points
        for request in with_and_without_x_err(example_points(name, points))
    ]
    return [WarmTask(to_problem(request, settings)) for request in requests]


def with_and_without_x_err(request: dict[str, object]) -> list[dict[str, object]]:
    """Both costs of points."""
    return [request, {k: v for k, v in request.items() if k != "x_err"}]
