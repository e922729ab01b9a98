"""Compositions and formulas over HTTP, against iminuit's own costs and the library's shapes."""

from typing import Any

import httpx
import numpy as np
import pytest
from iminuit import Minuit, cost
from scipy import stats

from app.examples import COMPOSITIONS
from tests.examples import (
    GAUSSIAN_50,
    HISTOGRAM,
    XY_ERRORS,
    Body,
    fitted,
    histogram_body,
    pointers,
    refused,
)

EDGES = np.linspace(0, 20, 61)
SIGNAL = {"name": "gaussian", "prefix": "s_"}
DECAY = {"name": "exponential", "prefix": "b_"}


def sample() -> "np.ndarray[Any, Any]":
    rng = np.random.default_rng(20)
    return np.concatenate([rng.normal(8, 0.7, 3000), rng.exponential(6, 9000)])


def request(model: Any, **more: Any) -> Body:
    return histogram_body(sample(), EDGES, model) | more


def fit(client: httpx.Client, model: Any, **more: Any) -> Body:
    answer = fitted(client.post(HISTOGRAM, json=request(model, **more)))
    assert answer["valid"] is True, answer["message"]
    return answer


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_every_composition_of_the_catalogue_runs_as_it_is(client: httpx.Client, name: str) -> None:
    answer = fitted(client.post(HISTOGRAM, json=COMPOSITIONS[name]["example"]))
    assert answer["valid"] is True
    assert answer["goodness_of_fit"]["p_value"] > 0.01


def test_fractions_are_iminuits_mixture(client: httpx.Client) -> None:
    def expected(edges, amp, fraction, mu, sigma, tau):  # type: ignore[no-untyped-def]
        signal, decay = stats.norm.cdf(edges, mu, sigma), stats.expon.cdf(edges, scale=tau)
        return amp * (fraction * signal + (1 - fraction) * decay)

    counts, _ = np.histogram(sample(), EDGES)
    twin = Minuit(
        cost.ExtendedBinnedNLL(counts, EDGES, expected),
        amp=12_000, fraction=0.3, mu=8, sigma=0.7, tau=6,
    )  # fmt: skip
    twin.tol = 1e-6
    twin.strategy = 2
    twin.migrad()
    twin.hesse()
    answer = fit(client, {"sum": [SIGNAL, DECAY], "fractions": True})
    assert list(answer["values"]) == ["amp", "s_fraction", "s_mu", "s_sigma", "b_tau"]
    for value, error, own, sigma in zip(
        answer["values"].values(), answer["errors"].values(), twin.values, twin.errors, strict=True
    ):
        assert value == pytest.approx(own, abs=1e-3 * sigma)
        assert error == pytest.approx(sigma, rel=1e-3)
    assert answer["fval"] == pytest.approx(twin.fval, rel=1e-6)


def test_a_sum_and_its_fractions_tell_the_same(client: httpx.Client) -> None:
    total = fit(client, {"sum": [SIGNAL, DECAY]})
    parts = fit(client, {"sum": [SIGNAL, DECAY], "fractions": True})
    assert parts["fval"] == pytest.approx(total["fval"], rel=1e-12)
    values = total["values"]
    amp = values["s_amp"] + values["b_amp"]
    assert parts["values"]["amp"] == pytest.approx(amp, rel=1e-9)
    assert parts["values"]["s_fraction"] == pytest.approx(values["s_amp"] / amp, rel=1e-9)


@pytest.mark.parametrize(
    ("formula", "model", "names"),
    [
        ("n*gaussian(x, m, s)", "gaussian", ("n", "m", "s")),
        (
            "n*gaussian(x, m, s) + b*exponential(x, t)",
            {"sum": [SIGNAL, DECAY]},
            ("n", "m", "s", "b", "t"),
        ),
        ("c0 + c1*x + c2*x^2", {"name": "polynomial", "degree": 2}, ("c0", "c1", "c2")),
    ],
)
def test_a_formula_is_the_shape_to_twelve_digits(
    client: httpx.Client, formula: str, model: Any, names: tuple[str, ...]
) -> None:
    own, library = fit(client, {"formula": formula}), fit(client, model)
    assert tuple(own["values"]) == names
    assert own["fval"] == pytest.approx(library["fval"], rel=1e-12)
    for key in ("values", "errors"):
        for one, other, error in zip(
            own[key].values(), library[key].values(), library["errors"].values(), strict=True
        ):
            assert one == pytest.approx(other, rel=1e-12, abs=1e-11 * error)


