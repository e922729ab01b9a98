"""Kernels: compiled once per (cost, model, bucket), for every client, thread and restart."""

import threading
from dataclasses import replace

import jax.monitoring
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache

from fitting.data import Histogram
from fitting.fit import fit
from fitting.kernels.cache import KernelCache, Usage
from fitting.kernels.key import FEW, KernelKey
from fitting.padding import bucket_length, pad
from fitting.problem import Knowledge
from models.shapes.exponential import Exponential
from models.shapes.gaussian import Gaussian
from models.shapes.polynomial import Polynomial
from tests.fitting.problems import LINE, PEAK, objective, points, problem, toy


@pytest.fixture(autouse=True)
def nothing_on_disk():
    """Here it matters what is compiled and what is found; other tests share a folder."""
    folder = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", None)
    compilation_cache.reset_cache()
    yield
    jax.config.update("jax_compilation_cache_dir", folder)
    compilation_cache.reset_cache()


GAUSS_AT = np.array([480.0, 0.3, 1.1])
RNG = np.random.default_rng(8)
X = np.sort(RNG.uniform(-3, 3, 21))
Y = 2 + 0.7 * X + RNG.normal(0, 0.5, 21)
CASES = {
    "poisson": (problem(PEAK, toy(PEAK, np.linspace(-4, 4, 28), GAUSS_AT, 1)), GAUSS_AT),
    "least-squares": (problem(LINE, points(X, Y, 0.5)), np.array([1.9, 0.8])),
    "effective-variance": (
        problem(LINE, points(X, Y, 0.5, 0.3, berkson=True)),
        np.array([1.9, 0.8]),
    ),
}
backend_compiles = []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, *_, **__: (
        backend_compiles.append(event) if event.endswith("backend_compile_duration") else None
    )
)


def fresh(asked):
    """The same question, with nothing of an earlier answer remembered in it."""
    return replace(asked, data=replace(asked.data))


@pytest.mark.parametrize("cost", CASES)
def test_padding_changes_no_digit_beyond_rounding(cost, monkeypatch):
    asked, params = CASES[cost]
    answers = []
    for length in (32, 64, 256):
        monkeypatch.setattr("fitting.data.bucket_length", lambda _, length=length: length)
        padded = fresh(asked)
        assert padded.kernel_key.length == length
        bound = objective(padded)
        value, gradient = bound.evaluate(params)
        answers.append((value, gradient, bound.hessian(params), bound.linearised(params)[2]))
        assert len(bound.jacobian(params)[0]) == length
    for other in answers[1:]:
        for one, two in zip(answers[0], other, strict=True):
            np.testing.assert_allclose(two, one, rtol=1e-13, atol=1e-14 * np.abs(one).max())


@pytest.mark.parametrize(
    ("size", "length"), [(1, 32), (32, 32), (33, 64), (64, 64), (1000, 1024), (1025, 2048)]
)
def test_buckets_are_powers_of_two(size, length):
    assert bucket_length(size) == length
    np.testing.assert_array_equal(pad(np.array([3.0, 4.0]), 4), [3.0, 4.0, 4.0, 4.0])


def test_another_length_in_the_bucket_compiles_nothing():
    kernels = KernelCache()
    others = [
        toy(PEAK, np.linspace(-4, 4, edges), GAUSS_AT, edges) for edges in (34, 65, 41, 60, 100)
    ]
    first = fit(problem(PEAK, toy(PEAK, np.linspace(-4, 4, 51), GAUSS_AT, 2)), kernels)
    assert first.usage.tier == "compiled"
    assert first.usage.compiled == 2
    assert first.usage.compile_s > 0
    before = len(backend_compiles)
    assert before >= first.usage.compiled
    for model, data in zip([PEAK, PEAK, PEAK, Gaussian(prefix="x_")], others, strict=False):
        again = fit(problem(model, data), kernels)
        assert again.valid
        assert again.usage == Usage()
        assert again.usage.tier == "memory"
    assert len(backend_compiles) == before, "JAX compiled something that Usage does not know of"
    assert fit(problem(PEAK, others[-1]), kernels).usage.compiled > 0
    assert len(backend_compiles) > before


