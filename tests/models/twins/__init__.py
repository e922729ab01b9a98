"""Independent twins of the shapes: SciPy and NumPy for numbers, mpmath for derivatives.

To add a shape, add its twin to the `TWINS` of a file here: a shape without one fails
`test_every_model`.
"""

from tests.models.twins import basic

SCIPY_TWINS = {**basic.TWINS}
