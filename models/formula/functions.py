"""The functions that a formula may call: how JAX computes them, how constants are folded.

Slopes are finite wherever the value has an ordinary limit. `jnp.where` does not protect a slope,
so arguments are replaced where a function is not to be asked, and its answer is chosen after.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from types import MappingProxyType

import jax.numpy as jnp
from jax import Array
from jax.lax import integer_pow, stop_gradient
from jax.scipy import special

#: Constant exponents up to this are multiplied out.
INTEGER_POWERS = 1000
#: Of exponential functions: exp(600) can be multiplied with 1e40 and more before it overflows.
STEEPEST = 600.0


@dataclass(frozen=True)
class Function:
    """`most` is None where any number of arguments from `least` on will do."""

    compute: Callable[..., Array]
    fold: Callable[..., float]
    least: int = 1
    most: int | None = 1


def finite_slope(function: Callable[[Array], Array], largest: float) -> Callable[[Array], Array]:
    """An exponential function; it overflows beyond `largest`, and its slope is 0 beyond `STEEPEST`.

    So 1 / (1 + exp(u)) has slopes where exp(u) is infinite: 0 times infinity is none. And it has
    them where exp(u) is finite still, but not its second derivative by the width of an edge.
    """

    def bounded(u: Array) -> Array:
        steep, over = jnp.abs(u) > STEEPEST, jnp.abs(u) > largest
        held = stop_gradient(jnp.clip(u, -largest, largest))
        infinite = stop_gradient(function(jnp.copysign(jnp.inf, u)))
        return jnp.where(over, infinite, function(jnp.where(steep, held, u)))

    return bounded


def root(u: Array) -> Array:
    """Square root with slope 0 at 0, as sqrt(a * x) has in a at x = 0."""
    positive = u > 0
    beyond = jnp.where(u == 0, 0.0, jnp.nan)
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, u, 1.0)), beyond)


def cube_root(u: Array) -> Array:
    """Cube root with slope 0 at 0."""
    return jnp.where(u == 0, 0.0, jnp.cbrt(jnp.where(u == 0, 1.0, u)))


def hypotenuse(a: Array, b: Array) -> Array:
    """Root of a^2 + b^2 with slope 0 at the origin."""
    origin = (a == 0) & (b == 0)
    return jnp.where(origin, 0.0, jnp.hypot(jnp.where(origin, 1.0, a), b))


def angle(a: Array, b: Array | float) -> Array:
    """atan2 with slope 0 at the origin.

    XLA may not learn that b is 1: it would then compute atan, which jaxlib 0.10.2 gets wrong in
    long arrays on processors with 512-bit vectors (jax issue 39352).
    """
    b = jnp.where(jnp.isnan(a), jnp.nan, b)
    origin = (a == 0) & (b == 0)
    there = stop_gradient(jnp.arctan2(a, b))
    return jnp.where(origin, there, jnp.arctan2(jnp.where(origin, 1.0, a), b))


def integer_power(base: Array, exponent: int) -> Array:
    """Base of either sign to a whole exponent."""
    return integer_pow(base, exponent)


def real_power(base: Array, exponent: Array) -> Array:
    """Base to any exponent; below 0 there is a value for whole exponents only, none between.

    At base 0 and below, the slope in the exponent is 0, and at 0 the slope in the base is finite.
    """
    positive, negative = base > 0, base < 0
    whole = stop_gradient(exponent)
    above = jnp.power(jnp.where(positive, base, 1.0), exponent)
    below = jnp.power(jnp.where(negative, base, -1.0), whole)
    at_zero = jnp.where(whole > 0, 0.0, jnp.where(whole == 0, 1.0, jnp.inf))
    at_zero = jnp.where(whole == 1, base, jnp.where(whole == 2, base * base, at_zero))
    at_zero = jnp.where(jnp.isnan(base) | jnp.isnan(whole), jnp.nan, at_zero)
    return jnp.where(positive, above, jnp.where(negative, below, at_zero))


def smallest(*values: Array) -> Array:
    """The smallest of at least two."""
    return reduce(jnp.minimum, values)


def largest(*values: Array) -> Array:
    """The largest of at least two."""
    return reduce(jnp.maximum, values)


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "abs": Function(jnp.abs, math.fabs),
        "acos": Function(jnp.arccos, math.acos),
        "acosh": Function(jnp.arccosh, math.acosh),
        "asin": Function(jnp.arcsin, math.asin),
        "asinh": Function(jnp.arcsinh, math.asinh),
        "atan": Function(lambda u: angle(u, 1.0), math.atan),
        "atan2": Function(angle, math.atan2, 2, 2),
        "atanh": Function(jnp.arctanh, math.atanh),
        "cbrt": Function(cube_root, math.cbrt),
        "cos": Function(jnp.cos, math.cos),
        "cosh": Function(finite_slope(jnp.cosh, 710.4), math.cosh),
        "erf": Function(special.erf, math.erf),
        "erfc": Function(special.erfc, math.erfc),
        "exp": Function(finite_slope(jnp.exp, 709.7), math.exp),
        "expm1": Function(finite_slope(jnp.expm1, 709.7), math.expm1),
        "hypot": Function(hypotenuse, math.hypot, 2, 2),
        "lgamma": Function(special.gammaln, math.lgamma),
        "log": Function(jnp.log, math.log),
        "log10": Function(jnp.log10, math.log10),
        "log1p": Function(jnp.log1p, math.log1p),
        "log2": Function(jnp.log2, math.log2),
        "max": Function(largest, max, 2, None),
        "min": Function(smallest, min, 2, None),
        "pow": Function(real_power, math.pow, 2, 2),
        "sin": Function(jnp.sin, math.sin),
        "sinh": Function(finite_slope(jnp.sinh, 710.4), math.sinh),
        "sqrt": Function(root, math.sqrt),
        "tan": Function(jnp.tan, math.tan),
        "tanh": Function(jnp.tanh, math.tanh),
    }
)
