"""Gauss-Legendre integrals over bins, for models without a cdf.

`bin_integrals` is right for a function that is smooth over every bin. `panel_integrals` is right
for bins of any width: the shape names points between which its function is smooth, and bins are
cut there. `scaled_integrals` is the same on other scales, such as that of log x. `cut_integrals`
is right for a function with kinks and jumps at known points, whose derivatives count.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_batching import custom_vmap
from jax.lax import cond, sort, stop_gradient
from jax.ops import segment_sum

PANEL_ORDER = 16
NARROW_ORDER = 6
NARROW = 1 / 8  # of a panel: there the small rule is as good as the large one in a whole panel
SHORT_ORDER = 12  # good to 1e-15 in bins that are short for poles at +-i
NEGLIGIBLE = 36.0  # exp(-36) of the largest density in a bin may be left out of its integral


@cache
def gauss_legendre(order: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Nodes and weights on [-1, 1], exact for polynomials of degree 2 * order - 1.

    Newton's method on the Legendre recurrence (NIST DLMF, 3.5(v)).
    """
    nodes, weights = [], []
    for i in range(order):
        x = math.cos(math.pi * (i + 0.75) / (order + 0.5))
        slope = 1.0
        for _ in range(100):
            previous, current = 1.0, x
            for k in range(2, order + 1):
                previous, current = current, ((2 * k - 1) * x * current - (k - 1) * previous) / k
            slope = order * (x * current - previous) / (x * x - 1) if order > 1 else 1.0
            step = current / slope
            x -= step
            if abs(step) < 1e-16:
                break
        nodes.append(x if order > 1 else 0.0)
        weights.append(2 / ((1 - x * x) * slope * slope) if order > 1 else 2.0)
    return tuple(nodes), tuple(weights)


def bin_integrals(f: Callable[[Array], Array], edges: Array, order: int) -> Array:
    """Integral of f over each bin: shape (bins + 1,) in, (bins,) out."""
    return _integrals_between(f, edges[:-1], edges[1:], order)


def _integrals_between(
    f: Callable[[Array], Array], lower: Array, upper: Array, order: int
) -> Array:
    nodes, weights = gauss_legendre(order)
    half = (upper - lower)[:, None] / 2
    middle = (upper + lower)[:, None] / 2
    return jnp.sum(f(middle + half * jnp.array(nodes)) * jnp.array(weights), axis=-1) * half[:, 0]


def panel_integrals(f: Callable[[Array], Array], edges: Array, breaks: Array) -> Array:
    """Integral of f over each bin, of any width: shape (bins + 1,) in, (..., bins) out.

    Several functions of x come stacked along the first axes of what f returns.

    `breaks` rise and cut the line into panels. Over any part of a panel f must be within reach of
    `PANEL_ORDER` nodes: no singularity in the complex plane nearer than the panel is wide, and no
    fall by more than a factor of about exp(16). All terms are added with the sign of f, so
    nothing cancels, neither in a far tail nor in a narrow bin.
    """
    breaks = stop_gradient(breaks)  # the integral does not depend on where it is cut
    lower, upper = edges[:-1], edges[1:]
    below = jnp.searchsorted(breaks, stop_gradient(edges))
    on_break = breaks[jnp.minimum(below, len(breaks) - 1)] == stop_gradient(edges)
    first, last = (below + on_break)[:-1], below[1:] - 1
    panels = jnp.diff(breaks)
    room = jnp.concatenate([panels[:1], panels, panels[-1:]])
    widest = NARROW * jnp.minimum(room[first], room[last + 1])

    def narrow() -> Array:
        return bin_integrals(f, edges, NARROW_ORDER)

    def general() -> Array:
        cut = last >= first
        end = jnp.where(cut, breaks[jnp.minimum(first, len(breaks) - 1)], upper)
        begin = jnp.where(cut, breaks[jnp.maximum(last, 0)], upper)
        # one call, since f is compiled anew for each
        pieces = _integrals_between(
            f,
            jnp.concatenate([lower, begin, breaks[:-1]]),
            jnp.concatenate([end, upper, breaks[1:]]),
            PANEL_ORDER,
        )
        bins = len(lower)
        ends = pieces[..., :bins] + pieces[..., bins : 2 * bins]
        whole = pieces[..., None, 2 * bins :]
        panel = jnp.arange(len(breaks) - 1)
        inside = (panel >= first[:, None]) & (panel < last[:, None])
        return ends + jnp.where(inside, whole, 0.0).sum(axis=-1)

    # recomputing costs less than keeping what both branches would remember for reverse mode
    small, large = (jax.checkpoint(rule, prevent_cse=False) for rule in (narrow, general))
    return cond(everywhere(jnp.all(stop_gradient(upper - lower) <= widest)), small, large)


Scale = Callable[[Array, Array, Array], tuple[Array, Array]]


def linear_scale(lower: Array, upper: Array, nodes: Array) -> tuple[Array, Array]:
    """x at nodes that lie on [-1, 1] in x, and dx per node."""
    half = (upper - lower) / 2
    return lower + half * (1 + nodes), half


