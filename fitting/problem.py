"""One fit, asked: model, data and what is known of the parameters. Immutable, no HTTP."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from fitting.bare import Bare
from fitting.bounds import Bounds
from fitting.data import Data, Histogram
from fitting.errors import InvalidProblem
from fitting.kernels.key import KernelKey
from fitting.kernels.packing import Prior
from fitting.padding import BLOCK, Flags, Floats
from models.model import Model
from models.parameter import Parameter

SMALLEST, LARGEST = 1e-150, 1e150  # what still has a square

FAR_FROM_CONSTRAINT = (
    "the value at which the parameter is fixed is so many sigmas from the constraint that their "
    "square is no number: leave the constraint out"
)

Limits = tuple[float | None, float | None]


@dataclass(frozen=True)
class Knowledge:
    """What the client says of one parameter; None leaves it to the service."""

    start: float | None = None
    limits: Limits | None = None
    fixed: bool = False
    constraint: tuple[float, float] | None = None  # value, sigma

    def tension(self, start: Any) -> Any:
        """How many sigmas a parameter that is fixed at `start` is from its constraint."""
        if self.constraint is None or not self.fixed:
            return 0.0 * start
        value, sigma = self.constraint
        return (start - value) / sigma


def starts_of(knowledge: Iterable[Knowledge]) -> Floats:
    """The starts, (parameters,); NaN where there is none."""
    return np.array([np.nan if k.start is None else k.start for k in knowledge], dtype=float)


def with_ends(model: Model, data: Data, knowledge: Iterable[Knowledge]) -> tuple[Knowledge, ...]:
    """Knowledge of the ends of a shape's range, where the client has none: those of the data."""
    ends = [{"low": low, "high": high} for low, high in data.ends]
    return tuple(
        known
        if parameter.end is None or known.limits is not None or known.constraint is not None
        else Knowledge(
            ends[parameter.column][parameter.end] if known.start is None else known.start,
            fixed=True,
        )
        for parameter, known in zip(model.parameters, knowledge, strict=True)
    )


