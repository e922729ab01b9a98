"""Numbers of any size that a double can have: there is always an answer, or a refusal, never a 500.

In process, without HTTP: what a worker makes of a request, and the answer that is made of that.
"""

import contextlib
import time
from collections import Counter
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from app.batch.answer import to_bytes, to_columns
from app.batch.translate import to_batch
from app.errors import Problem
from app.schemas.batches import HistogramBatchRequest, PointsBatchRequest
from app.schemas.requests import HistogramRequest, PointsRequest
from app.settings import Settings
from app.translation.answer import to_answer
from app.translation.problem import to_problem
from app.workers.tasks import DONE, LATE, BatchTask, CovarianceTask, FitTask, attempt
from fitting.batch.rows import mean_of
from fitting.data import Histogram, Points
from fitting.errors import NO_NUMBER
from fitting.padding import Floats
from fitting.search.coarse import coarsen
from fitting.search.features import Outline, few_candidates, many_candidates
from models.registry import SHAPES
from tests.examples import Body, polynomial, replaced
from tests.fitting.problems import KERNELS

SETTINGS = Settings()
DEADLINE_S = 0.5
MODELS: list[Any] = [
    "gaussian",
    polynomial(1),
    {"formula": "a*exp(-x/tau)"},
    "exponential",
    polynomial(3),
    {"sum": [{"name": "gaussian", "prefix": "s_"}, {"name": "exponential", "prefix": "b_"}]},
]
MANY = 200
LIMITS = [0.0, 1.0, -1.0, 5e-324, 1e-320, 2.2e-308, 1.7e308, -1.7e308]


class Requests:
    """Random requests; each array has magnitudes in a style of its own.

    `many` is the share of those with so many entries that starts are read off merged ones.
    """

    def __init__(self, seed: int, models: int = len(MODELS), many: float = 0.0):
        self.rng = np.random.default_rng(seed)
        self.models = models
        self.many = many

    def size(self, least: int) -> int:
        return MANY if self.rng.random() < self.many else int(self.rng.integers(least, least + 10))

    def numbers(self, size: int) -> Floats:
        rng, everywhere = self.rng, (-308.0, 308.0)
        styles = [
            lambda: 10 ** rng.uniform(*everywhere, size) * rng.choice([-1, 1], size),
            lambda: 10 ** rng.uniform(*everywhere) * rng.normal(size=size),
            lambda: 10 ** rng.uniform(-160, 160) * rng.uniform(0.5, 2, size),
            lambda: rng.choice(LIMITS, size),
            lambda: rng.normal(size=size),
        ]
        found = np.asarray(styles[rng.integers(len(styles))](), dtype=float)
        return np.where(np.isfinite(found), found, 1.0)

    def positive(self, size: int) -> Floats:
        found = np.abs(self.numbers(size))
        return np.where(found > 0, found, 1.0)

    def model(self) -> Any:
        return MODELS[self.rng.integers(self.models)]

    def points(self, rows: int) -> Body:
        size = self.size(3)
        y = [self.numbers(size).tolist() for _ in range(max(rows, 1))]
        body = {"x": self.numbers(size).tolist(), "y": y if rows else y[0], "model": self.model()}
        if self.rng.random() < 0.8:
            body |= {"y_err": self.positive(size).tolist(), "absolute_sigma": bool(rows % 2)}
        if self.rng.random() < 0.3:
            kind = ["classical", "berkson"][self.rng.integers(2)]
            body |= {"x_err": np.abs(self.numbers(size)).tolist(), "x_error_model": kind}
        return body

    def histogram(self, rows: int) -> Body:
        edges = np.unique(self.numbers(self.size(4)))
        size = max(len(edges) - 1, 1)
        counts = [np.abs(self.numbers(size)).tolist() for _ in range(max(rows, 1))]
        if rows:
            return {"edges": edges.tolist(), "counts": counts, "model": self.model()}
        data = {"edges": edges.tolist(), "counts": counts[0]}
        return {"histogram": data, "model": self.model(), "minos": bool(self.rng.random() < 0.2)}

    def parameters(self, names: tuple[str, ...]) -> Body:
        ways = (
            lambda: float(self.numbers(1)[0]),
            lambda: {"start": float(self.numbers(1)[0]), "fixed": True},
            lambda: {"limits": sorted(self.numbers(2).tolist())},
            lambda: {"constraint": {"value": 1.0, "sigma": float(self.positive(1)[0])}},
        )
        asked = [name for name in names if self.rng.random() < 0.5]
        return {name: ways[self.rng.integers(len(ways))]() for name in asked}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_starts_of_every_shape_are_found_or_there_is_no_number() -> None:
    """What they raise besides, nobody would catch."""
    requests = Requests(3, many=0.2)
    for _ in range(300):
        size = requests.size(1)
        x, y, y_err = (requests.numbers(size), requests.numbers(size), requests.positive(size))
        edges = np.unique(requests.numbers(size + 3))
        counts = np.abs(requests.numbers(len(edges) - 1))
        x_err = np.abs(requests.numbers(size)) * (requests.rng.random() < 0.5)
        for data in (Points(x, y, x_err, y_err).softened(), Histogram(edges, counts)):
            outline = Outline.of(coarsen(data))
            few = few_candidates(outline, squared=isinstance(data, Points))
            for features in (few, many_candidates(outline)):
                for shape in SHAPES.values():
                    with contextlib.suppress(*NO_NUMBER):
                        list(shape().starts(features))


