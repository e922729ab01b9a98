"""Which fields a request has at a location: for suggestions when a name is mistyped."""

from collections.abc import Sequence

from pydantic import BaseModel

from app.schemas.batches import HistogramBatchRequest, PointsBatchRequest
from app.schemas.models import FORMS, SPECS, TemplateData
from app.schemas.requests import REQUESTS, Constraint, HistogramData, ParameterSettings

BATCHES = (HistogramBatchRequest, PointsBatchRequest)


def fields_at(loc: Sequence[str | int], whole: type[BaseModel]) -> list[str]:
    """Names that are known there; the tags in `loc` tell which form of a union was meant."""
    if loc[-2:] == ("template", "template"):  # the field of this form
        return [*TemplateData.model_fields]
    schemas: dict[str, type[BaseModel]] = {
        "histogram": HistogramData,
        "constraint": Constraint,
        "settings": ParameterSettings,
        **FORMS,
        **SPECS,
    }
    found = schemas.get(str(loc[-1]), whole) if loc else whole
    return [*found.model_fields]


def whose(name: str) -> list[str]:
    """The requests that have a field of this name."""
    single = [f"POST /fit/{s.kind}" for s in REQUESTS.values() if name in s.model_fields]
    return single + [f"POST /fit/{s.kind}/batch" for s in BATCHES if name in s.model_fields]
