"""Is it alive, is it ready, what are its limits, how is it doing?"""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.errors import Unavailable
from app.http.protocol import MOST_HEAD_BYTES
from app.http.queries import StrictRoute
from app.http.responses import problems
from app.reading.crowded import most_names
from app.routes.covariance import LONGEST_AT
from app.schemas.answers import Readiness
from app.schemas.base import MOST_RANGES
from app.schemas.models import LONGEST_NAME, LONGEST_PREFIX
from app.service import Here
from app.translation.build import MAX_DEPTH
from app.workers.births import WHY
from models.formula import tokens
from models.formula.parse import Limits
from models.shapes.series import HIGHEST_DEGREE

router = APIRouter(route_class=StrictRoute, tags=["status"])


#: Limits that no setting changes; lengths are in characters.
FIXED = {
    "max_depth": MAX_DEPTH,
    "max_degree": HIGHEST_DEGREE,
    "max_ranges": MOST_RANGES,
    "max_prefix_length": LONGEST_PREFIX,
    "max_name_length": LONGEST_NAME,
    "max_formula_depth": Limits().depth,
    "max_formula_name_length": tokens.LONGEST_NAME,
    "max_formula_number_length": tokens.LONGEST_NUMBER,
    "max_at_length": LONGEST_AT,
    "max_head_bytes": MOST_HEAD_BYTES,
}


class NotReady(Unavailable):
    kind, title = "not-ready", "Not ready"


@router.get("/livez", summary="Alive?", responses=problems(422))
async def livez() -> dict[str, str]:
    """200 while the process answers."""
    return {"status": "alive"}


@router.get("/readyz", summary="Ready?", responses=problems(422, 503))
async def readyz(service: Here) -> Readiness:
    """200 once every worker has the kernels that are used most, and from then on while there is a
    worker, if the store can be written to.

    The others follow in the background. Single fits need no cluster; where there should be one,
    `cluster` tells how it is.
    """
    if not service.pool.is_ready and service.pool.births.fail:
        raise NotReady(WHY, 5.0)
    if not service.pool.is_ready:
        raise NotReady(
            "The workers are starting, and load the kernels that are used most. This takes "
            "seconds; requests that come meanwhile are answered after it.",
            1.0,
        )
    if (failure := await service.store.failure()) is not None:
        raise NotReady(f"The store fails. {failure}", 5.0)
    return Readiness(
        status="ready",
        warm=service.pool.is_warm,
        cluster=service.cluster.state if service.cluster else None,
    )


@router.get("/limits", summary="Limits", responses=problems(422))
async def limits(service: Here) -> dict[str, int | float]:
    """Every limit in force."""
    names = {"max_names": most_names(service.settings)}
    return service.settings.limits() | names | FIXED


@router.get(
    "/metrics",
    summary="Metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **problems(422),
    },
)
def metrics(service: Here) -> Response:
    """Prometheus metrics."""
    return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)
