"""From a valid model spec to the model that it stands for, with what is wrong told at its place."""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from app.errors import InvalidRequest
from app.schemas.models import (
    FormulaModel,
    Named,
    ProductModel,
    ShapeSpec,
    SmearedModel,
    SumModel,
    TemplateModel,
)
from app.settings import Settings
from app.translation.refusals import refuse_many, refuse_unknown
from fitting.errors import Path
from fitting.padding import bucket_length, pad
from models.composition.composite import Composite
from models.composition.mixture import Mixture
from models.composition.product import Product
from models.composition.smeared import Smeared
from models.composition.sum import Sum
from models.composition.template import Template
from models.formula.errors import FormulaError
from models.formula.formula import Formula
from models.formula.parse import Limits
from models.model import Density, Model
from models.registry import SHAPES

MAX_DEPTH = 4
SMEARED_TWICE = (
    "two resolutions, one after the other, are one, of which the data cannot tell the parts; leave "
    "one of them out"
)


def build_model(spec: Any, settings: Settings) -> Model:
    """The model of a spec; InvalidRequest says what is wrong with it."""
    refuse_many(("model",), components(spec), settings.max_components, "components")
    model = build(spec, settings, ("model",))
    names = [p.name for p in model.parameters]
    # parameters that are renamed to one name are one: as in a sum, which sees to it
    return model if len(set(names)) == len(names) else compose(Sum, (model,), ("model",))


def components(spec: Any) -> int:
    """Of a spec, over all its levels."""
    match spec:
        case SumModel(sum=specs) | ProductModel(product=specs):
            return sum(map(components, specs))
        case SmearedModel(convolve=inner):
            return components(inner)
    return 1


def build(spec: Any, settings: Settings, path: Path) -> Model:
    """The model of a spec which stands at `path`."""
    if len(path) > 1 + 2 * MAX_DEPTH:
        raise InvalidRequest([(path, f"models may be nested {MAX_DEPTH} deep at most")])
    match spec:
        case str():
            return SHAPES[spec]()
        case ShapeSpec():
            return named(SHAPES[spec.name], spec, path, **spec.options)
        case SumModel(sum=specs, fractions=True):
            terms = build_all(specs, settings, (*path, "sum"))
            refuse_others(terms, (*path, "sum"), "fractions")
            return compose(Mixture, terms, path)
        case SumModel(sum=specs):
            return compose(Sum, build_all(specs, settings, (*path, "sum")), path)
        case ProductModel(product=specs):
            return compose(Product, build_all(specs, settings, (*path, "product")), path)
        case SmearedModel(convolve=inner):
            density = build(inner, settings, (*path, "convolve"))
            if isinstance(density, Smeared):  # Gaussians in a row are one
                raise InvalidRequest([((*path, "convolve"), SMEARED_TWICE)])
            refuse_others((density,), (*path, "convolve"), "a convolution")
            return named(Smeared, spec, path, density=density)
        case TemplateModel():
            return to_template(spec, settings, path)
        case FormulaModel():
            return to_formula(spec, settings, path)
    raise AssertionError(spec)


def build_all(specs: Sequence[Any], settings: Settings, path: Path) -> tuple[Model, ...]:
    """The terms of a composition."""
    return tuple(build(spec, settings, (*path, i)) for i, spec in enumerate(specs))


def compose(kind: type[Composite], terms: tuple[Model, ...], path: Path) -> Model:
    """The composition, if parameters are shared by nothing but the client's own words."""
    model = kind(terms=terms)
    implicit = Counter(p.name for p in model.own())
    for term, taken in model.taking():
        implicit.update(p.name for p in taken if p.name not in term.given_names)
    double = [name for name, times in implicit.items() if times > 1]
    if double:
        message = (
            f"components share the parameter names {', '.join(double[:5])}; give each component "
            'a "prefix", or share parameters in so many words: "rename": {"mu": "a_mu"}'
        )
        raise InvalidRequest([(path, message)])
    return model


def refuse_others(terms: Sequence[Model], path: Path, what: str) -> None:
    """InvalidRequest for terms that are no densities."""
    wrong = [i for i, term in enumerate(terms) if not isinstance(term, Density)]
    if wrong:
        known = [name for name, shape in SHAPES.items() if issubclass(shape, Density)]
        message = f"{what} takes densities only: {', '.join(known)}, or a template"
        raise InvalidRequest([((*path, i) if len(terms) > 1 else path, message) for i in wrong])


def named(kind: type[Model], spec: Named, path: Path, **options: Any) -> Model:
    """A model with the names that its spec gives to its parameters."""
    model = kind(prefix=spec.prefix, rename=tuple(spec.rename.items()), **options)
    names = [p.name for p in model.declare()]
    renamed = (((*path, "rename", name), name) for name in spec.rename)
    refuse_unknown(renamed, names, "no parameter of this model")
    return model


def to_template(spec: TemplateModel, settings: Settings, path: Path) -> Model:
    """A template, padded to a length that it shares with others."""
    edges, counts = np.array(spec.template.edges), np.array(spec.template.counts)
    where = (*path, "template")
    if len(counts) > settings.max_bins:
        raise InvalidRequest([((*where, "counts"), f"at most {settings.max_bins} are allowed")])
    if len(edges) != len(counts) + 1:
        raise InvalidRequest(
            [((*where, "edges"), f"{len(edges)} edges for {len(counts)} counts; one more is right")]
        )
    falling, negative = np.flatnonzero(np.diff(edges) <= 0), np.flatnonzero(counts < 0)
    if len(falling) or len(negative) or not counts.any():
        raise InvalidRequest(
            [((*where, "edges", int(i) + 1), "edges must rise") for i in falling]
            + [((*where, "counts", int(i)), "counts cannot be negative") for i in negative]
            or [((*where, "counts"), "every bin is empty, so there is no shape")]
        )
    if not np.isfinite(total := counts.sum()):
        message = "the counts add up to more than a double holds; scale them down"
        raise InvalidRequest([((*where, "counts"), message)])
    size = bucket_length(len(counts))
    below = np.concatenate([[0.0], np.cumsum(counts / total)])
    tables = {"edges": pad(edges, size + 1), "below": pad(below, size + 1)}
    return named(Template, spec, path, size=size, **tables)


def to_formula(
    spec: FormulaModel, settings: Settings, path: Path, columns: Sequence[str] | None = None
) -> Formula:
    """A formula's model, in x or in these columns; mistakes are told by column of the text."""
    limits = Limits(
        length=settings.max_formula_length,
        nodes=settings.max_formula_nodes,
        parameters=settings.max_parameters,
    )
    declared = None if spec.parameters is None else tuple(spec.parameters)
    try:
        # in one order: that in which the client names the columns means nothing
        predictors = None if columns is None else tuple(sorted(columns))
        return read_formula(spec.formula, declared, limits, predictors)
    except FormulaError as error:
        listed = error.column is None and spec.parameters is not None
        where: Path = ("parameters",) if listed else ("formula",)
        if error.entry is not None:
            where += (error.entry,)
        raise InvalidRequest([((*path, *where), str(error))]) from None


@lru_cache(maxsize=1000)
def read_formula(
    text: str,
    parameters: tuple[str, ...] | None,
    limits: Limits,
    columns: tuple[str, ...] | None,
) -> Formula:
    """Reading a long formula takes milliseconds, and clients send the same one again and again."""
    return Formula.read(text, SHAPES, parameters, limits, columns)
