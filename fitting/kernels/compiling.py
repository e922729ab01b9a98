"""How XLA compiles: thoroughly for many entries, lightly for few, hastily what runs once.

For jaxlib 0.10.2 on the CPU, measured with the functions of six models and of a formula. All three
name the same options, so that XLA_FLAGS of the surroundings do not change these for what is served.
"""

from collections.abc import Callable
from typing import Any

import jax

Options = dict[str, bool | int]

#: Loops that are fused by way of MLIR: XLA's own choice.
THOROUGHLY: Options = {
    "xla_backend_optimization_level": 3,
    "xla_cpu_use_fusion_emitters": True,
    # as fast as XLA's 32, with a half to a quarter of the memory mappings (`mappings`)
    "xla_cpu_parallel_codegen_split_count": 4,
}
#: Compiled in half of the time, as fast over few entries (those with long loops inside up to a
#: seventh slower), a sixth slower over a thousand.
LIGHTLY: Options = THOROUGHLY | {
    "xla_backend_optimization_level": 1,
    "xla_cpu_use_fusion_emitters": False,
}
#: Compiled in a sixth of the time, up to five times slower: for what runs once.
HASTILY: Options = {
    "xla_backend_optimization_level": 0,
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,
}


def hastily(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, compiled for running once."""
    return jax.jit(function, compiler_options=HASTILY)
