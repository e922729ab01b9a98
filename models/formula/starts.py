"""Candidate values of a formula's parameters, from what they do to x and from their units.

Of several predictors each has features of its own.
"""

import math
from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import product

from models.features import Features
from models.formula.affine import affine
from models.formula.dimensions import Unit, units
from models.formula.roles import Role, roles
from models.formula.tree import Shape, Sum, Tree

MOST = 200  # combinations
MOST_SORTED = 3_000  # combinations among which the best guesses are looked for
PLAIN = (0.5, 1.0, 2.0, 0.1, 10.0, -1.0)
EXPONENTS = (1.0, 2.0, 0.5, -1.0, 3.0, -2.0, -0.5)
PHASES = (0.0, math.pi / 2)
APART = (0.1, 0.2, 0.05, 0.3, 0.025, 0.15)  # of the extent of the data, on either side
FINE = 40  # periods
FEW = 6  # locations
BEYOND = (-0.05, 1.05, -0.3, 1.3)  # where a pole or a centre outside the data could be
BROAD = 0.25  # of the extent: a step is often wider than a peak
PLACED = {"location", "period", "rate", "width"}

Choice = dict[int, float]


def spread_out(data: Features) -> Features:
    """Features with a grid over the whole range, unless they have one."""
    if len(data.locations) > FEW:
        return data
    extent = data.extent
    grid = (0.25, 0.75, 0.5, 0.1, 0.9, *((k + 0.5) / 24 for k in range(24)), *BEYOND)
    return replace(
        data,
        locations=(*data.locations, *(data.low + extent * f for f in grid)),
        widths=(*data.widths[:1], 0.1 * extent, 0.03 * extent),
        decay_lengths=(
            *data.decay_lengths[:1],
            *(extent * f for f in (0.3, 0.1, 1.0, 0.03, 3.0)),
        ),
    )


def starts(
    tree: Tree, searched: Sequence[int], data: Features, solved: Collection[int] = ()
) -> Iterator[tuple[float, ...]]:
    """Values of the searched parameters, best guesses first, at most `MOST` of them.

    Of those `solved` for afterwards there is one.
    """
    does, unit, shapes = _analysis(tree)
    along = [data, *data.others] if tree.inputs - {0} else [data]
    spread = [spread_out(one) for one in along]
    left = set(searched)
    choices: list[list[Choice]] = []
    kinds: list[Hashable] = []  # what is alike must not start alike
    columns = [min(shape.arguments[0].inputs, default=0) for shape in shapes]
    alone = len(set(columns)) == len(columns) and not isinstance(tree, Sum)
    for shape, column in zip(shapes, columns, strict=True):
        given = _of_shape(shape, (along if alone else spread)[column], left)
        if given:
            choices.append(given)
            kinds.append((Shape, column))
            left -= given[0].keys()
    for index in sorted(left):
        if index in solved:
            choices.append([{index: PLAIN[0]}])
            kinds.append(index)
            continue
        role = does.get(index)
        choices.append([{index: value} for value in candidates(role, unit[index], spread)])
        placed = role is not None and role.kind in PLACED
        kinds.append((role, unit[index]) if placed else index)
    for choice in _best_first(choices, kinds):
        yield tuple(choice[i] for i in searched)


@lru_cache(maxsize=100)
def _analysis(tree: Tree) -> tuple[dict[int, Role], dict[int, Unit], tuple[Shape, ...]]:
    shapes = tuple(node for node in tree.walk() if isinstance(node, Shape))
    return roles(tree), units(tree), shapes


def _of_shape(shape: Shape, data: Features, left: set[int]) -> list[Choice]:
    """What a shape proposes for parameters of which one is handed to it, or c + k times one."""
    searched = [_line(t, left) for p, t in shape.handed if not p.linear and p.end is None]
    found: dict[tuple[tuple[int, float], ...], None] = {}
    for values in shape.model.starts(data):
        choice: Choice = {}
        for line, value in zip(searched, values, strict=True):
            if line is not None:  # of two for one parameter the first says more, which is a place
                index, c, k = line
                choice.setdefault(index, (value - c) / k)
        found[tuple(choice.items())] = None
    return [dict(items) for items in found if items]


def _line(tree: Tree, left: set[int]) -> tuple[int, float, float] | None:
    """i, c and k of a tree that is c + k p_i with p_i among those left; None if it is another."""
    found = affine(tree) if len(tree.parameters) == 1 else None
    if found is None:
        return None
    number, factors = found
    ((index, factor),) = factors.items()
    return (index, number, factor) if index in left else None


