"""The service against published fits of histograms: data and numbers in `tests/oracles/published`.

Nothing with data, numbers and enough digits was found for the other densities (argus, beta,
cruijff, crystal_ball, exponentially_modified_gaussian, gamma, johnson_su, landau,
moyal, relativistic_breit_wigner, student_t, voigt, ...); what they are compared with is SciPy.
"""

import httpx
import pytest

from tests.examples import fitted
from tests.oracles.published import PUBLISHED


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_fit_is_found_again(client: httpx.Client, name: str) -> None:
    published = PUBLISHED[name]
    answer = fitted(client.post(published.path, json=published.body))
    assert answer["valid"] is True, answer["message"]
    for parameter, (value, tolerance) in published.values.items():
        assert answer["values"][parameter] == pytest.approx(value, rel=0, abs=tolerance), parameter
    for parameter, (error, tolerance) in published.errors.items():
        assert answer["errors"][parameter] == pytest.approx(error, rel=0, abs=tolerance), parameter
    if published.fval is not None:
        value, tolerance = published.fval
        assert answer["fval"] == pytest.approx(value, rel=0, abs=tolerance)
