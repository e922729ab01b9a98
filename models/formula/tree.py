"""A formula as a tree: immutable, hashable, free of the names of its parameters.

There is no minus: a - b is a + (-1) * b. Comparisons stand in `Where` only.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Literal, Self

from models.model import Density, Model
from models.parameter import Parameter


class Tree:
    """A node; what is asked of a tree again and again is worked out once a node."""

    @cached_property
    def parts(self) -> tuple[Any, ...]:
        """The fields, for comparison."""
        return tuple(getattr(self, f.name) for f in fields(self))  # type: ignore[arg-type]

    @cached_property
    def children(self) -> tuple["Tree", ...]:
        """The nodes right below this one, from left to right."""
        found: list[Tree] = []
        for part in self.parts:
            found += [part] if isinstance(part, Tree) else part if isinstance(part, tuple) else []
        return tuple(found)

    @cached_property
    def key(self) -> str:
        """A text that is the same in every process, to sort by."""
        below = " ".join(child.key for child in self.children)
        plain = [str(p) for p in self.parts if not isinstance(p, Tree | tuple)]
        return f"({' '.join([type(self).__name__, *plain])} {below})"

    @cached_property
    def size(self) -> int:
        """Number of nodes."""
        return 1 + sum(child.size for child in self.children)

    @cached_property
    def has_input(self) -> bool:
        """Whether the value depends on x."""
        return bool(self.inputs)

    @cached_property
    def inputs(self) -> frozenset[int]:
        """Indices of the predictors."""
        return frozenset().union(*(child.inputs for child in self.children))

    @cached_property
    def parameters(self) -> frozenset[int]:
        """Indices of the parameters."""
        return frozenset().union(*(child.parameters for child in self.children))

    def map(self, change: Callable[["Tree"], "Tree"]) -> Self:
        """The same node with each of its children changed."""

        def changed(part: Any) -> Any:
            if isinstance(part, Tree):
                return change(part)
            return tuple(map(changed, part)) if isinstance(part, tuple) else part

        node: Any = self
        return replace(node, **{f.name: changed(getattr(self, f.name)) for f in fields(node)})

    def walk(self) -> Iterator["Tree"]:
        """This node and all below, from left to right."""
        yield self
        for child in self.children:
            yield from child.walk()

    @cached_property
    def _hash(self) -> int:
        return hash((type(self).__name__, self.parts))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Tree) or type(self) is not type(other):
            return NotImplemented if not isinstance(other, Tree) else False
        return self._hash == other._hash and self.parts == other.parts

    def __getstate__(self) -> dict[str, Any]:
        # hashes of texts differ between processes: what was worked out here stays here
        return {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class Constant(Tree):
    """A finite number."""

    value: float


@dataclass(frozen=True, eq=False)
class Input(Tree):
    """The predictor of that index; x, where there is only one."""

    index: int = 0

    @cached_property
    def inputs(self) -> frozenset[int]:
        return frozenset((self.index,))


@dataclass(frozen=True, eq=False)
class Param(Tree):
    """The parameter of that index among the client's names."""

    index: int

    @cached_property
    def parameters(self) -> frozenset[int]:
        return frozenset((self.index,))


@dataclass(frozen=True, eq=False)
class Sum(Tree):
    """Terms added from left to right."""

    terms: tuple[Tree, ...]


@dataclass(frozen=True, eq=False)
class Product(Tree):
    """Factors multiplied."""

    factors: tuple[Tree, ...]


@dataclass(frozen=True, eq=False)
class Quotient(Tree):
    """Numerator over denominator."""

    numerator: Tree
    denominator: Tree


@dataclass(frozen=True, eq=False)
class Power(Tree):
    """Base to the exponent."""

    base: Tree
    exponent: Tree


@dataclass(frozen=True, eq=False)
class Call(Tree):
    """A function of `models.formula.functions`."""

    function: str
    arguments: tuple[Tree, ...]


@dataclass(frozen=True, eq=False)
class Compare(Tree):
    """Condition of a `Where`."""

    operator: Literal["<", "<="]
    left: Tree
    right: Tree


@dataclass(frozen=True, eq=False)
class Where(Tree):
    """`yes` where the condition holds, else `no`."""

    condition: Compare
    yes: Tree
    no: Tree


@dataclass(frozen=True, eq=False)
class Shape(Tree):
    """A shape of the library at its first argument: the pdf of a density, the value of a curve."""

    model: Model
    arguments: tuple[Tree, ...]

    @cached_property
    def handed(self) -> tuple[tuple[Parameter, Tree], ...]:
        """The shape's parameters with what is handed to each."""
        return tuple(zip(call_parameters(self.model), self.arguments[1:], strict=True))


def call_parameters(model: Model) -> tuple[Parameter, ...]:
    """What a call of a shape takes after x: all its parameters, of a density all but amp."""
    return model.declare()[1:] if isinstance(model, Density) else model.declare()


MINUS_ONE = Constant(-1.0)
