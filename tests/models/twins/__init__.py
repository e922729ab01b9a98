"""Independent twins of the shapes: SciPy and NumPy for numbers, mpmath for derivatives.

To add a shape, add its twin to the `TWINS` of a file here: a shape without one fails
`test_every_model`.
"""

import pytest

from tests.models.twins import basic, curves, hard_peaks, on_a_range, optics, peaks

SCIPY_TWINS = {
    **basic.TWINS,
    **curves.TWINS,
    **hard_peaks.TWINS,
    **on_a_range.TWINS,
    **optics.TWINS,
    **peaks.TWINS,
}


def every_sixth(names):
    """Of the shapes; `make test-full` alone tries the others, and heavy ones."""
    return [
        pytest.param(name, marks=[pytest.mark.slow] if i % 6 or SCIPY_TWINS[name].heavy else [])
        for i, name in enumerate(names)
    ]


def sparing(rows, dear=()):
    """Rows (name, ...) of a table of tests: `make test-full` alone tries them on heavy shapes.

    And on those that are `dear` in this test.
    """

    def marks(name):
        return [pytest.mark.slow] if SCIPY_TWINS[name].heavy or name in dear else []

    return [pytest.param(*row, marks=marks(row[0])) for row in rows]
