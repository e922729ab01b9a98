"""Derivatives put together from those of terms are those of the cost as a whole."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fitting.data import Bins
from fitting.fit import fit
from fitting.kernels.additive import MOST_FORWARD
from fitting.kernels.cache import Usage
from fitting.kernels.costs import COSTS
from fitting.kernels.functions import OF_ROWS, _bind, bound
from fitting.kernels.key import KernelKey
from fitting.kernels.packing import pack
from fitting.objective import Objective
from fitting.problem import Knowledge
from fitting.status import Status
from models.composition.sum import Sum
from models.composition.template import Template
from models.formula.formula import Formula
from models.registry import SHAPES
from models.shapes.exponential import Exponential
from models.shapes.gaussian import Gaussian
from models.shapes.polynomial import Polynomial
from tests.fitting.problems import KERNELS, points, problem, toy

EDGES = np.linspace(0.0, 10.0, 41)
X = (EDGES[1:] + EDGES[:-1]) / 2
TABLE = np.linspace(0.0, 10.0, 33)


def peaks(number):
    return tuple(Gaussian(prefix=f"p{i}_") for i in range(number))


def at_peaks(number):
    """Amp, mu and sigma of each peak."""
    places = 10 * (np.arange(number) + 0.5) / number
    return [v for i, mu in enumerate(places) for v in (900.0 + 10 * i, mu, 0.5 + 0.01 * i)]


def template(prefix, power):
    below = np.append(0.0, np.cumsum(np.linspace(0.5, 2, 32) ** power))
    return Template(size=32, edges=jnp.array(TABLE), below=jnp.array(below), prefix=prefix)


SHARED = tuple(Gaussian(prefix=f"p{i}_", rename=(("sigma", "width"),)) for i in range(3))
CASES = {
    "one": (Gaussian(), at_peaks(1)),
    "one of many parameters": (
        Polynomial(degree=MOST_FORWARD),
        [200.0, 10.0, *(0.1**k for k in range(2, MOST_FORWARD + 1))],
    ),
    "one name for two": (
        Sum((Gaussian(rename=(("mu", "a"), ("sigma", "a"))), Polynomial(degree=1))),
        [900.0, 2.1, 30.0, 2.0],
    ),
    "2 equal": (Sum(peaks(2)), at_peaks(2)),
    "3 equal": (Sum(peaks(3)), at_peaks(3)),
    "20 equal": (Sum(peaks(20)), at_peaks(20)),
    "unlike": (
        Sum((*peaks(1), Exponential(prefix="b_"), Polynomial(degree=1))),
        [*at_peaks(1), 4000.0, 6.0, 30.0, 2.0],
    ),
    "shared": (Sum((*SHARED, Exponential(prefix="b_"))), [900, 2.0, 0.6, 800, 5, 700, 8, 3e3, 5]),
    "templates": (
        Sum((template("a_", 1.0), template("b_", -1.0), *peaks(1))),
        [3000.0, 2000.0, *at_peaks(1)],
    ),
    "nested": (
        Sum((Sum(peaks(3), prefix="left_"), Sum((Exponential(), Polynomial(degree=1))))),
        [*at_peaks(3), 3e3, 5.0, 30.0, 2.0],
    ),
    "many of one": (
        Sum((*peaks(1), Polynomial(degree=MOST_FORWARD))),
        [*at_peaks(1), 200.0, 10.0, *(0.1**k for k in range(2, MOST_FORWARD + 1))],
    ),
    "formula": (
        Formula.read("a*gaussian(x, m, s) + a*gaussian(x, n, s2) + b*exp(-x/t) + c + d*x", SHAPES),
        [900.0, 3.0, 0.5, 7.0, 0.6, 300.0, 4.0, 20.0, 1.0],
    ),
}
#: With each cost; `make test-full` tries all.
TRIED = {
    "poisson": ("one name for two", "2 equal", "20 equal", "unlike", "shared", "templates"),
    "least-squares": ("one", "3 equal", "shared", "many of one", "formula"),
}


def objective_of(model, values, kind, **known):
    values = np.array(values)
    if kind == "poisson":
        data = toy(model, EDGES, values, 3)
    else:
        y = np.asarray(jax.jit(model.value)(jnp.asarray(X), *values))
        data = points(X, y + np.random.default_rng(4).normal(0, 20, len(X)), 20.0)
    asked = problem(model, data, **known)
    kernel = KERNELS.get(asked.kernel_key)
    return asked, Objective(kernel, data.padded(), asked.prior, model.tables, Usage())


@pytest.mark.parametrize(
    ("case", "kind"),
    [
        pytest.param(case, kind, marks=[] if case in cases else [pytest.mark.slow])
        for kind, cases in TRIED.items()
        for case in CASES
    ],
)
def test_derivatives_are_those_of_the_whole_cost(case, kind):
    model, values = CASES[case]
    name = model.parameters[1].name
    constraint = {name: Knowledge(constraint=(1.9, 0.3))}
    asked, objective = objective_of(model, values, kind, **constraint)
    at, data, cost = np.array(values) * 1.01, asked.data.padded(), COSTS[kind]
    prior = asked.prior

    def whole(p):
        penalty = jnp.sum(prior.weight * (p - prior.center) ** 2)
        return cost.cost(model, p, data) + penalty

    value, gradient, hessian, slopes_of_residuals, expected = map(
        np.asarray,
        jax.jit(
            lambda p: (
                *jax.value_and_grad(whole)(p),
                jax.hessian(whole)(p),
                jax.jacfwd(lambda q: cost.residuals(model, q, data, p))(p),
                jax.jacfwd(lambda q: cost.prediction(model, q, data))(p),
            )
        )(at),
    )
    information = 2 * slopes_of_residuals.T @ slopes_of_residuals + 2 * np.diag(prior.weight)
    rest = hessian - information
    # of unit diagonal: parameters have units, and entries of a Hessian those of two
    scales = 1 / np.sqrt(information.diagonal())
    unit = np.outer(scales, scales)

    def assert_close(found, expected, scales, digits=1e-10):
        np.testing.assert_allclose(found * scales, expected * scales, rtol=digits, atol=digits)

    for found in (objective.evaluate(at), objective.linearised(at)[:2]):
        np.testing.assert_allclose(found[0], value, rtol=1e-13)
        assert_close(found[1], gradient, scales)
    assert_close(objective.linearised(at)[2], information, unit)
    assert_close(objective.hessian(at), hessian, unit)
    np.testing.assert_allclose(objective.evaluate(at)[0], value, rtol=1e-13)
    assert_close(objective.rest(at), rest, unit)
    r, jacobian = objective.residuals(at)
    assert_close(2 * jacobian.T @ jacobian, information, unit)
    assert_close(2 * jacobian.T @ r, gradient, scales)
    prediction, slopes = objective.jacobian(at)
    np.testing.assert_allclose(prediction, objective.predictions(at[None])[0], rtol=1e-13)
    # the padding is no part of the data
    used, columns = data.used, np.abs(expected).max(axis=0)
    assert_close(slopes[used], expected[used], 1 / columns)


@pytest.mark.parametrize("kind", ["poisson", pytest.param("least-squares", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "case", ["one", "one of many parameters", "unlike", "shared", "one name for two"]
)
def test_rows_of_a_batch_are_each_as_alone(case, kind):
    """Their derivatives are taken parameter by parameter, those of one alone all at once."""
    model, values = CASES[case]
    asked, objective = objective_of(model, values, kind)
    vector = pack(asked.data.padded(), asked.prior, ())
    rows = np.array(values) * np.array([[1.0], [1.01], [0.98]])
    kernel = _bind(OF_ROWS["derivatives_of_rows"], asked.kernel_key)
    together = jax.jit(jax.vmap(kernel, in_axes=(0, None)))(rows, vector)
    for found, row in zip(np.asarray(together), rows, strict=True):
        value, gradient = objective.evaluate(row)
        alone = [[value], gradient, objective.hessian(row).ravel()]
        np.testing.assert_allclose(found, np.concatenate(alone), rtol=1e-10, atol=1e-8)


def test_a_bin_that_cannot_be_is_infinitely_bad():
    model, values = CASES["2 equal"]
    _, objective = objective_of(model, values, "poisson")
    assert objective.evaluate(np.array([-1.0, *values[1:]]))[0] == np.inf


def test_a_fit_with_fixed_and_held_parameters():
    model, values = CASES["shared"]
    data = toy(model, EDGES, values, 7)
    known = {"p0_mu": Knowledge(start=2.0, fixed=True)}
    starts = dict(zip((p.name for p in model.parameters), values, strict=True))
    known |= {n: Knowledge(start=v) for n, v in starts.items() if n not in known}
    result = fit(problem(model, data, **known), KERNELS)
    assert result.status is Status.CONVERGED
    assert result.values[1] == 2.0
    assert len(result.covariance.parameters) == len(values) - 1


def test_many_parameters_do_without_migrad_where_that_suffices():
    """The same minimum from near, with a few evaluations, and from where it takes a search."""
    model, values = Sum(peaks(8)), at_peaks(8)
    values[2::3] = [0.3] * 8
    data = toy(model, EDGES, values, 7)
    names = [p.name for p in model.parameters]
    starts = {n: Knowledge(start=v) for n, v in zip(names, values, strict=True)}
    near = fit(problem(model, data, **starts), KERNELS)
    assert near.status is Status.CONVERGED
    assert near.effort.nfcn < len(values)
    swapped = starts | {"p3_mu": starts["p4_mu"], "p4_mu": starts["p3_mu"]}
    swapped |= {"p0_amp": Knowledge(start=5 * values[0]), "p7_sigma": Knowledge(start=2.0)}
    far = fit(problem(model, data, **swapped), KERNELS)
    assert far.status is Status.CONVERGED
    assert far.cost == pytest.approx(near.cost, rel=1e-9)


def test_equal_terms_are_compiled_once_however_many_there_are():
    """By the size of the program, which a busy machine does not change."""

    def size(number):
        model = Sum(peaks(number))
        key = KernelKey("poisson", model, 64)
        data = sum(int(np.prod(shape)) for shape in Bins.shapes(64, 1))
        parameters = 3 * number
        lowered = jax.jit(bound("derivatives", key)).lower(
            np.ones(parameters), np.ones(data + 2 * parameters)
        )
        return len(lowered.as_text().splitlines())

    assert size(40) == size(4)
