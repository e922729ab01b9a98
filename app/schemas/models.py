"""The model a client names: schemas that follow from the registry of shapes."""

from dataclasses import fields
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, get_type_hints

from pydantic import Discriminator, Field, StringConstraints, Tag, create_model

from app.schemas.base import Request, is_list
from models.model import Model
from models.registry import SHAPES
from models.sum import Sum

MAX_DEPTH = 4

Prefix = Annotated[str, StringConstraints(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$", max_length=50)]


class ShapeSpec(Request):
    """A shape with its options; a subclass for each comes from the registry."""

    name: str
    prefix: Prefix = Field("", description="Put before the name of each parameter")

    def build(self) -> Model:
        options = self.model_dump(exclude={"name"})
        return SHAPES[self.name](**options)


def shape_spec(name: str, shape: type[Model]) -> type[ShapeSpec]:
    """The schema of one registered shape: its options are the fields of its dataclass."""
    hints = get_type_hints(shape, include_extras=True)
    members: dict[str, Any] = {
        f.name: (hints[f.name], f.default) for f in fields(shape) if f.name != "prefix"
    }
    members["name"] = (Literal[name], ...)
    return create_model(
        f"{shape.__name__}Model",
        __base__=ShapeSpec,
        __doc__=f"{(shape.__doc__ or '').splitlines()[0]} {shape.formula}",
        **members,
    )


SPECS: dict[str, type[ShapeSpec]] = {
    name: shape_spec(name, shape) for name, shape in SHAPES.items()
}
ShapeName: Any = Literal[tuple(SHAPES)]


class SumModel(Request):
    """Components added; give each a prefix where their parameters share a name."""

    sum: list["ModelSpec"] = Field(min_length=1)

    def build(self) -> Model:
        return Sum(terms=tuple(build_model(term) for term in self.sum))


def _kind(value: Any) -> str:
    """The tag of a model spec; an unknown name is its own tag, which no schema has."""
    if isinstance(value, str):
        return "name" if value in SHAPES else value
    if isinstance(value, ShapeSpec):
        return value.name
    if isinstance(value, SumModel) or (isinstance(value, dict) and "sum" in value):
        return "sum"
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        return str(value["name"])
    return "sum" if is_list(value) else "?"


_choices: list[Any] = [Annotated[spec, Tag(name)] for name, spec in SPECS.items()]
_choices += [Annotated[ShapeName, Tag("name")], Annotated[SumModel, Tag("sum")]]

if TYPE_CHECKING:
    ModelSpec: TypeAlias = Any  # what the registry holds is known at run time only
else:
    ModelSpec = Annotated[reduce(or_, _choices), Discriminator(_kind)]

SumModel.model_rebuild()


def build_model(spec: Any) -> Model:
    """The model that a validated spec stands for."""
    model: Model = SHAPES[spec]() if isinstance(spec, str) else spec.build()
    return model


def depth(spec: Any) -> int:
    """Levels of sums in a validated spec."""
    return 1 + max(map(depth, spec.sum)) if isinstance(spec, SumModel) else 0
