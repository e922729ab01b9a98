"""Where kernels run: on the CPU, and large batches on an accelerator if JAX has found one.

Float64 as everywhere. A worker looks for one only if FIT_PLATFORM says so (`workers.process`).
"""

from functools import cache

import jax


@cache
def accelerator() -> jax.Device | None:
    """The device for large batches; all else then stays on the CPU."""
    found = jax.devices()[0]
    if found.platform == "cpu":
        return None
    jax.config.update("jax_default_device", jax.devices("cpu")[0])
    return found
