"""Small requests that are right as they stand, and what every refusal has to look like.

Tests take a body from here and change one place with `replaced`, so that what makes it wrong is
the only thing to read.
"""

import copy
import re
from typing import Any

import httpx
import numpy as np

HISTOGRAM = "/fit/histogram"
XY_ERRORS = "/fit/xy-errors"

Body = dict[str, Any]


def histogram_body(sample: np.ndarray, bins: int | np.ndarray, model: Any) -> Body:
    counts, edges = np.histogram(sample, bins=bins)
    return {"histogram": {"edges": edges.tolist(), "counts": counts.tolist()}, "model": model}


def polynomial(degree: int, prefix: str | None = None) -> Body:
    options = {} if prefix is None else {"prefix": prefix}
    return {"name": "polynomial", "degree": degree, **options}


def gaussian_bins(bins: int, events: int = 2000) -> Body:
    """A unit Gaussian in `bins` bins on [-4, 4]."""
    sample = np.random.default_rng(2).normal(size=events)
    return histogram_body(sample, np.linspace(-4, 4, bins + 1), "gaussian")


def points(n: int, degree: int, seed: int = 3) -> Body:
    """`n` points on a straight line with y errors, to be fitted by any polynomial."""
    x = np.linspace(-1, 1, n)
    y = 2 + x + np.random.default_rng(seed).normal(0, 0.1, n)
    return {"x": x.tolist(), "y": y.tolist(), "y_err": 0.1, "model": polynomial(degree)}


def _tutorial_points() -> Body:
    x = np.linspace(-4, 7, 30)
    y = np.polyval([1, 2, 3], x)
    rng = np.random.default_rng(seed=1)
    x += rng.normal(0, 0.5, len(x))
    y += rng.normal(0, 5, len(x))
    return {"x": x.tolist(), "y": y.tolist(), "x_err": 0.5, "y_err": 5, "model": polynomial(2)}


def _peak_on_decay() -> Body:
    rng = np.random.default_rng(4)
    sample = np.concatenate([rng.exponential(4, 3000), rng.normal(5, 0.5, 800)])
    model = {
        "sum": [
            {"name": "gaussian", "prefix": "sig_"},
            {"name": "exponential", "prefix": "bkg_"},
        ]
    }
    return histogram_body(sample, np.linspace(0, 10, 51), model)


TUTORIAL_HISTOGRAM = histogram_body(np.random.default_rng(1).normal(size=10000), 1000, "gaussian")
TUTORIAL_POINTS = _tutorial_points()
GAUSSIAN_50 = gaussian_bins(50)
PEAK_ON_DECAY = _peak_on_decay()
DECAY = histogram_body(
    np.random.default_rng(5).exponential(2, 2000), np.linspace(0, 8, 41), "exponential"
)
STRAIGHT_LINE: Body = {
    "x": [1.1, 1.9, 3.2, 3.8, 5.1, 6.0, 6.9, 8.2],
    "y": [3.2, 4.9, 7.1, 8.8, 11.2, 12.9, 15.1, 16.8],
    "x_err": [0.1, 0.1, 0.2, 0.1, 0.1, 0.2, 0.1, 0.1],
    "y_err": 0.2,
    "model": polynomial(1),
}
SMALL_HISTOGRAM: Body = {
    "histogram": {
        "edges": [-3, -2, -1, 0, 1, 2, 3],
        "counts": [4, 21, 68, 70, 20, 5],
    },
    "model": "gaussian",
}


def escaped(name: str) -> str:
    """A name as one step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def steps(pointer: str) -> list[str]:
    """The steps of a JSON pointer, unescaped."""
    assert pointer == "" or pointer.startswith("/"), f"{pointer!r} is no JSON pointer"
    assert not re.search(r"~(?![01])", pointer), f"{pointer!r} has an escape that RFC 6901 lacks"
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def at(body: Any, pointer: str) -> Any:
    """What the pointer points to; KeyError or IndexError if there is nothing."""
    for step in steps(pointer):
        body = body[int(step)] if isinstance(body, list) else body[step]
    return body


def replaced(body: Body, *changes: tuple[str, Any]) -> Body:
    """A copy with the value at each pointer set; a step that is not there yet is made."""
    changed = copy.deepcopy(body)
    for pointer, value in changes:
        *path, last = steps(pointer)
        place: Any = changed
        for step in path:
            place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
        if isinstance(place, list):
            place[int(last)] = value
        else:
            place[last] = value
    return changed


def without(body: Body, pointer: str) -> Body:
    """A copy that lacks the field at the pointer."""
    changed = copy.deepcopy(body)
    parent, _, last = pointer.rpartition("/")
    del at(changed, parent)[last]
    return changed


def fitted(response: httpx.Response) -> Body:
    """The answer to a request that was understood, converged or not."""
    assert response.status_code == 200, response.text[:2000]
    answer: Body = response.json()
    return answer


def refused(response: httpx.Response, *statuses: int) -> Body:
    """The problem (RFC 9457) that the service answered with, checked for everything it must be."""
    assert response.status_code in statuses, f"{response.status_code}: {response.text[:2000]}"
    assert response.headers["content-type"].split(";")[0] == "application/problem+json"
    assert len(response.content) < 8_000
    problem: Body = response.json()
    assert {"type", "title", "status", "detail"} <= problem.keys()
    assert problem["type"].startswith("/problems/")
    assert problem["status"] == response.status_code
    assert problem["title"]
    assert problem["detail"]
    errors = problem.get("errors", [])
    assert len(errors) <= 20
    # To say 'wrong' and not where would send the client to look for it.
    assert errors or response.status_code != 422
    for error in errors:
        assert {"pointer", "message"} <= error.keys()
        assert error["message"]
        steps(error["pointer"])
    return problem


def pointers(problem: Body) -> list[str]:
    return [error["pointer"] for error in problem.get("errors", [])]
