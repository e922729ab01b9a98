"""Errors of a batch where the curvature changes fast, against derivatives in fifty digits."""

import mpmath
import numpy as np

from fitting.batch.fit import fit_batch
from fitting.batch.rows import HistogramRows
from models.shapes.argus import Argus
from tests.fitting.problems import KERNELS
from tests.fitting.test_batch import batch
from tests.models.twins import SCIPY_TWINS
from tests.models.twins.twin import exact_derivatives

EDGES = np.linspace(0.0, 6.41, 31)
COUNTS = "2 3 7 7 10 11 8 13 20 23 16 12 27 17 28 24 22 21 24 30 23 21 14 11 1 0 0 0 0 0"


def exact_errors(counts, params):
    area = SCIPY_TWINS["argus"].exact_integral
    bins = [(a, b, n) for a, b, n in zip(EDGES[:-1], EDGES[1:], counts, strict=True) if n]

    def cost(amp, chi, c):  # all events lie below c, so that amp is what is expected in all
        return 2 * (amp - sum(n * mpmath.log(area(a, b, amp, chi, c)) for a, b, n in bins))

    hessian = exact_derivatives(cost, params)[1]
    return np.sqrt(np.diag(np.linalg.inv(hessian / 2)))


def test_errors_are_good_to_five_digits_where_they_change_fast():
    """They were those of before the last step, short as it was, off by more than 1e-5."""
    counts = np.array(COUNTS.split(), dtype=float)
    rows = np.random.default_rng(3).poisson(counts, (39, len(counts)))
    found = fit_batch(batch(Argus(), HistogramRows(EDGES, rows.astype(float))), KERNELS)
    asked = np.flatnonzero(~found.alone & (found.status == 0))[:5]
    assert len(asked) == 5
    for row in asked:
        exact = exact_errors(rows[row], found.values[row])
        np.testing.assert_allclose(found.errors[row], exact, rtol=5e-6)