def test_a_written_gaussian_is_the_library_s_for_points(client: httpx.Client) -> None:
    x = np.linspace(-3, 4, 30)
    y = 10 * stats.norm.pdf(x, 0.5, 1.2) + np.random.default_rng(3).normal(0, 0.05, 30)
    points = {"x": x.tolist(), "y": y.tolist(), "y_err": 0.05, "x_err": 0.02}
    written = {"formula": "amp/(sigma*sqrt(2*pi))*exp(-0.5*((x - mu)/sigma)**2)"}
    own = fitted(client.post(XY_ERRORS, json=points | {"model": written}))
    library = fitted(client.post(XY_ERRORS, json=points | {"model": "gaussian"}))
    assert own["values"].keys() == library["values"].keys()
    for name, value in library["values"].items():
        assert own["values"][name] == pytest.approx(value, rel=1e-12)
        assert own["errors"][name] == pytest.approx(library["errors"][name], rel=1e-11)


def test_two_spellings_of_a_formula_share_a_kernel(client: httpx.Client) -> None:
    fit(client, {"formula": "a*exp(-x/tau) + 1.25*c"})
    answer = fit(client, {"formula": "(N * exp(-(x / T))) + level*1.25"})
    assert answer["kernel"]["cache"] == "memory"
    assert list(answer["values"]) == ["N", "T", "level"]


def test_another_template_of_the_same_size_compiles_nothing(client: httpx.Client) -> None:
    rng = np.random.default_rng(4)

    def model(bins: int) -> Body:
        counts, edges = np.histogram(rng.exponential(6, 400_000), bins, (0, 25))
        data = {"edges": edges.tolist(), "counts": counts.tolist()}
        return {"sum": [SIGNAL, {"template": data, "prefix": "b_"}]}

    first, second = fit(client, model(80)), fit(client, model(100))
    assert second["kernel"]["cache"] == "memory"
    smooth = fit(
        client, {"sum": [SIGNAL, DECAY]}, parameters={"b_tau": {"start": 6, "fixed": True}}
    )
    for answer in (first, second):
        found = answer["values"]["s_amp"] - smooth["values"]["s_amp"]
        assert abs(found) < 0.3 * smooth["errors"]["s_amp"]


def test_a_shared_mean_is_one_parameter(client: httpx.Client) -> None:
    tail = {"name": "gaussian", "prefix": "t_", "rename": {"mu": "s_mu"}}
    fixed = {"t_sigma": {"start": 2.5, "fixed": True}}
    answer = fit(client, {"sum": [SIGNAL, tail, DECAY]}, parameters=fixed)
    assert [n for n in answer["values"] if n.endswith("mu")] == ["s_mu"]
    written = "a*gaussian(x, m, s) + b*gaussian(x, m, w) + c*exponential(x, t)"
    parameters = {"w": {"start": 2.5, "fixed": True}}
    own = fit(client, {"formula": written}, parameters=parameters)
    assert own["fval"] == pytest.approx(answer["fval"], rel=1e-11)


def test_parameters_of_one_shape_that_get_one_name_are_one(client: httpx.Client) -> None:
    """Both widths of a bifurcated Gaussian: it is a Gaussian then."""
    names = {"sigma_left": "sigma", "sigma_right": "sigma"}
    shared = {"name": "bifurcated_gaussian", "rename": names}
    data = GAUSSIAN_50["histogram"]
    one, other = (
        fitted(client.post(HISTOGRAM, json={"histogram": data, "model": model}))
        for model in (shared, "gaussian")
    )
    assert one["values"].keys() == other["values"].keys()
    assert one["goodness_of_fit"]["ndof"] == other["goodness_of_fit"]["ndof"]
    for name, value in other["values"].items():
        assert one["values"][name] == pytest.approx(value, rel=1e-8, abs=1e-8)
        assert one["errors"][name] == pytest.approx(other["errors"][name], rel=1e-7)


