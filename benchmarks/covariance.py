"""The tutorial's covariance matrices: Minuit's HESSE, JAX with and without JIT, and the service.

The tutorial called compiling the Hessian not worth it for one fit: 187 us warm, 496 ms with the
compilation. A service compiles it once for everyone. All evaluate at the same point, mu moved to
0.1, which is not the minimum, as `GET /covariance?at=mu:0.1` does.
"""

from collections.abc import Callable
from typing import Any

import httpx
import jax
import numpy as np
from iminuit import Minuit
from jax import numpy as jnp

from app.workers.tasks import CovarianceTask
from benchmarks import service
from benchmarks.measure import Computed, Contestant
from benchmarks.tutorial import MINIMUM, NAMES, nll
from fitting.further import CovarianceOutcome
from fitting.kernels.cache import KernelCache

POINT = np.array(list((MINIMUM | {"mu": 0.1}).values()))
SLOW, COMPILING = 6, 12  # they take part in every n-th round

HESSE = "Minuit HESSE, no JIT"
JIT_WARM = "JAX Hessian, JIT, already compiled"
JIT_COMPILING = "JAX Hessian, JIT, compilation included"
IN_PROCESS = "service, in process, already compiled"
IN_PROCESS_COMPILING = "service, in process, compilation included"
OVER_HTTP = "service, GET /covariance over HTTP"

# what the tutorial itself printed, on its machine, in milliseconds
PRINTED = {HESSE: 30.4, "JAX Hessian, no JIT": 89.0, JIT_WARM: 0.187, JIT_COMPILING: 496.0}


def contestants(client: httpx.Client) -> list[Contestant]:
    """The tutorial's four ways, then the service's."""
    compiled, kernels = jax.jit(jax_covariance), KernelCache()
    fit_id = service.fit_id(client)
    query = {"fit_id": fit_id, "at": "mu:0.1"}

    def get() -> dict[str, Any]:
        answer: dict[str, Any] = client.get("/covariance", params=query).raise_for_status().json()
        return answer

    return [
        Contestant(HESSE, "tutorial", hesse, read_matrix, SLOW),
        jax_contestant("JAX Hessian, no JIT", lambda: jax_covariance(POINT), SLOW),
        jax_contestant(JIT_WARM, lambda: compiled(POINT)),
        # a new function each time: JAX knows it by its identity
        jax_contestant(
            JIT_COMPILING, lambda: jax.jit(lambda p: jax_covariance(p))(POINT), COMPILING
        ),
        Contestant(IN_PROCESS, "service", lambda: ask(kernels), read_outcome),
        Contestant(
            IN_PROCESS_COMPILING,
            "service",
            lambda: ask(KernelCache()),
            read_outcome,
            COMPILING,
            hot=False,
        ),
        Contestant(OVER_HTTP, "service", get, read_answer),
    ]


def hesse() -> Any:
    """As in the tutorial: a new Minuit on the cost without JIT."""
    m = Minuit(nll, POINT)
    m.errordef = Minuit.LIKELIHOOD
    m.hesse()
    return m.covariance


def jax_covariance(par: Any) -> Any:
    return jnp.linalg.inv(jax.hessian(nll)(par))


def jax_contestant(name: str, run: Callable[[], Any], every: int = 1) -> Contestant:
    return Contestant(
        name, "tutorial", lambda: np.asarray(run()), read_matrix, every, hot=every < COMPILING
    )


def ask(kernels: KernelCache) -> CovarianceOutcome:
    """What a worker does for GET /covariance."""
    task = CovarianceTask(service.problem(), POINT, True, "autodiff", 1.0, float("inf"))
    return task.run(kernels, lambda: None)


def read_matrix(matrix: Any) -> Computed:
    errors = np.sqrt(np.diag(np.asarray(matrix)))
    return Computed(errors=dict(zip(NAMES, map(float, errors), strict=True)))


def read_outcome(outcome: CovarianceOutcome) -> Computed:
    computed = read_matrix(outcome.covariance.matrix)
    return Computed(
        errors=computed.errors,
        notes=f"kernel from {outcome.usage.tier}",
        parts={"covariance": 1e3 * outcome.seconds, "compile": 1e3 * outcome.usage.compile_s},
    )


def read_answer(answer: dict[str, Any]) -> Computed:
    tier = answer["kernel"]["cache"]
    return Computed(errors=answer["errors"], notes=f"kernel from {tier}", parts=answer["timing_ms"])