@dataclass(frozen=True, eq=False)
class FitProblem(Bare):
    """A complete question.

    `knowledge` holds one entry per parameter, in the model's order (see `with_ends`). Without
    `absolute_sigma` the errors of the data are known up to a factor, and the covariance is scaled
    by the reduced chi-square. `minos` names the parameters whose MINOS intervals are wanted;
    `combined` are those that are combinations of the model's own, with their coefficients.
    """

    model: Model
    data: Data
    knowledge: tuple[Knowledge, ...]
    absolute_sigma: bool = True
    minos: tuple[str, ...] = ()
    combined: Mapping[str, Floats] | None = None

    def __post_init__(self) -> None:
        for parameter, known in zip(self.parameters, self.knowledge, strict=True):
            check(parameter, known, self.limits_of(parameter, known))
        for name in () if self.combined else self.minos:
            if self.knowledge[self.names.index(name)].fixed:
                raise InvalidProblem(("minos", name), f"{name} is fixed; it has no MINOS interval")

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        return self.model.parameters

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(p.name for p in self.parameters)

    def axis(self, name: str) -> Floats:
        """Of what `minos` names: its coefficients in the model's parameters."""
        if self.combined is not None:
            return self.combined[name]
        return np.eye(len(self.names))[self.names.index(name)]

    @property
    def cost(self) -> str:
        """The name of the cost function in `kernels.costs.COSTS`."""
        if isinstance(self.data, Histogram):
            return "poisson"
        return "effective-variance" if self.data.has_x_err else "least-squares"

    @cached_property
    def largest_y_in_errors(self) -> float:
        """The largest y of points, in units of its error; of a histogram 1."""
        data = self.data
        if isinstance(data, Histogram):
            return 1.0
        with np.errstate(over="ignore"):
            return float(np.max(np.abs(data.y / data.y_err)[data.inside]))

    @property
    def vanishes(self) -> bool:
        """Whether the chi-square of relative errors, their only measure, has no digits."""
        return not self.absolute_sigma and 0 < self.largest_y_in_errors < SMALLEST

    @property
    def has_squares(self) -> bool:
        """Whether a chi-square and its second derivatives are numbers, in units like those of y."""
        if isinstance(self.data, Histogram):
            return True
        smallest = float(self.data.y_err[self.data.inside].min())
        usual = SMALLEST <= smallest <= LARGEST and self.largest_y_in_errors <= LARGEST
        return usual and not self.vanishes

    @cached_property
    def linear(self) -> Flags:
        """Parameters in which the model is linear, all of them together."""
        return np.array([parameter.linear for parameter in self.parameters])

    @cached_property
    def scales(self) -> Flags:
        """The linear parameters, if no more than one that is free is not: they may follow from it.

        From several others there are many ways, and some to the wrong minimum (NIST's Thurber).
        """
        others = ~self.linear & ~self.bounds.fixed
        return self.linear & (np.count_nonzero(others) < 2)

    @cached_property
    def is_linear(self) -> bool:
        """Whether the model is linear in all that is free."""
        pairs = zip(self.parameters, self.knowledge, strict=True)
        return all(parameter.linear or known.fixed for parameter, known in pairs)

    @cached_property
    def is_linear_in_products(self) -> bool:
        """Whether it is, or in products n a besides n, of which nothing else is known.

        A minimum is then the only one, if no n is 0 there.
        """
        relative, bounds = self.model.relative, self.bounds
        if not relative:
            return self.is_linear
        alone = np.isinf(bounds.lower) & np.isinf(bounds.upper)
        return all(
            parameter.linear
            or known.fixed
            or (i in relative and alone[i] and alone[relative[i]] and not self.prior.weight[i])
            for i, (parameter, known) in enumerate(
                zip(self.parameters, self.knowledge, strict=True)
            )
        )

    @cached_property
    def kernel_key(self) -> KernelKey:
        """What this fit needs compiled: long data share one kernel, and go through it in blocks."""
        length = self.data.length
        # every block would have to bring the tables
        return KernelKey(self.cost, self.model, length if self.model.tables else min(length, BLOCK))

    def limits_of(self, parameter: Parameter, known: Knowledge) -> Limits:
        """The client's limits, else the natural ones."""
        if known.limits is not None:
            return known.limits
        return parameter.limits(counting=isinstance(self.data, Histogram))

    @cached_property
    def bounds(self) -> Bounds:
        limits = [
            self.limits_of(*pair) for pair in zip(self.parameters, self.knowledge, strict=True)
        ]
        return Bounds(
            lower=np.array([-np.inf if lo is None else lo for lo, _ in limits]),
            upper=np.array([np.inf if hi is None else hi for _, hi in limits]),
            fixed=np.array([known.fixed for known in self.knowledge], dtype=bool),
        )

    @cached_property
    def reach(self) -> Floats:
        """Half of the fitted range for parameters that are places on it, 0 for others."""
        low, high = self.data.ends[0]
        return np.array([(high - low) / 2 if p.place else 0.0 for p in self.parameters])

    @cached_property
    def prior(self) -> Prior:
        """A constraint on what is fixed adds a constant, see `penalty`."""
        nothing = 0.0, np.inf
        constraints = [
            nothing if known.constraint is None or known.fixed else known.constraint
            for known in self.knowledge
        ]
        return Prior(
            center=np.array([value for value, _ in constraints]),
            weight=np.array([sigma**-2.0 for _, sigma in constraints]),
        )

    @cached_property
    def penalty(self) -> float:
        """What constraints on fixed parameters add to the cost.

        It is added to the answer only: a large constant would take digits from the rest.
        """
        return sum(k.tension(k.start) ** 2 for k in self.knowledge if k.fixed)

    def begun_at(self, params: Floats) -> "FitProblem":
        """The same question, with starts at `params`."""
        pairs = zip(self.knowledge, params.tolist(), strict=True)
        return replace(self, knowledge=tuple(replace(known, start=p) for known, p in pairs))

    @cached_property
    def ndof(self) -> int:
        """Entries fitted, plus constraints, minus free parameters."""
        return self.ndof_of_free + sum(k.constraint is not None and k.fixed for k in self.knowledge)

    @cached_property
    def ndof_of_free(self) -> int:
        """The same without constraints on fixed parameters, which say nothing of the others."""
        constrained = sum(k.constraint is not None and not k.fixed for k in self.knowledge)
        return self.data.size + constrained - int((~self.bounds.fixed).sum())


def check(parameter: Parameter, known: Knowledge, limits: Limits) -> None:
    """Refuse what cannot be meant."""
    where = ("parameters", parameter.name)
    lower, upper = limits
    if lower is not None and upper is not None and lower >= upper:
        raise InvalidProblem(
            (*where, "limits"), f"lower limit {lower:g} is not below upper limit {upper:g}"
        )
    if known.fixed and known.start is None:
        raise InvalidProblem(where, "a fixed parameter needs a start: the value to fix it at")
    if known.start is not None and not (
        (lower is None or known.start >= lower) and (upper is None or known.start <= upper)
    ):
        source = "limits" if known.limits is not None else "natural limits"
        raise InvalidProblem(
            (*where, "start"),
            f"start {known.start:g} is outside the {source} {describe(limits)}; "
            "move the start, or give other limits",
        )
    if known.constraint is not None:
        sigma, place = known.constraint[1], (*where, "constraint", "sigma")
        if sigma <= 0:
            raise InvalidProblem(place, "sigma of a constraint must be positive")
        if sigma < SMALLEST:
            message = f"{sigma:g} is so small that its square is no number: fix the parameter"
            raise InvalidProblem(place, message)
        if known.fixed and is_far(known, known.start):
            raise InvalidProblem((*where, "constraint"), FAR_FROM_CONSTRAINT)


def is_far(known: Knowledge, start: Any) -> Any:
    """Whether what is fixed at `start` is so far from its constraint that chi2 is no number."""
    with np.errstate(over="ignore"):
        return np.abs(known.tension(start)) > LARGEST


def describe(limits: Limits) -> str:
    """The limits as JSON writes them."""
    lower, upper = ("null" if limit is None else f"{limit:g}" for limit in limits)
    return f"[{lower}, {upper}]"
