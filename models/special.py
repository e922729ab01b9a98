"""Areas that several peaks need, good to the last digits in tails and in narrow bins."""

import math

import jax.numpy as jnp
from jax import Array, custom_jvp
from jax.lax import stop_gradient
from jax.scipy.special import erfc

SQRT_HALF = math.sqrt(0.5)
INVERSE_SQRT_2PI = 1 / math.sqrt(2 * math.pi)
SQRT_2PI = math.sqrt(2 * math.pi)
NARROW = 1e-3  # where both ways of integrating a bin are good to 1e-12

#: (1 + 2 x) erfcx(x) in powers of (x - ERFCX_K) / (x + ERFCX_K), good to 1e-15 for x >= 0: the
#: expansion of Shepherd and Laframboise, Math. Comp. 36 (1981) 249, with more digits.
ERFCX_K = 3.75
ERFCX_POWERS = (
    1.2375126308378275,
    -0.14024059858554697,
    0.0035854154854644293,
    0.0822767384901452,
    -0.10880393014174886,
    0.09230432116037748,
    -0.05869339858963677,
    0.028362277418956406,
    -0.009746579558029276,
    0.0017556258528952954,
    0.0002937136655913448,
    -0.0002901540805408417,
    5.164909889268241e-05,
    2.238423915508223e-05,
    -1.1444146237700524e-05,
    -9.73559896736775e-07,
    1.751637648849062e-06,
    -5.7218230603224086e-08,
    -2.5866850716155884e-07,
    2.3263508708859124e-08,
    3.8675334242222354e-08,
    -3.744210080962018e-09,
    -5.1739902140113095e-09,
    3.1114333809799254e-10,
    4.2514714447963895e-10,
)


def settled(*arrays: Array) -> tuple[Array, ...]:
    """The same arrays, of one shape, any, as they come out of a product with the identity.

    XLA repeats what it fuses for every later use, for bins once for either edge and again for
    every derivative; it does not look through a product. Shapes get up to ten times faster.
    """
    return tuple(jnp.tensordot(jnp.eye(len(arrays)), jnp.stack(arrays), axes=1))


def powers_of(x: Array, count: int) -> Array:
    """x, x^2, ... in rows, by squaring: of a chain of products XLA repeats all for every row."""
    exponents = jnp.arange(1, count + 1)[:, None]
    rows, square = jnp.ones((count, len(x))), x
    for bit in range(count.bit_length()):
        rows = jnp.where((exponents >> bit) & 1 == 1, rows * square, rows)
        square = square * square
    return rows


def normal_density(z: Array) -> Array:
    """Density of the standard normal distribution."""
    return INVERSE_SQRT_2PI * jnp.exp(-0.5 * z * z)


def normal_cdf(z: Array) -> Array:
    """Cumulative distribution function of the standard normal distribution."""
    return 0.5 * erfc(-SQRT_HALF * z)


@custom_jvp
def normal_cdf_area(z: Array) -> Array:
    """Integral of the cdf from minus infinity to z; it cancels far below 0."""
    return z * normal_cdf(z) + normal_density(z)


normal_cdf_area.defjvps(lambda tangent, _, z: tangent * normal_cdf(z))


def normal_tail(z: Array) -> Array:
    """Area beyond z, away from 0: a difference of cdfs would cancel to 0 beyond 8 sigma."""
    # abs has no slope at 0, where an edge at mu needs one
    z = z + jnp.where(z == 0, 1e-300, 0.0)
    return 0.5 * erfc(jnp.abs(z) * SQRT_HALF)


def narrow_area(width: Array, density: Array, slope: Array) -> Array:
    """Area of narrow bins from density and slope at their edges.

    The Euler-Maclaurin sum (Abramowitz and Stegun, 23.1.30), good to 1e-15 below NARROW.
    """
    trapezium = (density[1:] + density[:-1]) / 2
    return width * (trapezium - width / 12 * jnp.diff(slope))


def normal_area(z: Array, width: Array, *, lean: bool = False) -> Array:
    """Area of the standard normal density between successive z, which rise.

    `width` is their distance with all its digits, more than a difference of z has left. Of narrow
    bins, `lean` leaves the slopes to the tails, which lose as many digits as the bin is narrow;
    this is the fastest with slopes, and without any the slowest.
    """
    tail, density = normal_tail(z), normal_density(stop_gradient(z) if lean else z)
    if not lean:
        tail, density = settled(tail, density)
    left_of_0 = jnp.where(z[1:] < 0, jnp.diff(tail), 1 - tail[1:] - tail[:-1])
    exact = jnp.where(z[:-1] >= 0, -jnp.diff(tail), left_of_0)
    if lean:
        z, width = stop_gradient((z, width))
    area = narrow_area(width, density, -z * density)
    narrow = width * (1 + jnp.abs(z[1:])) < NARROW
    if lean:
        return exact + jnp.where(narrow, area - stop_gradient(exact), 0.0)
    return jnp.where(narrow, area, exact)


def _erfcx_pair(a: Array, b: Array, gap: Array) -> tuple[Array, Array, Array]:
    u, v = (a - ERFCX_K) / (a + ERFCX_K), (b - ERFCX_K) / (b + ERFCX_K)
    at_u, at_v, quotient = jnp.zeros_like(u), jnp.zeros_like(v), jnp.zeros_like(u)
    for power in reversed(ERFCX_POWERS):
        # of both values' difference by u - v
        quotient = quotient * v + at_u
        at_u, at_v = at_u * u + power, at_v * v + power
    over_a, over_b = 1 / (1 + 2 * a), 1 / (1 + 2 * b)
    u_minus_v = -2 * ERFCX_K * gap / ((a + ERFCX_K) * (b + ERFCX_K))
    drop = (u_minus_v * quotient + 2 * gap * over_b * at_v) * over_a
    at_a, at_b, drop = settled(at_u * over_a, at_v * over_b, drop)
    return at_a, at_b, drop


@custom_jvp
def erfcx_pair(a: Array, b: Array, gap: Array) -> tuple[Array, Array, Array]:
    """erfcx(a), erfcx(b) and their difference, where erfcx(x) = exp(x^2) erfc(x) and a, b >= 0.

    `gap` is b - a with all its digits; the difference has as many, however small.
    """
    return _erfcx_pair(a, b, gap)


@erfcx_pair.defjvp
def _erfcx_pair_jvp(
    primals: tuple[Array, Array, Array], tangents: tuple[Array, Array, Array]
) -> tuple[tuple[Array, Array, Array], tuple[Array, Array, Array]]:
    a, b, gap = primals
    da, db, dgap = tangents
    at_a, at_b, drop = erfcx_pair(a, b, gap)
    slope_a, slope_b = _erfcx_slope(a, at_a), _erfcx_slope(b, at_b)
    # of both slopes' difference
    change = 2 * (a * drop - gap * at_b)
    return (at_a, at_b, drop), (slope_a * da, slope_b * db, change * da - slope_b * dgap)


def _erfcx_slope(x: Array, erfcx: Array) -> Array:
    """2 x erfcx - 2 / sqrt(pi), which cancels at large x: there the asymptotic series."""
    large = x > 12
    half = 0.5 / jnp.where(large, x, 12.0) ** 2
    series = jnp.zeros_like(x)
    for k in range(11, 0, -1):  # 1 / (2 x^2) - 1 * 3 / (2 x^2)^2 + ...
        series = half * (2 * k - 1) * (1 - series)
    return jnp.where(large, -series, math.sqrt(math.pi) * x * erfcx - 1) * 2 / math.sqrt(math.pi)
