"""Compiled kernels and the memory mappings that Linux allows a process."""

import mmap

import numpy as np

from fitting.fit import bind
from fitting.kernels import mappings
from fitting.kernels.cache import KernelCache
from fitting.kernels.key import KernelKey
from models.composition.sum import Sum
from models.shapes.exponential import Exponential
from tests.fitting.problems import PEAK, problem, toy


def test_half_of_the_kernels_go_where_mappings_are_crowded(monkeypatch):
    kernels = KernelCache()
    keys = [KernelKey("poisson", PEAK, 2**n) for n in range(8)]
    first = [kernels.get(key) for key in keys[:6]]
    monkeypatch.setattr(mappings, "are_crowded", lambda: True)
    assert [kernels.get(key) for key in keys[:6]] == first  # nothing new, nothing goes
    last = kernels.get(keys[6])
    monkeypatch.undo()
    assert [kernels.get(key) for key in keys[3:7]] == [*first[3:], last]
    assert kernels.get(keys[0]) is not first[0]


def test_kernels_that_go_give_their_mappings_back():
    data = toy(PEAK, np.linspace(-4, 4, 20), (480.0, 0.3, 1.1), 9)
    kernels, used = KernelCache(size=1), []
    for peaks in range(1, 5):
        model = Sum((PEAK, *(Exponential(prefix=f"e{i}_") for i in range(peaks))))
        key = problem(model, data).kernel_key
        bind(problem(model, data), kernels).linearised(np.ones(3 + 2 * peaks))
        assert list(kernels._kernels) == [key]
        used.append(mappings.count())
    assert used[-1] - used[0] < 30  # one function has as many


def test_mappings_are_crowded_at_half_of_what_linux_allows(monkeypatch):
    allowed = mappings._most()
    if allowed is None:
        assert not mappings.are_crowded()
        return
    before = mappings.count()
    # not two alike side by side, which would be one
    kept = [mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE * (i % 2)) for i in range(50)]
    assert mappings.count() >= before + 40
    del kept
    assert not mappings.are_crowded()
    monkeypatch.setattr(mappings, "_most", lambda: before)
    assert mappings.are_crowded()
