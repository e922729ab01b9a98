"""Data longer than a kernel: summed block by block, what is known of parameters counted once."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from iminuit.cost import ExtendedBinnedNLL
from scipy.stats import norm

from fitting.data import Points
from fitting.fit import fit
from fitting.kernels.cache import KernelCache
from fitting.kernels.costs import COSTS
from fitting.padding import BLOCK
from fitting.problem import Knowledge
from models.formula.formula import Formula
from models.registry import SHAPES
from models.shapes.exponential import Exponential
from models.shapes.gaussian import Gaussian
from models.shapes.hill import Hill
from tests.fitting.problems import objective, points, problem, toy

SIZE = 2 * BLOCK + 100  # in the third block of four
X = np.sort(np.random.default_rng(1).uniform(0.5, 9, SIZE))
EDGES = np.linspace(0.5, 9, SIZE + 1)
DECAY = Formula.read("a*exp(-x/tau)", SHAPES)
PLANE = Formula.read("a*exp(-x/tau) + b*y", SHAPES, columns=("x", "y"))


def decay(**errors):
    y = 3 * np.exp(-X / 2) + np.random.default_rng(2).normal(0, 0.1, SIZE)
    return points(X, y, 0.1, **errors)


def of_columns():
    x = np.stack([X, np.random.default_rng(4).permutation(X)])
    x_err = np.stack([np.full(SIZE, 0.05), np.zeros(SIZE)])
    y = 3 * np.exp(-x[0] / 2) + 0.3 * x[1] + np.random.default_rng(5).normal(0, 0.1, SIZE)
    return Points(x, y, x_err, np.full(SIZE, 0.1))


CASES = {
    "histogram": (Gaussian(), toy(Gaussian(), EDGES, np.array([1e6, 4.0, 1.5]), 3), [1e6, 4, 1.6]),
    "cut out of a histogram": (
        Exponential(),
        replace(
            toy(Exponential(), EDGES, np.array([1e6, 3.0]), 3), ranges=((1.0, 2.0), (5.0, 8.5))
        ),
        [1.1e6, 3.1],
    ),
    "an integral with breaks": (
        Hill(),
        toy(Hill(), EDGES, np.array([1e6, 3.0, 2.0, 1e4]), 3),
        [1.1e6, 3.1, 2.1, 1e4],
    ),
    "points": (DECAY, decay(), [3.1, 2.1]),
    "errors in x": (DECAY, decay(x_err=0.05), [3.1, 2.1]),
    "Berkson": (DECAY, decay(x_err=0.05, berkson=True), [3.1, 2.1]),
    "several predictors": (PLANE, of_columns(), [3.1, 2.1, 0.31]),
}


@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=[pytest.mark.slow] if "breaks" in c else []) for c in CASES]
)
def test_sums_and_residuals_are_those_of_the_whole(case):
    model, data, at = CASES[case]
    asked = problem(model, data, **{model.parameters[0].name: Knowledge(constraint=(2.0, 0.5))})
    at = np.array(at, dtype=float)
    found, prior, cost = objective(asked), asked.prior, COSTS[asked.cost]
    assert asked.kernel_key.length == BLOCK < asked.data.length

    def whole(p):
        penalty = jnp.sum(prior.weight * (p - prior.center) ** 2)
        return cost.cost(model, p, jax.tree.map(jnp.asarray, data.padded())) + penalty

    value, gradient, hessian = map(
        np.asarray,
        jax.jit(lambda p: (whole(p), jax.jacfwd(whole)(p), jax.jacfwd(jax.jacfwd(whole))(p)))(at),
    )
    scale = np.sqrt(np.abs(hessian.diagonal()))
    got = found.evaluate(at)
    assert got[0] == pytest.approx(float(value), rel=1e-12)
    np.testing.assert_allclose(got[1] / scale, gradient / scale, rtol=1e-9, atol=1e-9)
    unit = np.outer(scale, scale)
    np.testing.assert_allclose(found.hessian(at) / unit, hessian / unit, rtol=1e-9, atol=1e-9)
    if getattr(data, "berkson", False):
        return  # its logarithm is in no residual
    residuals, jacobian = found.residuals(at)
    half = jacobian.T @ residuals / scale
    np.testing.assert_allclose(2 * half, gradient / scale, rtol=1e-8, atol=1e-8)
    split = 2 * jacobian.T @ jacobian + found.rest(at)
    np.testing.assert_allclose(split / unit, hessian / unit, rtol=1e-8, atol=1e-8)
    if asked.cost != "effective-variance":  # which leaves the slopes of the variance out
        *_, information = found.linearised(at)
        squares = 2 * jacobian.T @ jacobian
        np.testing.assert_allclose(information / unit, squares / unit, rtol=1e-9, atol=1e-9)


def test_the_cost_is_that_of_iminuit():
    model, data, at = CASES["histogram"]
    twin = ExtendedBinnedNLL(
        data.counts, data.edges, lambda x, n, mu, sigma: n * norm.cdf(x, mu, sigma)
    )
    value, _ = objective(problem(model, data)).evaluate(np.array(at, dtype=float))
    assert value == pytest.approx(twin(*at), rel=1e-11)


def test_predictions_have_an_entry_for_each_of_the_data_and_for_padding():
    model, data, at = CASES["histogram"]
    asked = problem(model, data)
    prediction, jacobian = objective(asked).jacobian(np.array(at, dtype=float))
    expected = at[0] * np.diff(norm.cdf(EDGES, *at[1:]))
    np.testing.assert_allclose(prediction[:SIZE], expected, rtol=1e-9)
    np.testing.assert_allclose(jacobian[:SIZE, 0], expected / at[0], rtol=1e-9)
    assert prediction.shape == (asked.data.length,)
    assert not prediction[SIZE:].any()


def test_data_of_every_length_beyond_a_block_share_a_kernel():
    kernels = KernelCache()
    compiled = []
    for size in (BLOCK, BLOCK + 1, 5 * BLOCK):
        edges = np.linspace(0, 8, size + 1)
        result = fit(
            problem(Gaussian(), toy(Gaussian(), edges, np.array([1e5, 4, 1.0]), 1)), kernels
        )
        assert result.valid
        compiled.append(result.usage.compiled + result.usage.loaded)
    assert compiled[0] > 0
    assert compiled[1:] == [0, 0]


def test_blocks_of_padding_alone_are_not_computed(monkeypatch):
    model, data, at = CASES["histogram"]
    found, calls = objective(problem(model, data)), []
    plain = found._call
    monkeypatch.setattr(found, "_call", lambda *given: calls.append(given[0]) or plain(*given))
    found.evaluate(np.array(at, dtype=float))
    assert calls == ["value_and_gradient"] * 3
