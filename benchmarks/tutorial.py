"""The fits of iminuit's tutorial 'Automatic differentiation with JAX', as they stand there.

10,000 normal numbers in 1000 bins, a Gaussian of three parameters, strategy 0, from a far start;
five variants of the cost function: with JAX's JIT or without, with a gradient or without, and
Numba. A fit is what the tutorial times: set the starting values again, then MIGRAD; everything is
compiled by then.

Minuit keeps the covariance of the fit before as its seed, which is a bad one at the far start and
costs calls (38 for 26 with a gradient). So the compiled variants compete a second time, 'fresh':
reset before each fit, with as many calls as the tutorial prints for its first ones.

The five run in a process of their own (`peer`), with JAX as its defaults make it; the fresh ones
run beside the service, with its one thread and no asynchronous dispatch.
"""

from collections.abc import Callable
from typing import Any

import jax
import numba as nb
import numpy as np
from iminuit import Minuit
from jax import numpy as jnp
from jax.scipy.special import erf
from numba_stats import norm

from benchmarks.measure import Computed, Contestant

NAMES = ("amp", "mu", "sigma")
LIMITS = ((0, None), (None, None), (0, None))
JIT_WITH_GRADIENT = "JAX JIT, gradient"
NUMBA = "Numba JIT, no gradient"
FRESH = ", fresh"

# the minimum and its exact errors, to the digits that the tests assert against other programs
MINIMUM = {"amp": 10001.0400, "mu": -0.0110517179, "sigma": 0.999289345}
ERRORS = {"amp": 100.0105, "mu": 0.01000120, "sigma": 0.00711339}

n, xe = np.histogram(np.random.default_rng(seed=1).normal(size=10000), bins=1000)
START = (1.5 * np.sum(n), 1.0, 2.0)


def cdf(x: Any, mu: Any, sigma: Any) -> Any:
    z = (x - mu) / sigma
    return 0.5 * (1 + erf(z / np.sqrt(2)))


def nll(par: Any) -> Any:
    """Negative log-likelihood with constants stripped: half of the Baker-Cousins chi-square."""
    amp = par[0]
    mu, sigma = par[1:]
    p = cdf(xe, mu, sigma)
    mu = amp * jnp.diff(p)
    return jnp.sum(mu - n + n * jnp.log(n / (mu + 1e-100) + 1e-100))


def numba_nll() -> Any:
    """The same, compiled by Numba."""

    def nb_nll(par: Any) -> Any:
        amp = par[0]
        mu, sigma = par[1:]
        p = norm.cdf(xe, mu, sigma)
        mu = amp * np.diff(p)
        return np.sum(mu - n + n * np.log(n / (mu + 1e-323) + 1e-323))

    return nb.njit(nb_nll)


def make_and_run_minuit(fcn: Any, grad: Any = None) -> Minuit:
    m = Minuit(fcn, START, grad=grad, name=NAMES)
    m.errordef = Minuit.LIKELIHOOD
    m.limits = LIMITS
    m.strategy = 0  # do not explicitly compute hessian after minimisation
    m.migrad()
    return m


def compiled() -> list[tuple[str, Any, Any]]:
    """Name, cost and gradient of the variants that are compiled."""
    return [
        ("JAX JIT, no gradient", jax.jit(nll), None),
        (JIT_WITH_GRADIENT, jax.jit(nll), jax.jit(jax.grad(nll))),
        (NUMBA, numba_nll(), None),
    ]


def variants() -> list[Contestant]:
    """The five variants; those without JIT are slow and have fewer turns."""
    return [
        variant("JAX, no JIT, no gradient", nll, None, every=6),
        variant("JAX, no JIT, gradient", nll, jax.grad(nll), every=6),
        *(variant(name, fcn, grad) for name, fcn, grad in compiled()),
    ]


def fresh_variants() -> list[Contestant]:
    """The compiled ones again, each fit from a reset."""
    return [variant(name + FRESH, fcn, grad, fresh=True) for name, fcn, grad in compiled()]


def variant(
    name: str, fcn: Callable[..., Any], grad: Any, every: int = 1, fresh: bool = False
) -> Contestant:
    """One cost function, fitted again and again as the tutorial does, or from a reset."""
    m = make_and_run_minuit(fcn, grad)

    def run() -> tuple[int, int]:
        if fresh:
            m.reset()
        before = m.nfcn, m.ngrad  # Minuit counts on from fit to fit
        m.values = START
        m.migrad()
        return m.nfcn - before[0], m.ngrad - before[1]

    def read(calls: tuple[int, int]) -> Computed:
        if not m.valid:
            raise RuntimeError(f"{name}: the fit failed")
        kind = "accurate" if m.accurate else "approximate"
        return Computed(
            values={k: float(m.values[k]) for k in NAMES},
            errors={k: float(m.errors[k]) for k in NAMES},
            notes=f"{calls[0]} calls, {calls[1]} gradients; covariance {kind}",
        )

    return Contestant(name, "fresh" if fresh else "tutorial", run, read, every)
