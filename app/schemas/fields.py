"""Which fields a request has at a location: for suggestions when a name is mistyped."""

from collections.abc import Sequence

from pydantic import BaseModel

from app.schemas.batches import HistogramBatchRequest, PointsBatchRequest
from app.schemas.models import FORMS, SPECS, TemplateData
from app.schemas.requests import (
    Constraint,
    HistogramData,
    HistogramRequest,
    ParameterSettings,
    PointsRequest,
)


def fields_at(loc: Sequence[str | int]) -> list[str]:
    """Names that are known there; the tags in `loc` tell which form of a union was meant."""
    last = loc[-1] if loc else ""
    schemas: dict[str, tuple[type[BaseModel], ...]] = {
        "histogram": (HistogramData,),
        "constraint": (Constraint,),
        "settings": (ParameterSettings,),
        "template": (TemplateData, FORMS["template"]),
        **{form: (schema,) for form, schema in FORMS.items() if form != "template"},
        **{name: (spec,) for name, spec in SPECS.items()},
    }
    whole = (HistogramRequest, PointsRequest, HistogramBatchRequest, PointsBatchRequest)
    found = schemas.get(str(last), whole)
    return [name for schema in found for name in schema.model_fields]
