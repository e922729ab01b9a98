"""Kinks of sums, of nested functions and of several arguments, against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from models.formula.formula import Formula
from models.formula.kinks import MOST_FACES, MOST_FIXED, MOST_MOVING, faces, kinks
from models.registry import SHAPES

EDGES = np.array([-0.3, 0.4, 1.7, 2.9, 4.4, 6.25, 9.0, 12.5])


def read(text):
    return Formula.read(text, SHAPES)


def integrals(text, params):
    return np.asarray(jax.jit(read(text).integral)(jnp.asarray(EDGES), *params))


def broken(*points):
    """Integrals of straight pieces through (x, y) points, from the first edge to the last."""
    x, y = np.array(points).T
    all_x = np.union1d(x, EDGES)
    steps = np.diff(all_x) * (np.interp(all_x, x, y)[1:] + np.interp(all_x, x, y)[:-1]) / 2
    return np.diff(np.interp(EDGES, all_x, np.concatenate([[0.0], np.cumsum(steps)])))


FIRST, LAST = EDGES[0], EDGES[-1]
#: formula, its parameters in order of appearance, where it turns
BROKEN = [
    ("a*max(0, min(1, (x - t)/w))", [3.0, 1.1, 4.0], [(1.1, 0), (5.1, 3)]),
    ("min(max((x - t)/w, 0), 1)*a", [1.1, 4.0, 3.0], [(1.1, 0), (5.1, 3)]),
    ("a*max(0, 1 - abs(x - c)/w)", [3.0, 2.0, 1.5], [(0.5, 0), (2, 3), (3.5, 0)]),
    ("max(a - x, b, x - c)", [3.0, 1.0, 6.0], [(FIRST, 3 - FIRST), (2, 1), (7, 1), (LAST, 6.5)]),
    ("min(x, a, b - x/2)", [3.0, 5.0], [(FIRST, FIRST), (3, 3), (4, 3), (LAST, -1.25)]),
    ("a*abs(abs(x - b) - c)", [2.0, 3.0, 1.0], [(FIRST, 4.6), (2, 0), (3, 2), (4, 0), (LAST, 17)]),
]


@pytest.mark.parametrize(("text", "params", "turns"), BROKEN)
def test_straight_pieces_are_integrated_exactly(text, params, turns):
    first, last = turns[0], turns[-1]
    points = [(FIRST - 1, first[1]), *turns, (LAST + 1, last[1])]
    points = [p for p in points if p[0] in (x for x, _ in turns) or first[0] > FIRST]
    np.testing.assert_allclose(integrals(text, params), broken(*points), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("knots", [5, 20])
def test_a_hinge_function_has_as_many_knots_as_it_needs(knots):
    """From b0 on, b_i max(0, x - i / 2) is b_i (x - i / 2)^2 / 2 when integrated."""
    places = np.arange(1, knots + 1) / 2
    terms = (f"b{i}*max(0, x - {place})" for i, place in enumerate(places, start=1))
    heights = np.linspace(1, 2, knots + 1)
    squares = np.maximum(EDGES[:, None] - places, 0) ** 2 / 2
    expected = heights[0] * np.diff(EDGES) + np.diff(squares, axis=0) @ heights[1:]
    found = integrals(" + ".join(["b0", *terms]), heights)
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_knots_that_are_parameters_have_exact_slopes():
    text = " + ".join(["b0", *(f"b*max(0, x - c{i})" for i in range(6))])
    formula, places = read(text), jnp.array([0.5, 2.0, 2.5, 3.0, 5.0, 7.5])
    order = {name: i for i, name in enumerate(formula.names)}

    def integral(c):
        known = {"b0": 1.0, "b": 2.0} | {f"c{i}": c[i] for i in range(6)}
        return formula.integral(jnp.asarray(EDGES), *(known[name] for name in order))

    slopes, curves = jax.jit(lambda c: (jax.jacfwd(integral)(c), jax.hessian(integral)(c)))(places)
    beyond = np.maximum(EDGES[:, None] - np.asarray(places), 0)
    np.testing.assert_allclose(slopes, -2 * np.diff(beyond, axis=0), rtol=1e-12, atol=1e-13)
    inside = np.diff(EDGES[:, None] > np.asarray(places), axis=0)
    expected = 2.0 * inside[:, :, None] * np.eye(6)
    np.testing.assert_allclose(curves, expected, rtol=1e-12, atol=1e-12)


def test_what_takes_time_is_bounded():
    fixed = f"a*max({', '.join(f'{i}*x - {i * i}' for i in range(1, 20))})"  # 171 pairs
    moving = " + ".join(f"max(0, x - c{i})" for i in range(MOST_MOVING + 9))
    assert len(kinks(read(fixed).tree)) == MOST_FIXED
    assert len(kinks(read(moving).tree)) == MOST_MOVING
    nested = "x - a"
    for _ in range(12):
        nested = f"abs({nested}) - 1"
    assert len(faces(read(nested).tree)) <= MOST_FACES


def test_a_jump_is_cut_before_kinks():
    kinked = " + ".join(f"max(0, x - c{i})" for i in range(MOST_MOVING + 9))
    formula = read(f"({kinked})*where(x < t, 1, f)")
    first = kinks(formula.tree)[0]
    assert formula.names[first.zero.index] == "t"