def answer_fit(body: Body, requests: Requests) -> str:
    """How a fit ends, and that all of its answer can be sent."""
    kind = "histogram" if "histogram" in body else "xy-errors"
    schema = HistogramRequest if kind == "histogram" else PointsRequest
    problem = to_problem(schema.model_validate(body, strict=False), SETTINGS)
    if requests.rng.random() < 0.3:
        body = replaced(body, ("/parameters", requests.parameters(problem.names)))
        problem = to_problem(schema.model_validate(body, strict=False), SETTINGS)
    deadline = time.monotonic() + DEADLINE_S
    how, result = attempt(FitTask(problem, deadline), KERNELS, lambda: None)
    if how == LATE:
        return how
    assert how == DONE, f"{result}\n{body}"
    to_answer(
        fit_id="fit",
        created=0.0,
        kind=kind,
        model=body["model"],
        problem=problem,
        result=result,
        queue_s=0.0,
        total_s=0.0,
    ).model_dump_json()
    for method in ("autodiff", "hesse", "gauss-newton") if np.isfinite(result.values).all() else ():
        until = time.monotonic() + DEADLINE_S
        task: Any = CovarianceTask(problem, result.values, False, method, 1.0, until)
        how, covariance = attempt(task, KERNELS, lambda: None)
        assert how in (DONE, LATE), f"{method}\n{covariance}\n{body}"
    return str(result.status)


def answer_batch(body: Body) -> str:
    """The same of a batch."""
    schema = PointsBatchRequest if "y" in body else HistogramBatchRequest
    asked = schema.model_validate(body, strict=False)
    batch = to_batch(asked, SETTINGS)
    alone, deadline = np.zeros(len(batch), dtype=bool), time.monotonic() + DEADLINE_S
    task = BatchTask(batch, alone, None, True, deadline)
    how, result = attempt(task, KERNELS, lambda: None)
    assert how == DONE, f"{result}\n{body}"
    to_bytes(to_columns(asked, batch, result, {"total": 0.0}))
    return "batch"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_rows_whose_sum_is_infinite() -> None:
    """Their mean, where the rows begin, was infinite with it."""
    x, y = [0.0, 1.0, 2.0, 2.0, 2.0], [1.0, 2.0, 3.0, -1.7e308, 2.0]
    assert answer_batch({"x": x, "y": [y, y], "y_err": 1.0, "model": "gaussian"})
    rows = np.array([[1.7e308, -1.7e308, 1.0], [1.7e308, -1.7e308, 2.0]])
    np.testing.assert_array_equal(mean_of(rows), [1.7e308, -1.7e308, 1.5])


@pytest.mark.parametrize(
    ("seed", "number", "models", "many"),
    [(1, 30, 3, 0.0), pytest.param(2, 1000, len(MODELS), 0.1, marks=pytest.mark.slow)],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_numbers_of_any_size_have_an_answer(
    seed: int, number: int, models: int, many: float
) -> None:
    requests, ends = Requests(seed, models, many), Counter[str]()
    for _ in range(number):
        rows = max(int(requests.rng.integers(-6, 4)), 0)
        points = requests.rng.random() < 0.6
        body = (requests.points if points else requests.histogram)(rows)
        try:
            ends[answer_batch(body) if rows else answer_fit(body, requests)] += 1
        except (ValidationError, Problem):
            ends["refused"] += 1
    assert ends.total() == number
    assert ends["refused"] < number / 2, ends
    assert {"converged", "undefined-cost", "batch"} <= set(ends), ends
