"""What the fractions of a mixture leave to its last term: told where it is less than nothing."""

import numpy as np
import pytest

from fitting.data import Histogram
from fitting.problem import Knowledge
from models.composition.mixture import Mixture, negative_shares
from models.composition.sum import Sum
from models.shapes.exponential import Exponential
from models.shapes.gaussian import Gaussian
from models.shapes.polynomial import Polynomial
from models.shapes.uniform import Uniform
from tests.fitting.problems import expected, solve

THREE = Mixture((Gaussian(prefix="g_"), Exponential(prefix="b_"), Uniform(prefix="u_")))
EDGES = np.linspace(0, 10, 41)
ENDS = {"u_low": Knowledge(0.0, fixed=True), "u_high": Knowledge(10.0, fixed=True)}


def parameters(last):
    """In the model's order, `last` left to the uniform, whose range is that of the data."""
    given = {"amp": 1e5, "g_fraction": 0.3, "b_fraction": 0.7 - last, "g_mu": 4.0, "g_sigma": 0.5}
    given |= {"b_tau": 3.0, "u_low": 0.0, "u_high": 10.0}
    return [given[p.name] for p in THREE.parameters]


@pytest.mark.parametrize("last", [-0.04, 0.04])
def test_a_negative_share_is_told(last):
    counts = expected(THREE, EDGES, parameters(last))
    found = solve(THREE, Histogram(EDGES, counts), **ENDS)
    assert found.valid
    np.testing.assert_allclose(found.values, parameters(last), rtol=1e-6)
    told = [w.message for w in found.warnings if w.code == "negative-fraction"]
    assert len(told) == (last < 0)
    assert all("g_fraction, b_fraction" in message and "-0.04" in message for message in told)


def test_so_inside_a_sum():
    whole = Sum((Polynomial(degree=0), THREE))
    ((mixture, share),) = negative_shares(whole, [7.0, *parameters(-0.1)])
    assert mixture == THREE
    assert share == pytest.approx(-0.1)
    assert not list(negative_shares(whole, [7.0, *parameters(0.0)]))
