"""GET /models: the shapes that can be fitted."""

from typing import Annotated

from fastapi import APIRouter, Path

from app.catalogue import catalogue
from app.errors import NotFound, did_you_mean
from app.examples import COMPOSITIONS
from app.http.queries import StrictRoute
from app.http.responses import problems
from app.schemas.answers import CatalogueAnswer, ShapeAnswer
from app.service import Here
from models.registry import SHAPES

router = APIRouter(route_class=StrictRoute, prefix="/models", tags=["models"])


@router.get("", summary="All shapes", responses=problems(422, 503))
async def list_models(service: Here) -> CatalogueAnswer:
    """Every shape, with its formula, parameters, limits, options and example requests."""
    entries = await service.prepared.get(catalogue)
    return CatalogueAnswer.model_validate(
        {"models": list(entries.values()), "compositions": COMPOSITIONS}
    )


@router.get("/{name}", summary="One shape", responses=problems(404, 422, 503))
async def get_model(
    service: Here, name: Annotated[str, Path(description="A name from GET /models")]
) -> ShapeAnswer:
    """Its formula, parameters, limits, options and example requests."""
    if name not in SHAPES:
        close = did_you_mean(name, SHAPES)
        raise NotFound(f"There is no such model{close}; GET /models lists them.")
    entries = await service.prepared.get(catalogue)
    return ShapeAnswer.model_validate(entries[name])
