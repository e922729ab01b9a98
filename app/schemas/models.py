"""The model a client names, or composes: schemas that follow from the registry of shapes."""

from dataclasses import fields
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, get_type_hints

from pydantic import (
    BaseModel,
    BeforeValidator,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    create_model,
)

from app.schemas.base import NAME, Edges, NotNegative, Request, Row, is_list
from app.settings import MOST_COMPONENTS
from models.formula.names import GRAMMAR
from models.model import Model
from models.registry import SHAPES

LONGEST_PREFIX, LONGEST_NAME = 50, 100  # characters

Prefix = Annotated[str, StringConstraints(pattern=rf"^({NAME})?$", max_length=LONGEST_PREFIX)]
Name = Annotated[str, StringConstraints(pattern=rf"^{NAME}$", max_length=LONGEST_NAME)]


class Named(Request):
    """What each model with parameters of its own may say about their names."""

    prefix: Prefix = Field("", description="Put before the name of each parameter")
    rename: dict[str, Name] = Field(
        default_factory=dict,
        description="New names, without prefix, by the old ones; a parameter that is renamed to "
        "the name of another component's is shared with it",
    )


class ShapeSpec(Named):
    """A shape with its options; a subclass for each comes from the registry."""

    name: str

    @property
    def options(self) -> dict[str, Any]:
        """What the shape's class takes besides names."""
        return self.model_dump(exclude={"name", "prefix", "rename"})


def whole(value: Any) -> Any:
    """1.0 as an integer, which it is in JSON and JavaScript; anything else as it was sent."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def shape_spec(name: str, shape: type[Model]) -> type[ShapeSpec]:
    """The schema of one registered shape: its options are the fields of its dataclass.

    What a field's metadata say under 'doc' describes it.
    """
    hints = get_type_hints(shape, include_extras=True)
    members: dict[str, Any] = {
        f.name: (
            Annotated[hints[f.name], BeforeValidator(whole)],
            Field(f.default, description=f.metadata.get("doc")),
        )
        for f in fields(shape)
        if f.name not in ("prefix", "rename")
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


Terms = Annotated[
    list["ModelSpec"], Field(min_length=1, max_length=MOST_COMPONENTS, fail_fast=True)
]


class SumModel(Request):
    """Components added; parameters of one name need a prefix each, or are shared by `rename`."""

    sum: Terms
    fractions: bool = Field(
        False,
        description="One amp for all, shared out by fractions; the last component gets the rest",
    )


class ProductModel(Request):
    """Factors multiplied: densities without their amp, other models as they are.

    If all are densities the product has an amp, which is no number of events.
    """

    product: Terms


class SmearedModel(Named):
    """A density convolved with a Gaussian of standard deviation `resolution`."""

    convolve: "ModelSpec"


class TemplateData(Request):
    """Contents between rising edges, one more than there are contents."""

    edges: Edges
    counts: Row[NotNegative]


class TemplateModel(Named):
    """amp times a normalised histogram, of a simulation or a control sample."""

    template: TemplateData


class FormulaModel(Request):
    """A formula in x, or in the columns of x; other names are parameters, as they appear."""

    formula: str = Field(description=GRAMMAR)
    parameters: list[Name] | None = Field(
        None,
        fail_fast=True,
        description="All parameters, in this order; another name is then an error",
    )


FORMS: dict[str, type[BaseModel]] = {
    "sum": SumModel,
    "product": ProductModel,
    "convolve": SmearedModel,
    "template": TemplateModel,
    "formula": FormulaModel,
}


def _kind(value: Any) -> str:
    """The tag of a model spec; an unknown name is its own tag, which no schema has."""
    if isinstance(value, str):
        return "name" if value in SHAPES else value
    if isinstance(value, ShapeSpec):
        return value.name
    for form, schema in FORMS.items():
        if isinstance(value, schema) or (isinstance(value, dict) and form in value):
            return form
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        return str(value["name"])
    return "sum" if is_list(value) else "?"


_choices: list[Any] = [Annotated[spec, Tag(name)] for name, spec in SPECS.items()]
_choices += [Annotated[schema, Tag(form)] for form, schema in FORMS.items()]
_choices += [Annotated[ShapeName, Tag("name")]]

if TYPE_CHECKING:
    ModelSpec: TypeAlias = Any  # what the registry holds is known at run time only
else:
    ModelSpec = Annotated[reduce(or_, _choices), Discriminator(_kind)]

for _schema in FORMS.values():
    _schema.model_rebuild()
