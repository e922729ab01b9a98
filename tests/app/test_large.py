"""What is too large for a worker, or asks too much of it."""

from typing import Any

import pytest

from app.batch.translate import to_batch
from app.errors import InvalidRequest
from app.schemas.batches import HistogramBatchRequest, PointsBatchRequest
from app.schemas.requests import HistogramRequest, PointsRequest
from app.settings import Settings
from app.translation.problem import to_problem

EDGES, COUNTS = [0, 1, 2, 3, 4, 5, 6], [1, 5, 9, 4, 2, 1]
HISTOGRAM = HistogramRequest.model_validate(
    {"histogram": {"edges": EDGES, "counts": COUNTS}, "model": "gaussian"}
)
HISTOGRAMS = HistogramBatchRequest.model_validate(
    {"edges": EDGES, "counts": [COUNTS] * 3, "model": "gaussian"}
)
POINTS = PointsRequest.model_validate({"x": COUNTS, "y": EDGES[1:], "model": "linear"})
SETS = PointsBatchRequest.model_validate({"x": COUNTS, "y": [EDGES[1:]] * 3, "model": "linear"})


@pytest.mark.parametrize(
    ("one", "many", "parameters", "changes", "entries"),
    [
        (HISTOGRAM, HISTOGRAMS, 3, {}, 6),
        (HISTOGRAM, HISTOGRAMS, 3, {"fit_range": (1.0, 6.0)}, 5),
        (POINTS, SETS, 2, {}, 6),
        (POINTS, SETS, 2, {"fit_range": (1.0, 5.0)}, 5),
    ],
    ids=["histogram", "range of a histogram", "points", "range of points"],
)
def test_a_batch_may_have_as_many_bins_or_points_as_a_fit(
    one: Any, many: Any, parameters: int, changes: dict[str, Any], entries: int
) -> None:
    one, many = one.model_copy(update=changes), many.model_copy(update=changes)
    product = parameters * entries
    for ask, request in ((to_problem, one), (to_batch, many)):
        ask(request, Settings(max_slopes=product))
        with pytest.raises(InvalidRequest, match=f"{product} parameters times bins or points"):
            ask(request, Settings(max_slopes=product - 1))


def test_intervals_are_asked_for_once_each_and_not_without_end() -> None:
    request = HISTOGRAM.model_copy(update={"minos": ["mu", "sigma", "mu"]})
    assert to_problem(request, Settings(max_parameters=3)).minos == ("mu", "sigma")
    request = HISTOGRAM.model_copy(update={"minos": ["mu"] * 4})
    with pytest.raises(InvalidRequest) as refused:
        to_problem(request, Settings(max_parameters=3))
    assert refused.value.errors == [(("minos",), "4 names; at most 3 are allowed")]