def candidates(role: Role | None, unit: Unit, along: Sequence[Features]) -> list[float]:
    """Values of one parameter, best guess first, by the features along each predictor."""
    found = _by_role(role, along[role.column]) if role else []
    if not found or (role and role.kind == "exponent" and unit.predictors):
        found = _by_unit(unit, along)
    return [value for value in dict.fromkeys(found) if math.isfinite(value)] or [1.0]


def _by_role(role: Role, data: Features) -> list[float]:
    far = _far(data)
    match role.kind:
        case "location":
            return [place + role.shift for place in data.locations]
        case "distance":
            return [*data.widths[:1], *(part * data.extent for part in APART)]
        case "offset":
            return [0.3 * far, 0.05 * far, 2 * far, *(-place for place in data.locations[:2])]
        case "phase":
            return [*PHASES]
        case "exponent":
            return [*EXPONENTS]
        case "base":
            return [
                math.exp(sign / length) for length in data.decay_lengths[:3] for sign in (-1, 1)
            ]
        case "period":
            products = [2 * math.pi / length for length in data.periods]
        case "width":
            products = [1 / length for length in (*data.widths, BROAD * data.extent)]
        case "rate":
            falling = [-1 / length for length in data.decay_lengths[:4]]
            products = [*falling, *(-one for one in falling[:2])]
    # coefficient * p^power is one of these
    size = role.coefficient if role.kind == "rate" else abs(role.coefficient)
    return [_power(one / size, role.power) for one in products]


def _by_unit(unit: Unit, along: Sequence[Features]) -> list[float]:
    scale = unit.number * _power(along[0].height or 1.0, float(unit.y))
    if not unit.predictors:
        return [scale * value for value in PLAIN]
    # the best guess for one predictor goes with the best for another
    powers = [_powers(along[i], float(power)) for i, power in unit.predictors]
    return [scale * math.prod(row) for row in zip(*powers, strict=False)]


def _powers(data: Features, power: float) -> list[float]:
    if power > 0:
        lengths = (*data.widths, *data.decay_lengths[:1], data.extent, _far(data))
        return [_power(length, power) for length in lengths]
    sizes = [_power(length, power) for length in dict.fromkeys((_far(data), data.extent))]
    return [*sizes, *(0.1 * size for size in sizes[:1]), *(-size for size in sizes[:1])]


def _power(base: float, exponent: float) -> float:
    try:
        return float(base**exponent)
    except (OverflowError, ZeroDivisionError):
        return math.inf


def _far(data: Features) -> float:
    return max(abs(data.low), abs(data.high)) or 1.0


def _best_first(choices: Sequence[list[Choice]], kinds: Sequence[Hashable]) -> list[Choice]:
    """Combinations in the order of the sum of their ranks, without those of two alike at once."""
    shortened = [list(c) for c in choices]
    if math.prod(map(len, shortened)) > MOST:
        # a list so long is a fine grid: every other entry still leaves no gap
        shortened = [c[::2] if len(c) > FINE else c for c in shortened]
    while math.prod(map(len, shortened)) > MOST_SORTED:
        max(shortened, key=len).pop()
    ranked = sorted(product(*map(enumerate, shortened)), key=lambda row: sum(r for r, _ in row))
    columns = [[i for i, kind in enumerate(kinds) if kind == one] for one in dict.fromkeys(kinds)]
    groups = [group for group in columns if len(group) > 1]
    rows = [[choice for _, choice in row] for row in ranked]
    distinct = [row for row in rows if all(_differ([row[i] for i in g]) for g in groups)]
    return [{i: v for c in row for i, v in c.items()} for row in _thinned(distinct or rows)]


def _differ(choices: Sequence[Choice]) -> bool:
    """Whether no two have their first value in common, which for peaks is the place."""
    return len({next(iter(choice.values())) for choice in choices}) == len(choices)


def _thinned(rows: Sequence[list[Choice]]) -> list[list[Choice]]:
    """The best, up to half of what is allowed, and some of all the others."""
    if len(rows) <= MOST:
        return list(rows)
    best, others = rows[: MOST // 2], rows[MOST // 2 :]
    return [*best, *others[:: math.ceil(len(others) / (MOST - len(best)))]]
