"""Random expressions: each as Python code for the oracle, and in spellings of the same meaning.

The oracle is NumPy, with a bound on the rounding error carried along (Higham, Accuracy and
Stability of Numerical Algorithms, 3.3), so that cancellation is told from a mistake.
"""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

EPS = np.finfo(float).eps
NAMES = ("a", "b", "c", "d")
CALLS = ("exp", "log", "sqrt", "sin", "cos", "atan", "tanh", "abs", "erf", "cosh", "log1p", "cbrt")


@dataclass(frozen=True)
class Bounded:
    """A value, and how far rounding may have taken it."""

    value: np.ndarray
    error: np.ndarray

    @classmethod
    def of(cls, value):
        return cls(np.asarray(value, float), np.zeros_like(np.asarray(value, float)))

    def rounded(self):
        return Bounded(self.value, self.error + 4 * EPS * np.abs(self.value))

    def __add__(self, other):
        return Bounded(self.value + other.value, self.error + other.error).rounded()

    def __sub__(self, other):
        return Bounded(self.value - other.value, self.error + other.error).rounded()

    def __mul__(self, other):
        error = np.abs(self.value) * other.error + np.abs(other.value) * self.error
        return Bounded(self.value * other.value, error).rounded()

    def __truediv__(self, other):
        value = self.value / other.value
        error = (self.error + np.abs(value) * other.error) / np.abs(other.value)
        return Bounded(value, error).rounded()

    def __neg__(self):
        return Bounded(-self.value, self.error)

    def __pow__(self, other):
        error = np.abs(other * self.value ** (other - 1)) * self.error
        return Bounded(self.value**other, error + 8 * EPS * abs(other) * np.abs(self.value**other))

    def apply(self, function):
        """A function whose slope over the width of the error is taken by differences."""
        value = function(self.value)
        width = np.maximum(self.error, EPS * np.abs(self.value))
        around = [function(self.value + width), function(self.value - width)]
        error = np.max([np.abs(v - value) for v in around], axis=0)
        return Bounded(value, 2 * error + 16 * EPS * np.abs(value))


leaves = st.one_of(
    st.sampled_from([("x",), *(("name", n) for n in NAMES)]),
    st.sampled_from((0.5, 2.0, 3.0, 0.1, 1.75, 10.0, 7.0)).map(lambda v: ("number", v)),
)


def grow(inner):
    binary = st.sampled_from("+-*/")
    return st.one_of(
        st.tuples(binary, inner, inner),
        st.tuples(binary, inner, inner),
        st.tuples(st.just("neg"), inner),
        st.tuples(st.just("pow"), inner, st.sampled_from((2, 3, -1, -2, 1, 4))),
        st.tuples(st.just("call"), st.sampled_from(CALLS), inner),
    )


expressions = st.recursive(leaves, grow, max_leaves=14)


def names_in(tree):
    if tree[0] == "name":
        return {tree[1]}
    return set().union(*(names_in(t) for t in tree[1:] if isinstance(t, tuple)))


def varies(tree):
    return tree[0] == "x" or bool(names_in(tree)) or any(map(varies, filter(is_tree, tree[1:])))


def computes_numbers(tree):
    """Whether an operation on numbers alone occurs."""
    inner = list(filter(is_tree, tree[1:]))
    return bool(inner) and (not varies(tree) or any(map(computes_numbers, inner)))


def is_tree(part):
    return isinstance(part, tuple)


def value(tree, scope, functions):
    """By NumPy, bounded."""
    kind, *rest = tree
    match kind:
        case "x":
            return scope["x"]
        case "name":
            return scope[rest[0]]
        case "number":
            return Bounded.of(rest[0])
        case "neg":
            return -value(rest[0], scope, functions)
        case "pow":
            return value(rest[0], scope, functions) ** float(rest[1])
        case "call":
            return value(rest[1], scope, functions).apply(functions[rest[0]])
    left, right = (value(t, scope, functions) for t in rest)
    return {
        "+": left.__add__,
        "-": left.__sub__,
        "*": left.__mul__,
        "/": left.__truediv__,
    }[kind](right)


def spelled(tree, draw):
    """The expression as text; `draw(n)` decides between n ways that mean the same."""
    kind, *rest = tree
    match kind:
        case "x":
            return "x"
        case "name":
            return rest[0]
        case "number":
            return (repr(rest[0]), f"{rest[0]:e}", f"({rest[0]:.2f})")[draw(3)]
        case "neg":
            inner = spelled(rest[0], draw)
            return (f"(-({inner}))", f"(-1*({inner}))", f"(({inner})*(-1))")[draw(3)]
        case "pow":
            inner, n = spelled(rest[0], draw), rest[1]
            ways = [f"(({inner})^({n}))", f"(({inner})**({n}))", f"pow({inner}, {n})"]
            ways += [f"(({inner})*({inner}))"] if n == 2 else []
            ways += [f"(1/({inner})^{-n})"] if n < 0 and varies(rest[0]) else []
            return ways[draw(len(ways))]
        case "call":
            inner = spelled(rest[1], draw)
            ways = [f"{rest[0]}({inner})", f"( {rest[0]} ( {inner} ))"]
            ways += [f"(({inner})^0.5)"] if rest[0] == "sqrt" else []
            return ways[draw(len(ways))]
    left, right = (spelled(t, draw) for t in rest)
    ways = {
        "+": [f"(({left}) + ({right}))", f"(({right}) + ({left}))", f"(({left}) - (-({right})))"],
        "-": [f"(({left}) - ({right}))", f"(-({right}) + ({left}))", f"(-(({right}) - ({left})))"],
        "*": [f"(({left}) * ({right}))", f"(({right}) * ({left}))", f"(-({left}) * (-({right})))"],
        "/": [f"(({left}) / ({right}))", f"(-({left}) / (-({right})))"],
    }[kind]
    return ways[draw(len(ways))]
