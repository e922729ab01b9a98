"""Prints models/shapes/landau_table.py: `python tests/models/landau_table.py > the file`.

The density, and the probability beyond x, are computed with mpmath: by an integral over the real
axis on the right (Landau's own), and on the left by one through the saddle point of the inverse
Laplace transform.
"""

import mpmath

ORDER = 26
#: Pieces end at these, of Landau's variable.
LEFT, RIGHT = -2, 4

HEAD = '''\
"""Chebyshev coefficients for models/shapes/landau.py, made by tests/models/landau_table.py."""

LEFT, RIGHT = {left}, {right}  # of Landau's variable x, where the pieces end
FARTHEST = {farthest}  # 1 / w at RIGHT, w + log(w) being Landau's variable
'''


def right(w, power):
    """At w + log(w), of power 1 Landau's density times w^2, of 0 the probability beyond times w."""
    if mpmath.isinf(w):
        return mpmath.mpf(1)

    def integrand(r):
        known = mpmath.exp(-r - r * mpmath.log(r) / w) * mpmath.sinc(mpmath.pi * r / w)
        return r**power * known

    return mpmath.quad(integrand, [0, 0.25, 1, 2, 4, 8, 16, 32, 64, 128])


def left(s, power):
    """At -1 - log(s), of power 0 Landau's density times exp(s) sqrt(2 pi / s), of -1 the
    probability up to there times exp(s) sqrt(2 pi s)."""
    if mpmath.isinf(s):
        return mpmath.mpf(1)
    root = mpmath.sqrt(s)

    def integrand(t):
        z = mpmath.mpc(1, t / root)
        return mpmath.re(z**power * mpmath.exp(s * (z * (mpmath.log(z) - 1) + 1)))

    return mpmath.quad(integrand, [0, 0.5, 1, 2, 4, 8, 16, 32, 64, 128]) * mpmath.sqrt(
        2 / mpmath.pi
    )


def log_density(x):
    """Logarithm of Landau's density at x."""
    if x > 0:
        w = mpmath.lambertw(mpmath.exp(x)).real
        return mpmath.log(right(w, 1)) - 2 * mpmath.log(w)
    s = mpmath.exp(-1 - x)
    return mpmath.log(left(s, 0) * mpmath.sqrt(s / (2 * mpmath.pi))) - s


def log_cdf(x):
    """Logarithm of the probability up to x."""
    if x > 0:
        w = mpmath.lambertw(mpmath.exp(x)).real
        return mpmath.log(1 - right(w, 0) / w)
    s = mpmath.exp(-1 - x)
    return mpmath.log(left(s, -1) / mpmath.sqrt(2 * mpmath.pi * s)) - s


def chebyshev(f, low, high):
    """Coefficients, the first halved, of f on [low, high]."""
    count = 2 * ORDER
    angles = [mpmath.pi * (k + mpmath.mpf(1) / 2) / count for k in range(count)]
    values = [f((low + high + (high - low) * mpmath.cos(a)) / 2) for a in angles]
    rows = [
        sum(v * mpmath.cos(j * a) for v, a in zip(values, angles, strict=True)) * 2 / count
        for j in range(ORDER)
    ]
    return [rows[0] / 2, *rows[1:]]


def table():
    """The three pieces of either: (name, comment, coefficients)."""
    farthest = 1 / mpmath.lambertw(mpmath.exp(RIGHT)).real
    nearest = mpmath.exp(1 + LEFT)
    below = "in 1 / s = exp(1 + x) from 0 to exp(1 + LEFT)"
    for name, what, on_left, power, on_right, middle in (
        (
            "DENSITY",
            "density",
            "density * exp(s) * sqrt(2 pi / s)",
            0,
            "density * w^2",
            log_density,
        ),
        ("CDF", "cdf", "cdf * exp(s) * sqrt(2 pi s)", -1, "(1 - cdf) * w", log_cdf),
    ):
        yield (
            f"{name}_LEFT",
            f"log of {on_left}, {below}",
            chebyshev(lambda v, n=power: mpmath.log(left(1 / v, n)), 0, nearest),
        )
        yield (
            f"{name}_MIDDLE",
            f"log of {what}, in x from LEFT to RIGHT",
            chebyshev(middle, LEFT, RIGHT),
        )
        yield (
            f"{name}_RIGHT",
            f"log of {on_right}, in 1 / w from 0 to FARTHEST",
            chebyshev(lambda e, n=power: mpmath.log(right(1 / e, n + 1)), 0, farthest),
        )


def main():
    mpmath.mp.dps = 30
    farthest = 1 / mpmath.lambertw(mpmath.exp(RIGHT)).real
    print(HEAD.format(left=f"{LEFT:.1f}", right=f"{RIGHT:.1f}", farthest=repr(float(farthest))))
    for name, comment, coefficients in table():
        print(f"#: {comment}.\n{name} = (")
        for coefficient in coefficients:
            print(f"    {float(coefficient)!r},")
        print(")")


if __name__ == "__main__":
    main()
