"""Who has the server's whole deadline is not told to ask for more of it."""

import json
import zlib
from dataclasses import replace

import numpy as np
import pytest

from app.batch.dealer import LATE
from app.deadlines import more_time, tell
from app.jobs.chunk import to_lines, to_request
from app.schemas.kinds import HISTOGRAM
from app.schemas.requests import PointsRequest
from app.settings import Settings
from app.translation.problem import to_problem
from fitting.batch.result import STATUSES, BatchResult
from fitting.result import killed
from fitting.status import FitWarning, Status
from tests.app.test_jobs import COUNTS, HEAD, question

BODY = {"x": [1, 2, 3], "y": [1, 2, 3], "model": "linear"}
MOST = "30 seconds are the most that this server gives, whatever deadline_s is."


@pytest.mark.parametrize(
    ("deadline_s", "words"),
    [
        (5.0, "deadline_s may be up to 30 seconds here."),
        (None, MOST),
        (30.0, MOST),
        (5000.0, MOST),
    ],
)
def test_more_time_is_promised_where_there_is_some(deadline_s: float | None, words: str) -> None:
    asked = PointsRequest.model_validate(BODY | {"deadline_s": deadline_s})
    assert more_time(asked, Settings(deadline_s=30.0)) == words


def test_it_is_told_where_time_was_missing_and_nowhere_else() -> None:
    problem = to_problem(PointsRequest.model_validate(BODY), Settings())
    late = killed(problem, waiting=False)
    assert tell(late, MOST).message == f"{late.message} {MOST}"
    warnings = (FitWarning("deadline", "No time."), FitWarning("poor-fit", "Poor."))
    done = replace(late, status=Status.CONVERGED, message="Done.", warnings=warnings)
    told = tell(done, MOST)
    assert told.message == "Done."
    assert [w.message for w in told.warnings] == [f"No time. {MOST}", "Poor."]
    assert np.array_equal(told.values, done.values, equal_nan=True)


def test_each_row_of_a_job_is_told_so_but_not_to_send_fewer_or_a_job() -> None:
    head = HISTOGRAM.head.model_validate_json(HEAD[:-1] + b', "deadline_s": 5}')
    batch = question(COUNTS)
    result = BatchResult.empty(batch, covariance=False)
    result.status[:], result.message[:] = STATUSES.index(Status.UNDETERMINED), "Too many."
    result.status[1], result.message[1] = STATUSES.index(Status.DEADLINE), LATE
    request = to_request(HISTOGRAM, head, {"counts": COUNTS})
    lines = zlib.decompress(to_lines(request, batch, result, 0, Settings(deadline_s=30.0)))
    told = [json.loads(line)["message"] for line in lines.splitlines()]
    late = f"{LATE} deadline_s may be up to 30 seconds here."
    assert told == ["Too many.", late, "Too many.", "Too many."]
    assert "rows" not in late


def test_what_had_to_be_killed_is_not_said_to_compile_where_it_was_compiled() -> None:
    problem = to_problem(PointsRequest.model_validate(BODY), Settings())
    unknown, known = (killed(problem, waiting=False, compiled=c) for c in (False, True))
    assert "Compiling the model, or evaluating it once" in unknown.message
    assert "Evaluating the model once" in known.message
    assert "ompiling" not in known.message
