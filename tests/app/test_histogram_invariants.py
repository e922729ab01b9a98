"""What must not change the fit of a histogram, or must change it in a known way.

No oracle but the answers themselves: scaled counts, shifted axes, excluded bins.
"""

import numpy as np
import pytest

from tests.oracles import fit
from tests.oracles.histogram_cases import CASES, body

#: Two polished fits of the same problem differ by what remains of the last step, below 1e-8 errors.
SAME = 1e-7


def close(answer, values, errors, tolerance=SAME):
    assert answer["valid"] is True, answer["message"]
    for name, expected in values.items():
        distance = abs(answer["values"][name] - expected)
        assert distance < tolerance * errors[name] + 1e-15 * abs(expected), name
        assert answer["errors"][name] == pytest.approx(errors[name], rel=tolerance), name


@pytest.mark.parametrize("name", ["gaussian, 20 bins", "exponential", "gaussian + line", "cubic"])
def test_four_times_the_counts_halve_the_relative_errors(client, name):
    model, truth, edges, counts = CASES[name]
    one = fit(client, "histogram", body(model, edges, counts, truth))
    four = fit(client, "histogram", body(model, edges, 4 * counts, truth))
    sizes = [n for n in truth if n.split("_")[-1] == "amp" or n.split("_")[-1].startswith("c")]
    factor = {n: 4 if n in sizes else 1 for n in truth}
    values = {n: v * factor[n] for n, v in one["values"].items()}
    errors = {n: e * factor[n] / 2 for n, e in one["errors"].items()}
    close(four, values, errors)
    assert four["fval"] == pytest.approx(4 * one["fval"], rel=1e-12)  # a sum, rounded otherwise


@pytest.mark.parametrize("shift", [10.0, -10.0, 1024.0])
def test_shifting_x_shifts_mu(client, shift):
    model, _, edges, counts = CASES["gaussian, 20 bins"]  # edges at halves: exact when shifted
    here = fit(client, "histogram", body(model, edges, counts))
    there = fit(client, "histogram", body(model, edges + shift, counts))
    close(there, here["values"] | {"mu": here["values"]["mu"] + shift}, here["errors"])


def test_exponential_on_shifted_edges(client):
    """A decay has no memory: later by d, the same counts mean amp * exp(d / tau), the same tau."""
    model, _, _, counts = CASES["exponential"]
    edges = np.arange(len(counts) + 1) / 4
    here = fit(client, "histogram", body(model, edges, counts))
    there = fit(client, "histogram", body(model, edges + 1, counts))
    tau, amp = here["values"]["tau"], here["values"]["amp"] * np.exp(1 / here["values"]["tau"])
    error = there["errors"]["amp"]
    close(there, {"tau": tau, "amp": amp}, {"tau": here["errors"]["tau"], "amp": error})
    # amp' = amp * exp(1/tau): the errors propagate with dlog(amp')/dtau = -1/tau^2
    c = np.array(here["covariance"]["matrix"])
    j = amp * np.array([1 / here["values"]["amp"], -1 / tau**2])
    assert error == pytest.approx(np.sqrt(j @ c @ j), rel=1e-6)


@pytest.mark.parametrize("extra", [1, 7, 300])
@pytest.mark.parametrize("name", ["gaussian, 20 bins", "gaussian + line"])
def test_excluded_bins_change_no_digit(client, name, extra):
    """Extra bins outside fit_range, with counts in them, are padding and nothing else."""
    model, truth, edges, counts = CASES[name]
    width = edges[1] - edges[0]
    longer = np.concatenate([edges, edges[-1] + width * np.arange(1, extra + 1)])
    request = body(model, longer, np.concatenate([counts, np.full(extra, 5)]), truth)
    plain = fit(client, "histogram", body(model, edges, counts, truth))
    padded = fit(client, "histogram", request | {"fit_range": [edges[0], edges[-1]]})
    assert padded["fval"] == pytest.approx(plain["fval"], rel=1e-12)
    for n, value in plain["values"].items():
        # 1e-12, and the rounding of the last Newton step, which is in proportion to the error
        allowed = 1e-12 * abs(value) + 1e-10 * plain["errors"][n]
        assert abs(padded["values"][n] - value) < allowed, n
        assert padded["errors"][n] == pytest.approx(plain["errors"][n], rel=1e-10)
    assert padded["goodness_of_fit"]["ndof"] == plain["goodness_of_fit"]["ndof"]


def test_the_order_of_components_is_only_an_order(client):
    model, truth, edges, counts = CASES["gaussian + line"]
    turned = {"sum": model["sum"][::-1]}
    one = fit(client, "histogram", body(model, edges, counts, truth))
    other = fit(client, "histogram", body(turned, edges, counts, truth))
    close(other, one["values"], one["errors"])
    assert list(other["values"]) == ["b_c0", "b_c1", "s_amp", "s_mu", "s_sigma"]


def test_two_requests_one_answer(client):
    model, _, edges, counts = CASES["gaussian, 40 events"]
    request = body(model, edges, counts)
    one, other = fit(client, "histogram", request), fit(client, "histogram", request)
    assert one["values"] == other["values"]
    assert one["covariance"] == other["covariance"]
    assert one["fit_id"] != other["fit_id"]
