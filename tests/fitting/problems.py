"""Problems in one line each, and one cache of kernels for all tests of this folder."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from fitting.data import Histogram, Points
from fitting.fit import bind, fit
from fitting.kernels.cache import KernelCache
from fitting.problem import FitProblem, Knowledge
from fitting.search.newton import Minimum, certify
from models.composition.sum import Sum
from models.shapes.exponential import Exponential
from models.shapes.gaussian import Gaussian
from models.shapes.polynomial import Polynomial

KERNELS = KernelCache()
LINE = Polynomial(degree=1)
PEAK = Gaussian()
PEAK_AND_DECAY = Sum((Gaussian(prefix="s_"), Exponential(prefix="b_")))


def problem(model, data, starts=None, minos=(), absolute_sigma=True, **known):
    """`known` by parameter name: a Knowledge; `starts` for all, in order."""
    names = [p.name for p in model.parameters]
    assert set(known) <= set(names)
    given = [None] * len(names) if starts is None else starts
    knowledge = tuple(
        known.get(name, Knowledge(start=start)) for name, start in zip(names, given, strict=True)
    )
    return FitProblem(model, data, knowledge, absolute_sigma, tuple(minos))


def points(x, y, y_err=1.0, x_err=0.0, **options):
    x = np.asarray(x, float)
    full = [np.broadcast_to(np.asarray(a, float), x.shape).copy() for a in (y, x_err, y_err)]
    return Points(x, *full, **options)


def expected(model, edges, params):
    return np.array(_compiled(model)(jnp.asarray(edges, float), *map(float, params)))


@cache
def _compiled(model):
    """Operation by operation, JAX would compile each of them for every number of bins."""
    return jax.jit(model.integral)


def toy(model, edges, params, seed):
    """A histogram with Poisson counts about the model."""
    counts = np.random.default_rng(seed).poisson(expected(model, edges, params))
    return Histogram(np.asarray(edges, float), counts.astype(float))


def solve(*args, **options):
    return fit(problem(*args, **options), KERNELS)


def at(asked, values) -> Minimum:
    """Exact derivatives of a problem at given parameters."""
    return certify(bind(asked, KERNELS), np.array(values, float), asked.bounds)


def objective(asked):
    return bind(asked, KERNELS)


def assert_near(found, twin_values, twin_errors, tolerance=1e-8):
    """Values within a small part of their errors."""
    off = np.abs(np.asarray(found) - twin_values) / twin_errors
    assert off.max(initial=0) < tolerance, (found, twin_values, off)


def assert_covariance(found, twin, tolerance):
    """Every element within a small part of sqrt(C_ii C_jj)."""
    assert found.matrix is not None
    assert found.matrix.shape == twin.shape
    errors = np.sqrt(np.diag(twin))
    assert np.max(np.abs(found.matrix - twin) / np.outer(errors, errors)) < tolerance