def test_data_of_other_types_compile_nothing_and_change_nothing():
    kernels, edges = KernelCache(), np.arange(-4, 5)
    counts = np.array([3, 20, 70, 160, 150, 80, 15, 2])
    plain = Histogram(edges.astype(float), counts.astype(float))
    wanted = fit(problem(PEAK, plain, [500.0, 0.0, 1.0]), kernels)
    before = len(backend_compiles)
    variants = [
        problem(PEAK, Histogram(edges, counts), [500, 0, 1]),
        problem(PEAK, Histogram(edges.astype(np.float32), counts.astype(np.int16)), [500, 0, 1]),
        problem(PEAK, plain, [np.float32(500), np.int64(0), True]),
    ]
    for variant in variants:
        found = fit(variant, kernels)
        assert found.usage == Usage()
        np.testing.assert_allclose(found.values, wanted.values, rtol=1e-12)
    all_fixed = {
        name: Knowledge(start=start, fixed=True)
        for name, start in (("amp", 500), ("mu", 0), ("sigma", 1))
    }
    assert fit(problem(PEAK, plain, **all_fixed), kernels).usage == Usage()
    assert len(backend_compiles) == before


def test_the_least_recently_used_kernel_goes():
    kernels = KernelCache(size=2)
    keys = [KernelKey("poisson", Polynomial(degree=d), 32) for d in range(3)]
    one, two = kernels.get(keys[0]), kernels.get(keys[1])
    assert kernels.get(KernelKey("poisson", Polynomial(degree=0, prefix="p_"), 32)) is one
    kernels.get(keys[2])
    assert kernels.get(keys[0]) is one
    assert kernels.get(keys[1]) is not two
    assert kernels.get(KernelKey("least-squares", Polynomial(degree=1), 32)) is not two


@pytest.mark.parametrize(("bins", "functions"), [(FEW, 1), (FEW + 1, 2)])
def test_an_easy_fit_needs_few_functions(bins, functions):
    """For steps and for Newton's method; one for estimates from the data, none for the cost."""
    data = toy(PEAK, np.linspace(-4, 4, bins + 1), GAUSS_AT, 2)
    assert fit(problem(PEAK, data, GAUSS_AT), KernelCache()).usage.compiled == functions
    assert fit(problem(PEAK, data), KernelCache()).usage.compiled == functions + 1


def test_eight_threads_compile_once():
    kernels, data = KernelCache(), toy(PEAK, np.linspace(-4, 4, 20), GAUSS_AT, 9)
    together, results = threading.Barrier(8), []

    def client():
        asked = problem(PEAK, Histogram(data.edges.copy(), data.counts.copy()), GAUSS_AT)
        together.wait()
        results.append(fit(asked, kernels))

    threads = [threading.Thread(target=client) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == 8
    assert all(r.valid and np.array_equal(r.values, results[0].values) for r in results)
    alone = fit(problem(PEAK, data, GAUSS_AT), KernelCache())
    assert sum(r.usage.compiled for r in results) == alone.usage.compiled > 0


def test_a_kernel_that_failed_to_compile_is_tried_again():
    kernels = KernelCache()
    asked = problem(Exponential(), toy(PEAK, np.linspace(0, 4, 20), GAUSS_AT, 9), [400.0, 1.0])
    kernel, usage = kernels.get(asked.kernel_key), Usage()
    with pytest.raises(TypeError):
        kernel.function("value_and_gradient", ("no such argument",), usage)
    assert usage == Usage()
    result = fit(asked, kernels)
    assert result.usage.compiled == fit(asked, KernelCache()).usage.compiled > 0