def test_a_density_on_its_range_counts_the_events_inside(client: httpx.Client) -> None:
    model = {"name": "exponential", "normalised": "range"}
    answer = fit(client, model, fit_range=[2, 6])
    counts, _ = np.histogram(sample(), EDGES)
    inside = counts[(EDGES[:-1] >= 2 - 1e-9) & (EDGES[1:] <= 6 + 1e-9)].sum()
    assert answer["values"]["amp"] == pytest.approx(inside, rel=1e-9)
    assert (answer["values"]["low"], answer["values"]["high"]) == (2, 6)
    assert answer["errors"]["low"] is None
    assert answer["covariance"]["parameters"] == ["amp", "tau"]


@pytest.mark.parametrize(
    ("model", "pointer", "words"),
    [
        ({"sum": ["gaussian", "gaussian"]}, "/model", "prefix"),
        ({"sum": [{"name": "gaussian", "rename": {"nu": "m"}}]}, "/model/sum/0/rename/nu", "mu"),
        ({"sum": ["gaussian", "polynomial"], "fractions": True}, "/model/sum/1", "densities"),
        ({"convolve": "polynomial"}, "/model/convolve", "densities"),
        ({"convolve": {"sum": ["gaussian"]}}, "/model/convolve", "densities"),
        ({"convolve": {"convolve": "landau", "prefix": "a_"}}, "/model/convolve", "leave one of"),
        ({"product": []}, "/model/product", "at least 1"),
        ({"template": {"edges": [0, 1], "counts": [1, 2]}}, "/model/template/edges", "edges"),
        ({"template": {"edges": [0, 1, 1], "counts": [1, 2]}}, "/model/template/edges/2", "rise"),
        ({"template": {"edges": [0, 1], "counts": [0]}}, "/model/template/counts", "empty"),
        (
            {"template": {"edges": [0, 1, 2], "counts": [1e308, 1e308]}},
            "/model/template/counts",
            "scale them down",
        ),
        ({"template": {"edges": [0, 1], "counts": [-1]}}, "/model/template/counts/0", "negative"),
        ({"formula": "a*expp(x)"}, "/model/formula", "exp"),
        ({"formula": "a*gausian(x, m, s)"}, "/model/formula", "gaussian"),
        ({"formula": "a*gaussian(x, m)"}, "/model/formula", "sigma"),
        ({"formula": "a*x + b", "parameters": ["a"]}, "/model/formula", "column 7"),
        ({"formula": "a*x", "parameters": ["a", "b"]}, "/model/parameters/1", "take it out"),
        ({"sum": ["gaussian", {"formula": "2 3"}]}, "/model/sum/1/formula", "operator"),
        ({"name": "gaussian", "normalised": "all"}, "/model/normalised", "line"),
        ({"sun": ["gaussian"]}, "/model", "sum"),
        ({"convolve": {"name": "gausian"}}, "/model/convolve/name", "gaussian"),
        ({"convolve": 7}, "/model/convolve", "name"),
        ({"convolve": {"convolve": {"name": "x"}}}, "/model/convolve/convolve/name", "unknown"),
        ({"sum": [{"product": [{"name": "x"}]}]}, "/model/sum/0/product/0/name", "unknown"),
        ({"template": 7}, "/model/template", "object"),
        ({"template": {"counts": [1]}}, "/model/template/edges", "required"),
        ({"formula": 7}, "/model/formula", "string"),
    ],
)
def test_mistakes_in_a_composition_are_pointed_to(
    client: httpx.Client, model: Any, pointer: str, words: str
) -> None:
    problem = refused(client.post(HISTOGRAM, json=request(model)), 422)
    assert pointers(problem) == [pointer]
    assert words in problem["errors"][0]["message"]


def test_compositions_are_listed_with_the_shapes(client: httpx.Client) -> None:
    listed = fitted(client.get("/models"))
    assert set(listed["compositions"]) == set(COMPOSITIONS)
