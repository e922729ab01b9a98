"""The Faddeeva function w(z) = exp(-z^2) erfc(-iz) for Im z >= 0, in real arithmetic.

Trapezoidal rule for w(z) = (i / pi) * integral of exp(-t^2) / (z - t), on nodes kept away from
z and with the residue at z added: M. Al Azah and S. N. Chandler-Wilde, Computation of the complex
error function using modified trapezoidal rules, SIAM J. Numer. Anal. 59 (2021) 2346.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from models.special import settled

STEP = math.sqrt(math.pi / 12)  # the rule errs by exp(-pi^2 / STEP^2), 4e-17
NODES = 14  # the next has a weight of 1e-21: small even where derivatives blow it up
FAR = 9.0  # |z|^2 from which derivatives are those of the sum; nearer they follow from w itself

Complex = tuple[Array, Array]


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def faddeeva(order: int, x: Array, y: Array) -> tuple[Complex, ...]:
    """w and its derivatives up to this order at x + i y, y >= 0: real and imaginary parts."""
    right = jnp.abs(x)
    midpoint = _nodes_at_midpoints(right)
    residue, g = _residue(right, y, midpoint)
    if order > 0:
        a, b, c, d = settled(*residue, *g)
        residue, g = (a, b), (c, d)
    sums = _sums(order, right, y, midpoint)
    near = [_plus(sums[0], residue)]
    for n in range(order):
        # w' = -2 z w + 2i / sqrt(pi), differentiated n times; cancels where |z| is large
        real, imaginary = _times(-2 * right, -2 * y, near[n])
        if n == 0:
            imaginary += 2 / math.sqrt(math.pi)
        else:
            real, imaginary = real - 2 * n * near[n - 1][0], imaginary - 2 * n * near[n - 1][1]
        near.append((real, imaginary))
    if order > 0:
        far = x * x + y * y >= FAR
        residues = _residue_derivatives(order, right, y, residue, g)
        for n in range(1, order + 1):
            near[n] = _select(far, _plus(sums[n], residues[n - 1]), near[n])
    mirror = jnp.where(x < 0, -1.0, 1.0)  # w(-x + iy) is the conjugate of w(x + iy)
    return tuple(
        (real, mirror * imaginary) if n % 2 == 0 else (mirror * real, imaginary)
        for n, (real, imaginary) in enumerate(near)
    )


@faddeeva.defjvp
def _faddeeva_jvp(
    order: int, primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[tuple[Complex, ...], tuple[Complex, ...]]:
    values = faddeeva(order + 1, *primals)
    return values[:-1], tuple(_times(*tangents, slope) for slope in values[1:])


def _plus(one: Complex, other: Complex) -> Complex:
    return one[0] + other[0], one[1] + other[1]


def _times(real: Array, imaginary: Array, factor: Complex) -> Complex:
    a, b = factor
    return real * a - imaginary * b, real * b + imaginary * a


def _select(condition: Array, yes: Complex, no: Complex) -> Complex:
    return jnp.where(condition, yes[0], no[0]), jnp.where(condition, yes[1], no[1])


def _nodes_at_midpoints(x: Array) -> Array:
    """Whether the nodes are at (k + 1 / 2) * STEP rather than at k * STEP."""
    offset = x / STEP - jnp.floor(x / STEP)
    return (offset < 0.25) | (offset > 0.75)


def _weight(position: float) -> float:
    half = 0.5 if position == 0 else 1.0  # the node 0 is its own mirror image
    return half * STEP / math.pi * math.exp(-((STEP * position) ** 2))


def _residue(x: Array, y: Array, midpoint: Array) -> tuple[Complex, Complex]:
    """r = exp(-z^2) g with g = 2 / (1 +- exp(-2 pi i z / STEP)), where r is to be added; and g."""
    wanted = (y < x) | (y < math.pi / STEP)
    x, y = jnp.where(wanted, jnp.minimum(x, 1e8), 1.0), jnp.where(wanted, jnp.minimum(y, 1e8), 1.0)
    sign = jnp.where(midpoint, 1.0, -1.0)
    angle, decay = 2 * math.pi / STEP * x, jnp.exp(-2 * math.pi / STEP * y)
    below_real, below_imaginary = decay + sign * jnp.cos(angle), sign * jnp.sin(angle)
    size = 2 * decay / (below_real**2 + below_imaginary**2)
    g = size * below_real, size * below_imaginary
    gaussian = jnp.where(wanted, jnp.exp((y - x) * (y + x)), 0.0)
    c, s = gaussian * jnp.cos(2 * x * y), -gaussian * jnp.sin(2 * x * y)
    return _times(c, s, g), g


def _sums(order: int, x: Array, y: Array, midpoint: Array) -> list[Complex]:
    """The rule's sum for w at x >= 0 and its derivatives, term by term."""
    shift = jnp.where(midpoint, 0.5, 0.0)
    weights = [jnp.array([_weight(k + s) for k in range(NODES)]) for s in (0.0, 0.5)]

    # a loop, since unrolled terms take several times as long to compile
    def add(k: Array, totals: list[Complex]) -> list[Complex]:
        t, weight = STEP * (k + shift), jnp.where(midpoint, weights[1][k], weights[0][k])
        left, right = x - t, x + t  # the distances to the nodes t and -t
        square = left * left + y * y, right * right + y * y
        common = 1 / (square[0] * square[1])
        over = common * square[1], common * square[0]
        powers = (left * over[0], -y * over[0]), (right * over[1], -y * over[1])
        current, sums = powers, []
        for n, (real, imaginary) in enumerate(totals):
            if n > 0:
                weight = -n * weight
                current = _times(*current[0], powers[0]), _times(*current[1], powers[1])
            (a, b), (c, d) = current
            sums.append((real - weight * (b + d), imaginary + weight * (a + c)))
        return sums

    zero = jnp.zeros_like(x)
    return jax.lax.fori_loop(0, NODES, add, [(zero, zero)] * (order + 1))


def _residue_derivatives(
    order: int, x: Array, y: Array, residue: Complex, start: Complex
) -> list[Complex]:
    """Of r = exp(-z^2) g, by Leibniz: r' = b r, b = -2 z + a (1 - g / 2) and g' = a g (1 - g / 2).

    Here a = 2 pi i / STEP.
    """
    x, y = jnp.minimum(x, 1e8), jnp.minimum(y, 1e8)
    r, g, rate = [residue], [start], 2 * math.pi / STEP
    logarithmic = []
    for n in range(order):
        # b, differentiated n times: the constants -2 z, -2 and 0, and that of a (1 - g / 2)
        real, imaginary = rate / 2 * g[n][1], -rate / 2 * g[n][0]
        if n == 0:
            real, imaginary = real - 2 * x, imaginary - 2 * y + rate
        elif n == 1:
            real = real - 2
        logarithmic.append((real, imaginary))
        r.append(_leibniz(logarithmic, r))
        c, d = _leibniz(g, g)
        g.append((rate * (d / 2 - g[n][1]), rate * (g[n][0] - c / 2)))
    return r[1:]


def _leibniz(f: list[Complex], g: list[Complex]) -> Complex:
    """Derivative of f g of the highest order that the lists of derivatives have."""
    n = len(f) - 1
    terms = [(math.comb(n, k), _times(*f[k], g[n - k])) for k in range(n + 1)]
    real = sum((c * a for c, (a, _) in terms[1:]), start=terms[0][1][0])
    return real, sum((c * b for c, (_, b) in terms[1:]), start=terms[0][1][1])
