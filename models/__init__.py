"""Fit models: shapes as pure JAX functions (never database or Pydantic models).

A shape is one small file beside its like and one line in `registry.py`; sums of shapes are
in `sum.py`. This package is the first to import JAX, so JAX is set up here, once, for the
whole service:
    float64;
    one thread a process: handing part of a small kernel to another costs more than computing
    it, and the workers are parallel already;
    512-bit vectors where the processor has them: a quarter less time for a kernel.
"""

import os

os.environ.setdefault("PJRT_NPROC", "1")
os.environ["XLA_FLAGS"] = f"--xla_cpu_prefer_vector_width=512 {os.environ.get('XLA_FLAGS', '')}"

import jax

jax.config.update("jax_enable_x64", True)
if jax.dtypes.canonicalize_dtype("float64") != "float64":
    raise ImportError("JAX ignored the switch to float64; fits need double precision")
