"""Fit models: shapes as pure JAX functions (never database or Pydantic models).

A shape is one small file in `shapes/` and one line in `registry.py`; `composition/` makes models
of models, and `formula/` reads those that clients write. This package is the first to import
JAX, so JAX is set up here, once, for the whole service:
    float64;
    one thread a process: handing part of a small kernel to another costs more than computing
    it, and the workers are parallel already;
    on the CPU, where a small kernel is fastest, unless somebody has said otherwise;
    256-bit vectors: with 512 bits jaxlib 0.10.2 computes a wrong arctan (jax issue 39352), which
    would be worse than the tenth that kernels take longer.
"""

import os

os.environ.setdefault("PJRT_NPROC", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["XLA_FLAGS"] = f"--xla_cpu_prefer_vector_width=256 {os.environ.get('XLA_FLAGS', '')}"

import jax

jax.config.update("jax_enable_x64", True)
if jax.dtypes.canonicalize_dtype("float64") != "float64":
    raise ImportError("JAX ignored the switch to float64; fits need double precision")
