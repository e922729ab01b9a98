"""Is it alive, is it ready, what are its limits, how is it doing?"""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.errors import Unavailable
from app.http.queries import StrictRoute
from app.http.responses import problems
from app.schemas.answers import Readiness
from app.service import Here

router = APIRouter(route_class=StrictRoute, tags=["status"])


class NotReady(Unavailable):
    kind, title = "not-ready", "Not ready"


@router.get("/livez", summary="Alive?", responses=problems(422))
async def livez() -> dict[str, str]:
    """200 while the process answers."""
    return {"status": "alive"}


@router.get("/readyz", summary="Ready?", responses=problems(422, 503))
async def readyz(service: Here) -> Readiness:
    """200 once every worker is up, and while one is, if the store can be written to.

    Kernels may be compiled in the background. Single fits need no cluster; where there should be
    one, `cluster` tells how it is.
    """
    if not service.pool.is_ready:
        raise NotReady("The workers are starting; this takes seconds.", 1.0)
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
    return service.settings.limits()


@router.get(
    "/metrics",
    summary="Metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **problems(422)},
)
def metrics(service: Here) -> Response:
    """Prometheus metrics."""
    return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)
