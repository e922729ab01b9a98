"""Places for the rows of a batch, chosen from columns that are written down."""

import numpy as np

from fitting.batch.library import Library


def test_the_best_places_of_a_row_are_unlike_each_other():
    """Of columns e0, nearly e0, e1 and e2 the second is left out, though it explains as much."""
    near = np.array([1.0, 0.01, 0.0])
    columns = np.stack([[1.0, 0, 0], near, [0, 1.0, 0], [0, 0, 1.0]], axis=1)[..., None]
    places = 4
    library = Library(
        points=np.stack([np.zeros(places), np.arange(places)], axis=1).astype(float),
        linear=np.array([0]),
        columns=columns,
        offset=np.zeros((3, places)),
        alike=np.eye(places, dtype=bool) | (np.add.outer(range(places), range(places)) == 1),
        bounds=(np.array([-np.inf]), np.array([np.inf])),
        targets=np.array([[3.0, 0.0, 2.0], [0.0, 3.0, 2.0]]),
        weights=np.ones((1, 3)),
    )
    first, second, third, none = library.best()
    np.testing.assert_allclose(first, [[3, 0], [3, 2]])
    np.testing.assert_allclose(second, [[2, 3], [2, 3]])
    np.testing.assert_allclose(third, [[0, 2], [0.03 / (near @ near), 1]])
    assert np.isnan(none).all()
