"""Independent twins of the shapes: SciPy and NumPy for numbers, mpmath for derivatives.

To add a shape, add its twin to the `TWINS` of a file here: a shape without one fails
`test_every_model`.
"""

from tests.models.twins import basic, curves, hard_peaks, on_a_range, optics, peaks

SCIPY_TWINS = {
    **basic.TWINS,
    **curves.TWINS,
    **hard_peaks.TWINS,
    **on_a_range.TWINS,
    **optics.TWINS,
    **peaks.TWINS,
}
