"""Large batches on another device, for which a second device of the CPU stands in."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import numpy as np
from fitting.batch import objective
from fitting.batch.fit import fit_batch
from fitting.batch.question import Batch
from fitting.batch.rows import HistogramRows
from fitting.kernels.cache import KernelCache
from fitting.problem import Knowledge
from models.registry import SHAPES
import jax

here, there = jax.devices()
edges = np.linspace(-4, 4, 17)
events = np.random.default_rng(1).normal(size=(300, 200))
counts = np.array([np.histogram(row, edges)[0] for row in events], dtype=float)
model = SHAPES["gaussian"]()
knowledge = tuple(Knowledge() for _ in model.parameters)
batch = Batch(model, HistogramRows(edges, counts, ()), knowledge, np.full((300, 3), np.nan), True)
found = []
objective.ROWS_THERE = 128
for device in (None, there):
    objective.accelerator = lambda device=device: device
    kernels = KernelCache()
    found.append(fit_batch(batch, kernels))
    functions = kernels.get(batch.kernel_key)._compiled
    devices = {place[1] for place in functions if place[0].endswith("of_rows")}
    assert (there in devices) == (device is there), devices
    for place, function in functions.items():
        shardings = [s.device_set for s in function.input_shardings[0]]
        assert all(s == {place[1] or here} for s in shardings), (place, shardings)
one, other = found
assert (one.status == other.status).all()
np.testing.assert_allclose(other.values, one.values, rtol=1e-9)
print("the same on", there)
"""


def test_a_large_batch_runs_on_the_device_that_there_is() -> None:
    environment = os.environ | {
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "JAX_PLATFORMS": "cpu",
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "the same on" in done.stdout
