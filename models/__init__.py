"""Fit models: shapes as pure JAX functions (never database or Pydantic models).

A shape is one small file beside its like and one line in `registry.py`; sums of shapes are
in `sum.py`. Everything here is float64: this package is the first to import JAX, so the
switch is thrown here, once, for the whole service.
"""

import jax

jax.config.update("jax_enable_x64", True)
if jax.dtypes.canonicalize_dtype("float64") != "float64":
    raise ImportError("JAX ignored the switch to float64; fits need double precision")
