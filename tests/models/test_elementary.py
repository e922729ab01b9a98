"""JAX's elementary functions, as compiled with our flags, against NumPy and SciPy.

jaxlib 0.10.2 has computed arctan wrongly, but only in vectors of 512 bits, so only in arrays of
some fifty entries or more: every function that shapes and formulas use is tried at many lengths.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy import special as jsp
from scipy import special

import models  # noqa: F401 (sets JAX up)

ALL = [
    *((name, getattr(jnp, name), getattr(np, name), (-9, 9)) for name in (
        "exp", "expm1", "sin", "cos", "tan", "tanh", "sinh", "cosh", "arctan", "arcsinh", "cbrt",
    )),
    *((name, getattr(jnp, name), getattr(np, name), (1e-3, 30)) for name in (
        "log", "log1p", "log2", "log10", "sqrt",
    )),
    *((name, getattr(jnp, name), getattr(np, name), (-0.999, 0.999)) for name in (
        "arcsin", "arccos", "arctanh",
    )),
    ("arccosh", jnp.arccosh, np.arccosh, (1.001, 30)),
    ("erf", jsp.erf, special.erf, (-6, 6)),
    ("erfc", jsp.erfc, special.erfc, (-6, 26)),
    ("gammaln", jsp.gammaln, special.gammaln, (2.5, 90)),
    ("digamma", jsp.digamma, special.digamma, (2, 90)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "ours", "twin", "span"), ALL, ids=[row[0] for row in ALL])
def test_compiled_functions_are_right_at_every_length(name, ours, twin, span):
    for length in (1, 7, 33, 64, 1000):
        x = np.linspace(*span, length)
        found = np.asarray(jax.jit(ours)(jnp.asarray(x)))
        np.testing.assert_allclose(found, twin(x), rtol=2e-13, atol=1e-15, err_msg=f"{length}")


def test_arctan2_is_right_at_every_length():
    for length in (1, 33, 1000):
        y, x = np.linspace(-3, 5, length), np.linspace(2, -7, length)
        for other in (x, np.ones(length)):
            found = jax.jit(jnp.arctan2)(jnp.asarray(y), jnp.asarray(other))
            np.testing.assert_allclose(found, np.arctan2(y, other), rtol=1e-13, atol=1e-15)
