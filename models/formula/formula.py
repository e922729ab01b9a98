"""The model that a client writes as a formula."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

from jax import Array

from models.breaks import Break
from models.features import Features
from models.formula.affine import affine
from models.formula.bands import without_bands
from models.formula.canonical import canonical
from models.formula.evaluate import evaluate
from models.formula.integrate import integrate
from models.formula.kinks import ends_of_shapes, kinks
from models.formula.linear import linear_parameters, relative_parameters
from models.formula.names import PREDICTOR
from models.formula.parse import Limits, parse
from models.formula.starts import starts
from models.formula.terms import replaced, separate_terms
from models.formula.tree import Constant, Input, Param, Product, Shape, Sum, Tree
from models.model import Density, Model
from models.parameter import Parameter, merge


@dataclass(frozen=True)
class Formula(Model):
    """A formula in x; its parameters in order of appearance, or as declared.

    Formulas that differ in the names of their parameters only, or in spelling, are equal. So are
    those that differ in the names of their predictors, of which there may be several.
    """

    tree: Tree
    names: tuple[str, ...] = field(compare=False)
    predictors: tuple[str, ...] = field(default=(PREDICTOR,), compare=False)
    columns: int = field(init=False)

    formula = "an expression in x"
    reference = "-"

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", len(self.predictors))

    @classmethod
    def read(
        cls,
        text: str,
        shapes: Mapping[str, type[Model]],
        parameters: Sequence[str] | None = None,
        limits: Limits = Limits(),  # noqa: B008 (immutable)
        columns: Sequence[str] | None = None,
    ) -> Self:
        """The model of a text that may call these shapes; FormulaError says what is wrong.

        `columns` are the names that may be predictors, instead of x.
        """
        parsed = parse(text, shapes, parameters, limits, columns)
        return cls(canonical(parsed.tree), parsed.names, parsed.predictors)

    @property
    def inputs(self) -> int:
        return self.columns

    def declare(self) -> tuple[Parameter, ...]:
        return self._declared

    @cached_property
    def _declared(self) -> tuple[Parameter, ...]:
        linear, events = linear_parameters(self.tree), amounts(self.tree)
        limits = natural_limits(self.tree)
        return tuple(
            replace(
                limits.get(i, Parameter(name)),
                name=name,
                linear=i in linear,
                events=i in events,
                place=False,  # what is called may be given another x
            )
            for i, name in enumerate(self.names)
        )

    def value(self, x: Array, *params: Array) -> Array:
        return evaluate(self.tree, x if self.columns == 1 else tuple(x), params)

    def integral(self, edges: Array, *params: Array) -> Array:
        return integrate(self.tree, edges, params)

    def starts(self, data: Features) -> Iterable[tuple[float, ...]]:
        return starts(self.tree, self.searched, data, self.relative)

    def starts_beside(
        self, data: Features, known: Mapping[int, float]
    ) -> Iterable[tuple[float, ...]]:
        own = [i for i in self.searched if i not in known]
        values = {i: Constant(value) for i, value in known.items()}
        return starts(canonical(replaced(self.tree, values)), own, data, self.relative)

    @property
    def given_names(self) -> frozenset[str]:
        return super().given_names.union(self.names)

    @cached_property
    def parts(self) -> tuple[tuple[Model, tuple[int, ...]], ...]:
        """Terms of the formula that are searched for one after the other."""
        linear = frozenset(i for i, p in enumerate(self.declare()) if p.linear)
        ends = frozenset(i for i, p in enumerate(self.declare()) if p.end is not None)
        terms = separate_terms(self.tree, linear, ends)
        if len(terms) == 1:
            return super().parts
        return tuple(
            (Formula(tree, tuple(self.names[i] for i in places), self.predictors), places)
            for tree, places in terms
        )

    @cached_property
    def relative(self) -> Mapping[int, int]:
        return relative_parameters(self.tree, linear_parameters(self.tree))

    @cached_property
    def breaks(self) -> tuple[Break, ...]:
        if self.columns > 1:
            return ()
        tree = without_bands(self.tree)
        zeros = [*ends_of_shapes(tree), *(line.zero for line in kinks(tree))]
        known = [found for found in map(affine, zeros) if found and found[1]]
        own = [Break(tuple(factors.items()), number) for number, factors in known]
        return tuple(dict.fromkeys([*super().breaks, *own]))

    @property
    def by_quadrature(self) -> bool:
        return True

    @property
    def is_custom(self) -> bool:
        return True


def amounts(tree: Tree) -> frozenset[int]:
    """Parameters that do nothing but multiply a density, as the `amp` of a shape does."""
    terms = tree.terms if isinstance(tree, Sum) else (tree,)
    found: list[int] = []
    for term in terms:
        match term:
            case Product((Param(index), Shape(Density(), (Input(), *_)))):
                found.append(index)
    everywhere = [t.index for t in tree.walk() if isinstance(t, Param)]
    return frozenset(i for i in found if found.count(i) == everywhere.count(i))


def natural_limits(tree: Tree) -> dict[int, Parameter]:
    """For parameters that are handed to a shape as they are: what the shape says of them."""
    found: dict[int, Parameter] = {}
    for node in tree.walk():
        if not isinstance(node, Shape):
            continue
        columns = node.arguments[0].inputs
        for parameter, argument in node.handed:
            if isinstance(argument, Param):
                # the range of a shape at x1 + x2 has no ends in the data
                end = parameter.end if len(columns) < 2 else None
                said = replace(parameter, end=end, column=min(columns, default=0))
                found[argument.index] = merge(found.get(argument.index, said), said)
    return found