def log_scale(lower: Array, upper: Array, nodes: Array) -> tuple[Array, Array]:
    """x at nodes that lie on [-1, 1] in log x, and dx per node; lower > 0."""
    half = jnp.log1p((upper - lower) / lower) / 2
    x = lower * jnp.exp(half * (1 + nodes))
    return x, x * half


def inverse_scale(lower: Array, upper: Array, nodes: Array) -> tuple[Array, Array]:
    """x at nodes that lie on [-1, 1] in -1 / x, and dx per node; lower > 0."""
    half = (upper - lower) / lower / upper / 2
    x = 1 / (1 / lower - half * (1 + nodes))
    return x, x * x * half


def scaled_integrals(
    f: Callable[[Array], Array], edges: Array, breaks: Array, scale: Scale
) -> Array:
    """Integral of f over each bin, of any width: shape (bins + 1,) in, (bins,) out.

    Between breaks, of any order, f must be as smooth on the scale as `panel_integrals` wants it
    in x. It compiles faster: edges and breaks are sorted together, and each piece gets the
    large rule. The edges may depend on parameters; derivatives pass through the rule.
    """
    breaks, known = stop_gradient((breaks, edges))
    last = len(edges) - 1
    bins = jnp.maximum(jnp.sum(known <= breaks[:, None], axis=1) - 1, 0)
    # a break at an edge or beyond the last must move with it, or the piece beside it would not
    breaks = jnp.where((breaks > known[bins]) & (bins < last), breaks, edges[bins])
    points = jnp.concatenate([edges, breaks])
    _, bins, order = sort(
        (
            stop_gradient(points),
            jnp.concatenate([jnp.arange(len(edges)), bins]),
            jnp.arange(len(points)),
        ),
        num_keys=2,
    )
    points = points[order]
    nodes, weights = map(jnp.array, gauss_legendre(PANEL_ORDER))
    lower, upper = points[:-1], points[1:]
    # an empty piece may lie where f has no value
    some = upper > lower
    x, dx = scale(
        jnp.where(some, lower, known[0])[:, None], jnp.where(some, upper, known[-1])[:, None], nodes
    )
    pieces = jnp.where(some, (f(x) * dx) @ weights, 0.0)
    return segment_sum(pieces, bins[:-1], last, indices_are_sorted=True)


def cut_integrals(
    f: Callable[[Array, Array], Array], edges: Array, points: Array, order: int
) -> Array:
    """Integral of f over each bin, cut at points of any order, where f may have jumps.

    f takes x, (pieces, order), and whether that is below each point, (points, pieces, 1): at an
    edge, x alone would not tell. Derivatives in the points are those of the integral as one moves,
    to the right if it is at an edge.
    """
    ends = jnp.concatenate([edges, within(edges, points)])
    rank = jnp.argsort(stop_gradient(ends))  # stable: a point comes after edges of the same place
    at = jnp.arange(len(edges), len(ends))[:, None]
    below = (jnp.cumsum(rank[:-1] == at, axis=1) == 0) & (points >= edges[0])[:, None]
    pieces = bin_integrals(lambda x: f(x, below[..., None]), ends[rank], order)
    bins = jnp.cumsum(rank[:-1] < len(edges)) - 1
    return segment_sum(pieces, bins, len(edges) - 1, indices_are_sorted=True)


def within(edges: Array, point: Array) -> Array:
    """The point, or the end of the edges that it is beyond, which does not move with it."""
    return jnp.where(point < edges[0], edges[0], jnp.where(point > edges[-1], edges[-1], point))


def is_short(t: Array) -> Array:
    """Bins between edges t no wider than their distance from +-i, where differences cancel."""
    return jnp.diff(t) <= 1 + jnp.minimum(jnp.abs(t[1:]), jnp.abs(t[:-1]))


def split_integrals(
    integrals: Callable[[Array], Array], edges: Array, point: Array | float
) -> Array:
    """Integrals over bins of which the one around `point` is cut there, at a kink."""
    point = stop_gradient(jnp.clip(point, edges[0], edges[-1]))
    place = jnp.clip(jnp.searchsorted(edges, point, side="right"), 1, len(edges) - 1)
    index = jnp.arange(len(edges) + 1)
    shifted = edges[jnp.clip(index - 1, 0, len(edges) - 1)]
    more = jnp.where(index < place, edges[jnp.minimum(index, len(edges) - 1)], shifted)
    pieces = integrals(jnp.where(index == place, point, more))
    before, after = pieces[..., :-1], pieces[..., 1:]
    index = index[: len(edges) - 1]
    whole = jnp.where(index < place, before, after)
    return whole + jnp.where(index == place - 1, after, 0.0)


@custom_vmap
def everywhere(condition: Array) -> Array:
    """The condition; over a batch, whether it holds in all of it, so that `cond` stays a branch."""
    return condition


@everywhere.def_vmap
def _everywhere_vmap(axis_size: int, in_batched: list[bool], condition: Array) -> tuple[Any, bool]:
    return everywhere(jnp.all(condition)), False
