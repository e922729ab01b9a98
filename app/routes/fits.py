"""GET and DELETE /fits/{fit_id}: answered fits as resources."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response

from app.errors import NotFound
from app.http.headers import JSON
from app.http.ids import Id
from app.http.queries import StrictRoute
from app.http.responses import problems
from app.schemas.answers import StoredFitAnswer
from app.service import Here

router = APIRouter(route_class=StrictRoute, prefix="/fits", tags=["fits"])

FitId = Annotated[Id, Path(description="The fit_id of an answer")]
GONE = "There is no fit with this fit_id; it may have been deleted or expired."


@router.get(
    "/{fit_id}",
    summary="A stored fit",
    response_model=StoredFitAnswer,
    responses=problems(404, 422, 503),
)
async def get_fit(
    service: Here,
    fit_id: FitId,
    include: Annotated[
        Literal["request"] | None, Query(description="request: add the request to the answer")
    ] = None,
) -> Response:
    """The stored answer, byte for byte; with `include=request` the request beside it."""
    if include is None:
        content = await service.store.find_answer(fit_id)
    else:
        stored = await service.store.find(fit_id)
        content = stored.with_request if stored else None
    if content is None:
        raise NotFound(GONE)
    return Response(content, media_type=JSON)


@router.delete(
    "/{fit_id}", summary="Forget a fit", status_code=204, responses=problems(404, 422, 503)
)
async def delete_fit(service: Here, fit_id: FitId) -> Response:
    """It cannot be asked for again."""
    if not await service.store.forget(fit_id):
        raise NotFound(GONE)
    return Response(status_code=204)
